"""The seam of what an index holds in words: its documents and passages, read by number."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from citydip_rag.schema import Document, DocumentName, Passage, Sentence

COLUMNS: Final = (
    'number, id, document_id, position, start, "end", heading, context, language, page,'
    " sentences, body"
)
"""Of a passage, in every store."""
_AT_ONCE: Final = 500


class Passages(ABC):
    """Reads a generation's documents and passages; safe to call from many threads."""

    def __init__(self, names: Mapping[str, DocumentName]) -> None:
        """Hold the documents' names, which every answer asks for."""
        self._names = names

    @abstractmethod
    def close(self) -> None:
        """Close what was opened for this generation."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of passages."""

    @abstractmethod
    def languages(self) -> list[str]:
        """Languages of the passages."""

    def document_ids(self) -> list[str]:
        """Ids of all documents."""
        return sorted(self._names)

    def name(self, document_id: str) -> DocumentName:
        """What a citation says of a document.

        Raises:
            KeyError: there is no such document.
        """
        return self._names[document_id]

    @abstractmethod
    def document(self, document_id: str) -> Document:
        """A whole document.

        Raises:
            KeyError: there is no such document.
        """

    @abstractmethod
    def passages(self, numbers: Sequence[int]) -> dict[int, Passage]:
        """Passages by number; numbers that do not exist are left out."""

    def all_passages(self, numbers: Sequence[int]) -> list[Passage]:
        """Passages of these numbers in their order, however many they are."""
        made: list[Passage] = []
        for start in range(0, len(numbers), _AT_ONCE):
            chunk = numbers[start : start + _AT_ONCE]
            found = self.passages(chunk)
            made += [found[number] for number in chunk]
        return made

    @abstractmethod
    def numbers(self) -> list[int]:
        """Numbers of all passages, rising."""

    @abstractmethod
    def numbers_of(self, document_ids: Sequence[str]) -> list[int]:
        """Numbers of all passages of these documents, rising."""

    @abstractmethod
    def numbers_with(
        self, column: Literal["heading", "body"], text: str, document_ids: Sequence[str] | None
    ) -> list[int]:
        """Numbers of the passages in which a text stands exactly so, rising.

        Args:
            column: where to look: in the passages' headings or in themselves.
            text: what to look for.
            document_ids: the only documents to look in, or None for all.
        """

    @abstractmethod
    def number_of(self, document_id: str, passage_id: str) -> int | None:
        """Number of a passage, or None where the store does not hold it."""


def row_of(number: int, passage: Passage) -> tuple[object, ...]:
    """A passage as a row of `COLUMNS`."""
    spans = [[s.start, s.end, s.page, s.place] for s in passage.sentences]
    return (
        number,
        passage.id,
        passage.document_id,
        passage.position,
        passage.start,
        passage.end,
        passage.heading,
        passage.context,
        passage.language,
        passage.page,
        json.dumps(spans, separators=(",", ":"), ensure_ascii=False),
        passage.text,
    )


def passage_of(row: Sequence[Any]) -> Passage:
    """The passage of a row of `COLUMNS`."""
    _, identity, document_id, position, start, end, *rest = row
    heading, context, language, page, spans, body = rest
    # What we wrote ourselves and checked by checksum is not validated again: this is a hot path.
    return Passage.model_construct(
        id=identity,
        document_id=document_id,
        position=position,
        start=start,
        end=end,
        heading=heading,
        context=context,
        language=language,
        page=page,
        sentences=tuple(
            Sentence(start, end, page, place) for start, end, page, place in json.loads(spans)
        ),
        text=body,
    )
