"""Documents, passages and their token vectors, read from the database by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np

from citydip_rag.embedding.base import IntArray
from citydip_rag.embedding.projection import Int8Array
from citydip_rag.index.cache import CachedEncoding
from citydip_rag.index.passages import COLUMNS, Passages, passage_of
from citydip_rag.index.postgres.database import Rows
from citydip_rag.index.tokens import Tokens
from citydip_rag.schema import Document, DocumentName, Passage

VALID: Final = "since <= %(generation)s and until > %(generation)s"
"""What the generation named holds."""
_NO_VECTOR: Final = np.zeros(0, dtype=np.float32)


class PostgresPassages(Passages):
    """Reads one generation's documents and passages."""

    def __init__(self, database: Rows, generation: int) -> None:
        """Read the documents' names.

        Args:
            database: where they are.
            generation: its id.
        """
        self._database = database
        self._generation = generation
        rows = self._rows(f"select id, title, source, label from citydip.document where {VALID}")
        super().__init__(
            {
                identity: DocumentName(title=title, source=source, label=label)
                for identity, title, source, label in rows
            }
        )

    def close(self) -> None:
        """Nothing is open but the pool, which others use too."""

    def __len__(self) -> int:
        """Number of passages."""
        return int(self._rows(f"select count(*) from citydip.passage where {VALID}")[0][0])

    def languages(self) -> list[str]:
        """Languages of the passages."""
        rows = self._rows(
            f"select distinct language from citydip.passage where {VALID} order by language"
        )
        return [row[0] for row in rows]

    def document(self, document_id: str) -> Document:
        """A whole document.

        Raises:
            KeyError: there is no such document.
        """
        rows = self._rows(
            f"select body from citydip.document where {VALID} and id = %(id)s", id=document_id
        )
        if not rows:
            raise KeyError(document_id)
        return Document.model_validate_json(rows[0][0])

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Passages by number; numbers that do not exist are left out."""
        rows = self._rows(
            f"select {COLUMNS} from citydip.passage"
            f" where {VALID} and number = any(%(numbers)s::bigint[])",
            numbers=list(numbers),
        )
        found = {row[0]: passage_of(row) for row in rows}
        return {number: found[number] for number in sorted(found)}

    def numbers(self) -> list[int]:
        """Numbers of all passages, rising."""
        rows = self._rows(f"select number from citydip.passage where {VALID} order by number")
        return [row[0] for row in rows]

    def numbers_of(self, document_ids: Sequence[str]) -> list[int]:
        """Numbers of all passages of these documents, rising."""
        rows = self._rows(
            f"select number from citydip.passage"
            f" where {VALID} and document_id = any(%(ids)s::text[]) order by number",
            ids=list(document_ids),
        )
        return [row[0] for row in rows]

    def numbers_with(
        self, column: Literal["heading", "body"], text: str, document_ids: Sequence[str] | None
    ) -> list[int]:
        """Numbers of the passages in which a text stands exactly so, rising."""
        within = "and document_id = any(%(ids)s::text[])" if document_ids else ""
        rows = self._rows(
            f"select number from citydip.passage where {VALID} {within}"
            f" and strpos({column}, %(text)s) > 0 order by number",
            text=text,
            ids=list(document_ids or ()),
        )
        return [row[0] for row in rows]

    def number_of(self, document_id: str, passage_id: str) -> int | None:
        """Number of a passage, or None where the store does not hold it."""
        rows = self._rows(
            f"select number from citydip.passage"
            f" where {VALID} and document_id = %(document)s and id = %(id)s",
            document=document_id,
            id=passage_id,
        )
        return int(rows[0][0]) if rows else None

    def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        return self._database.rows(statement, {"generation": self._generation, **values})


class PostgresTokens(Tokens):
    """Reads the token vectors of some passages at once."""

    def __init__(self, database: Rows, passages: int) -> None:
        """Read those of a generation of so many passages."""
        self._database = database
        self._passages = passages

    def __len__(self) -> int:
        """Number of passages."""
        return self._passages

    def compressed(self, numbers: Sequence[int]) -> list[tuple[Int8Array, IntArray]]:
        """What the database holds for these passages, whatever generation they are of."""
        keys: dict[int, bytes] = dict(
            self._database.rows(
                "select number, key from citydip.passage where number = any(%(numbers)s::bigint[])",
                {"numbers": list(numbers)},
            )
        )
        # Not joined: only keys that are known lead straight to their partitions.
        rows = self._database.rows(
            "select key, tokens, offsets from citydip.encoding where key = any(%(keys)s::bytea[])",
            {"keys": list(keys.values())},
        )
        found = {
            key: CachedEncoding.of_bytes(_NO_VECTOR, tokens, offsets)
            for key, tokens, offsets in rows
        }
        encodings = [found[keys[number]] for number in numbers]
        return [(encoding.tokens, encoding.offsets) for encoding in encodings]
