"""The default generator: the documents' own sentences, no language model.

It takes the one to three sentences that answer, in reading order. A sentence that leans on the one
before it ("Salah satu yang terbesar adalah ...") brings that one along, and a question for a list
gets the sentences that enumerate it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.generation.base import ESCAPED_BRACKET, GenerationRequest, Generator
from citydip_rag.retrieval.evidence import Evidence
from citydip_rag.schema import Language, Passage, Span
from citydip_rag.texts import text

MAX_SENTENCES: Final = 3
MAX_LIST_SENTENCES: Final = 6
MARGIN: Final = 0.35
"""A further sentence is taken if its log odds come this close to the best one's."""

_LEANING: Final = re.compile(
    r"(salah satu(nya)? (yang|di antara)|hal (ini|itu|tersebut)"
    r"|(ini|itu|tersebut|mereka|ia|dia|beliau)\b"
    r"|contohnya|misalnya|begitu (juga|pula)|demikian (juga|pula)|namun|tetapi|akan tetapi"
    r"|oleh karena itu|karena itu|akibatnya|selain itu|sebaliknya|one of (them|these|the)"
    r"|(this|that|these|those|it|they|he|she|such)\b|for example|however|therefore|but\b"
    r"|as a result|in addition|likewise|similarly)",
    re.IGNORECASE,
)
_ORDINAL: Final = re.compile(
    r"(pertama|kedua|ketiga|keempat|kelima|keenam|ketujuh|terakhir|first(ly)?|second(ly)?|third(ly)?"
    r"|fourth(ly)?|fifth(ly)?|finally|lastly)\s*[,:(]|\(?([0-9]{1,2}|[a-h])[.)]\s|[-*•–]\s",
    re.IGNORECASE,
)
_ASKS_FOR_LIST: Final = re.compile(
    r"\b(apa saja|apa sajakah|siapa saja|mana saja|sebutkan|daftar|rincian"
    r"|(faktor-faktor|alasan-alasan|contoh-contoh|syarat-syarat|langkah-langkah|jenis-jenis)"
    r"|(beberapa|dua|tiga|empat|lima) (faktor|alasan|contoh|hal|syarat|tahap|langkah|jenis)"
    r"|faktor apa|alasan apa|list|name (the|some|two|three|all)|enumerate"
    r"|(what|which) (are|were|(\w+ )?(factors|reasons|examples|steps|kinds|types|conditions|causes"
    r"|benefits|points|elements|principles)))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A sentence by its passage (place in the request) and its place in it."""

    passage: int
    index: int


class ExtractiveGenerator(Generator):
    """Quotes the sentences that answer."""

    @property
    def name(self) -> str:
        """`extractive`."""
        return "extractive"

    @property
    def model(self) -> str:
        """There is no model behind it."""
        return "none"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        """A line of introduction if the document speaks another language, then the quotations."""
        chosen = choose_sentences(request)
        if not chosen:
            return
        language = request.passages[chosen[0].passage].language
        if language != request.language.value:
            yield _introduction(request.language, language)
        for i, sentence in enumerate(chosen):
            passage = request.passages[sentence.passage]
            quote = " ".join(_quote(passage, passage.sentences[sentence.index]).split())
            quote = quote.replace("[", ESCAPED_BRACKET)
            yield f"{' ' if i else ''}{quote} [{sentence.passage + 1}]"


def choose_sentences(request: GenerationRequest) -> list[_Chosen]:
    """The sentences of the answer, in reading order."""
    places = {passage.id: n for n, passage in enumerate(request.passages)}
    ranked = [e for e in request.evidence if e.candidate.passage.id in places]
    if not ranked:
        return []
    best = ranked[0]
    if _ASKS_FOR_LIST.search(request.question):
        enumerated = _enumeration(request.passages, best)
        if enumerated:
            return enumerated
    chosen: list[_Chosen] = []
    for evidence in ranked:
        if evidence.logit < best.logit - MARGIN:
            break
        group = _with_what_it_leans_on(places[evidence.candidate.passage.id], evidence)
        fresh = [sentence for sentence in group if sentence not in chosen]
        if chosen and len(chosen) + len(fresh) > MAX_SENTENCES:
            break
        chosen += fresh
    return _in_reading_order(request.passages, chosen)


def _with_what_it_leans_on(place: int, evidence: Evidence) -> list[_Chosen]:
    """A sentence, and those before it that it cannot be understood without."""
    passage = evidence.candidate.passage
    first = evidence.index
    while first > 0 and evidence.index - first < MAX_SENTENCES - 1:
        if not _LEANING.match(_quote(passage, passage.sentences[first])):
            break
        first -= 1
    return [_Chosen(place, index) for index in range(first, evidence.index + 1)]


def _enumeration(passages: Sequence[Passage], best: Evidence) -> list[_Chosen]:
    """The enumerating sentences of the section in which the best sentence stands."""
    home = best.candidate.passage
    chosen = [
        _Chosen(place, index)
        for place, passage in enumerate(passages)
        if passage.document_id == home.document_id and passage.heading == home.heading
        for index, span in enumerate(passage.sentences)
        if _ORDINAL.match(_quote(passage, span))
    ]
    if len(chosen) < 2:
        return []
    return _in_reading_order(passages, chosen)[:MAX_LIST_SENTENCES]


def _in_reading_order(passages: Sequence[Passage], chosen: Iterable[_Chosen]) -> list[_Chosen]:
    """Documents in the order of their first passage, sentences by place."""
    first: dict[str, int] = {}
    for place, passage in enumerate(passages):
        first.setdefault(passage.document_id, place)
    return sorted(
        chosen,
        key=lambda c: (
            first[passages[c.passage].document_id],
            passages[c.passage].sentences[c.index].start,
        ),
    )


def _quote(passage: Passage, span: Span) -> str:
    return passage.text[span.start - passage.start : span.end - passage.start]


def _introduction(asked: Language, written: str) -> str:
    name = text(asked, f"language.{written}")
    return text(asked, "answer.quotes_from_other_language", name=name) + "\n\n"
