"""What stands behind an answer, as cards: one per passage, with the quotations in it.

A card never guesses: a quotation is marked only where the text holds it character for character.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from citydip_rag.schema import Answer, Citation, Document, PassageHit


@dataclass(frozen=True, slots=True)
class Card:
    """One passage to show, and the quotations that stand in it.

    Attributes:
        start: where `text` begins in the document, in characters.
        heading: the headings above it, without the document's own title.
        language: of the document, ISO 639-1; empty where unknown.
        citations: in the order of their numbers; empty for mere reading.
    """

    document_id: str
    title: str
    source: str
    page: int | None
    heading: str
    start: int
    text: str
    language: str
    citations: tuple[Citation, ...] = ()

    @property
    def end(self) -> int:
        """Where `text` ends in the document."""
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a card's text and the numbers of the quotations covering it, if any."""

    text: str
    numbers: tuple[int, ...] = ()


def cited_cards(answer: Answer, documents: Mapping[str, Document]) -> tuple[Card, ...]:
    """One card per passage that is quoted, in the order in which the answer cites them.

    Args:
        answer: what to show the evidence of.
        documents: by identifier; consulted for languages and for quotations no passage holds.
    """
    cards: dict[tuple[str, int, int], Card] = {}
    for citation in answer.citations:
        card = _card_around(citation, answer.passages, documents)
        key = (card.document_id, card.start, card.end)
        known = cards.get(key, card)
        cards[key] = replace(known, citations=(*known.citations, citation))
    return tuple(cards.values())


def nearest_cards(answer: Answer, documents: Mapping[str, Document]) -> tuple[Card, ...]:
    """The passages offered as reading, nearest first, with nothing marked in them."""
    return read_cards(answer.passages, documents)


def read_cards(
    passages: Sequence[PassageHit], documents: Mapping[str, Document] | None = None
) -> tuple[Card, ...]:
    """Passages as cards, with nothing marked in them."""
    return tuple(_card_of(hit, documents or {}) for hit in passages)


def segments(card: Card) -> Iterator[Segment]:
    """Cut a card's text where quotations begin and end; the pieces join to the whole text."""
    spans = [
        (citation.start - card.start, citation.end - card.start, citation.number)
        for citation in card.citations
    ]
    cuts = sorted({0, len(card.text), *(cut for start, end, _ in spans for cut in (start, end))})
    for start, end in pairwise(cuts):
        covering = tuple(number for left, right, number in spans if left <= start and end <= right)
        yield Segment(card.text[start:end], covering)


def _card_around(
    citation: Citation, passages: tuple[PassageHit, ...], documents: Mapping[str, Document]
) -> Card:
    """The passage, else the document's block, else only the quotation itself."""
    for hit in passages:
        if hit.document_id == citation.document_id and _holds(hit.text, hit.start, citation):
            return _card_of(hit, documents)
    bare = Card(
        document_id=citation.document_id,
        title=citation.title,
        source=citation.source,
        page=citation.page,
        heading="",
        start=citation.start,
        text=citation.quote,
        language=_language(citation.document_id, documents),
    )
    document = documents.get(citation.document_id)
    for block in document.blocks if document else ():
        text = document.text[block.start : block.end] if document else ""
        if _holds(text, block.start, citation):
            return replace(bare, start=block.start, text=text)
    return bare


def _holds(text: str, start: int, citation: Citation) -> bool:
    offset = citation.start - start
    return offset >= 0 and text[offset : citation.end - start] == citation.quote


def _card_of(hit: PassageHit, documents: Mapping[str, Document]) -> Card:
    return Card(
        document_id=hit.document_id,
        title=hit.title,
        source=hit.source,
        page=hit.page,
        heading=_below_title(hit.heading, hit.title),
        start=hit.start,
        text=hit.text,
        language=_language(hit.document_id, documents),
    )


def _below_title(heading: str, title: str) -> str:
    """The heading path without the title it begins with, which the card shows anyway."""
    return heading.removeprefix(title).removeprefix(" › ")


def _language(document_id: str, documents: Mapping[str, Document]) -> str:
    document = documents.get(document_id)
    return document.language if document else ""
