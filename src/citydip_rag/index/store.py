"""Documents and passages in SQLite, read by row number."""

from __future__ import annotations

import sqlite3
import threading
import weakref
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from citydip_rag.index.passages import COLUMNS, Passages, passage_of, row_of
from citydip_rag.schema import Document, DocumentName, Passage

FILE: Final = "passages.sqlite"
_SCHEMA: Final = """
create table document (
    id text primary key, title text not null, source text not null,
    label text not null, body text not null
) without rowid;
create table passage (
    number integer primary key, id text not null, document_id text not null,
    position integer not null, start integer not null, "end" integer not null,
    heading text not null, context text not null, language text not null, page integer,
    sentences text not null, body text not null
);
create index passage_document on passage (document_id, number);
"""


def write_store(folder: Path, documents: Iterable[Document], passages: Iterable[Passage]) -> None:
    """Write the store of a new generation; passages are numbered from 0 in this order."""
    connection = sqlite3.connect(folder / FILE)
    try:
        connection.executescript(_SCHEMA)
        connection.executemany(
            "insert into document values (?, ?, ?, ?, ?)",
            ((d.id, d.title, d.source, d.label, d.model_dump_json()) for d in documents),
        )
        connection.executemany(
            f"insert into passage ({COLUMNS}) values ({', '.join('?' * 12)})",
            (row_of(number, passage) for number, passage in enumerate(passages)),
        )
        connection.commit()
    finally:
        connection.close()


class PassageStore(Passages):
    """Reads a generation's documents and passages from its file."""

    def __init__(self, folder: Path) -> None:
        """Open the store read-only.

        Raises:
            sqlite3.DatabaseError: the file is no database.
        """
        address = f"{(folder / FILE).absolute().as_uri()}?mode=ro&immutable=1"
        self._connection = sqlite3.connect(address, uri=True, check_same_thread=False)
        self._closing = weakref.finalize(self, self._connection.close)
        self._lock = threading.Lock()
        super().__init__(
            {
                identity: DocumentName(title=title, source=source, label=label)
                for identity, title, source, label in self._query(
                    "select id, title, source, label from document"
                )
            }
        )

    def close(self) -> None:
        """Close the database; else it is closed with the last reference to the store."""
        self._closing()

    def __len__(self) -> int:
        """Number of passages."""
        return int(self._query("select count(*) from passage")[0][0])

    def languages(self) -> list[str]:
        """Languages of the passages."""
        return [row[0] for row in self._query("select distinct language from passage order by 1")]

    def document(self, document_id: str) -> Document:
        """A whole document.

        Raises:
            KeyError: there is no such document.
        """
        rows = self._query("select body from document where id = ?", document_id)
        if not rows:
            raise KeyError(document_id)
        return Document.model_validate_json(rows[0][0])

    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Passages by number; numbers that do not exist are left out."""
        marks = ", ".join("?" * len(numbers))
        rows = self._query(f"select {COLUMNS} from passage where number in ({marks})", *numbers)
        return {row[0]: passage_of(row) for row in rows}

    def numbers(self) -> list[int]:
        """Numbers of all passages, rising."""
        return [row[0] for row in self._query("select number from passage order by number")]

    def numbers_of(self, document_ids: Sequence[str]) -> list[int]:
        """Numbers of all passages of these documents, rising."""
        marks = ", ".join("?" * len(document_ids))
        rows = self._query(
            f"select number from passage where document_id in ({marks}) order by number",
            *document_ids,
        )
        return [row[0] for row in rows]

    def numbers_with(
        self, column: Literal["heading", "body"], text: str, document_ids: Sequence[str] | None
    ) -> list[int]:
        """Numbers of the passages in which a text stands exactly so, rising."""
        wanted = list(document_ids or ())
        within = f"document_id in ({', '.join('?' * len(wanted))}) and" if wanted else ""
        rows = self._query(
            f"select number from passage where {within} instr({column}, ?) order by number",
            *wanted,
            text,
        )
        return [row[0] for row in rows]

    def number_of(self, document_id: str, passage_id: str) -> int | None:
        """Number of a passage, or None where the store does not hold it."""
        rows = self._query(
            "select number from passage where document_id = ? and id = ?", document_id, passage_id
        )
        return int(rows[0][0]) if rows else None

    def _query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._connection.execute(statement, values).fetchall()
