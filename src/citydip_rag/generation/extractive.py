"""The default generator: the documents' own sentences, no language model.

It takes the one to three sentences that answer, in reading order. A sentence that leans on the one
before it ("Salah satu yang terbesar adalah ...") brings that one along, and a question for a list
gets the sentences that enumerate it.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.generation.base import (
    ESCAPED_BRACKET,
    GenerationRequest,
    Generator,
    introduction,
)
from citydip_rag.retrieval.evidence import Evidence
from citydip_rag.schema import Passage, Sentence

MAX_SENTENCES: Final = 3
MAX_LIST_SENTENCES: Final = 6
MAX_POINTS: Final = 10
"""Of a list that a sentence announces with a colon."""
MARGIN: Final = 0.8
"""A further sentence is taken if its strength comes this close to the best one's."""
CONTINUATION_MARGIN: Final = 1.0
"""Likewise the sentence that leans on the best one."""

_LEANING: Final = re.compile(
    r"(salah satu(nya)? (yang|di antara)|hal (ini|itu|tersebut)"
    r"|(ini|itu|tersebut|mereka|ia|dia|beliau)\b"
    r"|contohnya|misalnya|begitu (juga|pula)|demikian (juga|pula)|namun|tetapi|akan tetapi"
    r"|oleh karena itu|karena itu|akibatnya|selain itu|sebaliknya|one of (them|these|the)"
    r"|(this|that|these|those|it|they|he|she|such)\b|for example|however|therefore|but\b"
    r"|as a result|in addition|likewise|similarly)",
    re.IGNORECASE,
)
_ORDINALS: Final = (
    ("pertama", "kesatu", "first", "firstly", "1", "a"),
    ("kedua", "second", "secondly", "2", "b"),
    ("ketiga", "third", "thirdly", "3", "c"),
    ("keempat", "fourth", "fourthly", "4", "d"),
    ("kelima", "fifth", "fifthly", "5", "e"),
    ("keenam", "sixth", "6", "f"),
    ("ketujuh", "seventh", "7", "g"),
    ("terakhir", "last", "lastly", "finally"),
)
"""Words and signs that open an item of an enumeration, by its place."""
_SPECIFIES: Final = re.compile(r"salah satu|one of (them|these)\b", re.IGNORECASE)
"""Opens a sentence that says which of the things just named it means: it always belongs to them."""
_OPENS_ITEM: Final = re.compile(
    r"(?P<word>[^\W\d_]{5,})\s*[,:(]|\(?(?P<sign>[0-9]|(?-i:[a-g]))[.)]\s|(?P<bullet>[-*•–])\s",
    re.IGNORECASE,
)
_POINT: Final = re.compile(r"(?:[a-z]|\d{1,2})[.)]\s|[-*•–]\s")
"""Opens a point of a list; a paragraph of a statute, "(2) ...", is none."""
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

    @property
    def quotes(self) -> bool:
        """It does nothing else."""
        return True

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        """A line of introduction if the document speaks another language, then the quotations."""
        chosen = choose_sentences(request)
        if not chosen:
            return
        language = request.passages[chosen[0].passage].language
        if language != request.language.value:
            yield introduction(request.language, language) + "\n\n"
        for i, sentence in enumerate(chosen):
            passage = request.passages[sentence.passage]
            quote = " ".join(_quote(passage, passage.sentences[sentence.index]).split())
            quote = quote.replace("[", ESCAPED_BRACKET)
            yield f"{' ' if i else ''}{quote} [{sentence.passage + 1}]"


def choose_sentences(request: GenerationRequest) -> list[_Chosen]:
    """The sentences of the answer, in reading order."""
    places = {passage.id: n for n, passage in enumerate(request.passages)}
    ranked = [e for e in request.evidence if e.candidate.passage.id in places]
    if request.located:
        return [_Chosen(places[e.candidate.passage.id], e.index) for e in request.located]
    if not ranked:
        return []
    # Strengths compare within one language only, and so does an answer quote one only.
    language = ranked[0].candidate.passage.language
    ranked = [e for e in ranked if e.candidate.passage.language == language]
    ranked.sort(key=lambda e: -e.strength)
    best = ranked[0]
    listed = _listed(request, best)
    if listed:
        return listed
    completed = _completed(request.passages, places[best.candidate.passage.id], best.index)
    if completed:
        return completed
    chosen = _continued(places, ranked)
    for evidence in ranked[1:]:
        if evidence.strength < best.strength - MARGIN:
            break
        group = _with_what_it_leans_on(places[evidence.candidate.passage.id], evidence)
        fresh = [sentence for sentence in group if sentence not in chosen]
        if len(chosen) + len(fresh) > MAX_SENTENCES:
            break
        chosen += fresh
    return _in_reading_order(request.passages, chosen)


def _completed(passages: Sequence[Passage], place: int, index: int) -> list[_Chosen]:
    """A sentence that ends in a colon, with the points it announces; else nothing.

    Of a sentence that is such a point itself, the whole list. It may go on in the next passage.
    """
    home = passages[place]
    while index >= 0 and _POINT.match(_quote(home, home.sentences[index])):
        index -= 1
    if index < 0 or not _quote(home, home.sentences[index]).rstrip().endswith(":"):
        return []
    listed = [_Chosen(place, index)]
    position, start = home.position, index + 1
    here: int | None = place
    while here is not None and len(listed) <= MAX_POINTS:
        sentences = passages[here].sentences
        for number in range(start, len(sentences)):
            if not _POINT.match(_quote(passages[here], sentences[number])):
                return listed if len(listed) > 1 else []
            listed.append(_Chosen(here, number))
        position, start = position + 1, 0
        here = next((n for n, p in enumerate(passages) if _follows(p, home, position)), None)
    return listed[: MAX_POINTS + 1] if len(listed) > 1 else []


def _follows(passage: Passage, home: Passage, position: int) -> bool:
    return (passage.document_id, passage.heading, passage.position) == (
        home.document_id,
        home.heading,
        position,
    )


def _continued(places: Mapping[str, int], ranked: Sequence[Evidence]) -> list[_Chosen]:
    """The best sentence with what it leans on, and the next one if that leans on it."""
    best = ranked[0]
    place = places[best.candidate.passage.id]
    chosen = _with_what_it_leans_on(place, best)
    if best.text.rstrip("\"'”’ ").endswith("?"):
        return _reply(place, best) or chosen
    following = next(
        (e for e in ranked if e.candidate is best.candidate and e.index == best.index + 1), None
    )
    if following is None or len(chosen) >= MAX_SENTENCES:
        return chosen
    near = following.strength >= best.strength - CONTINUATION_MARGIN
    if _SPECIFIES.match(following.text) or (near and _LEANING.match(following.text)):
        chosen.append(_Chosen(place, following.index))
    return chosen


def _reply(place: int, question: Evidence) -> list[_Chosen]:
    """A question in a document answers nothing; what follows it does."""
    passage = question.candidate.passage
    after = range(question.index + 1, min(question.index + 3, len(passage.sentences)))
    texts = [_quote(passage, passage.sentences[index]).rstrip() for index in after]
    return [
        _Chosen(place, index)
        for index, said in zip(after, texts, strict=True)
        if not said.endswith("?")
    ][:2]


def _with_what_it_leans_on(place: int, evidence: Evidence) -> list[_Chosen]:
    """A sentence, and those before it that it cannot be understood without."""
    passage = evidence.candidate.passage
    first = evidence.index
    while first > 0 and evidence.index - first < MAX_SENTENCES - 1:
        if not _LEANING.match(_quote(passage, passage.sentences[first])):
            break
        first -= 1
    return [_Chosen(place, index) for index in range(first, evidence.index + 1)]


def _listed(request: GenerationRequest, best: Evidence) -> list[_Chosen]:
    """The items of an enumeration, if the question asks for a list or for one of its items.

    They are looked for in the section in which the best sentence stands.
    """
    wanted = _asked_place(request.question)
    if wanted is None and not _ASKS_FOR_LIST.search(request.question):
        return []
    home = best.candidate.passage
    items = [
        (_item_place(_quote(passage, span)), _Chosen(place, index))
        for place, passage in enumerate(request.passages)
        if passage.document_id == home.document_id and passage.heading == home.heading
        for index, span in enumerate(passage.sentences)
    ]
    chosen = [sentence for number, sentence in items if number is not None]
    if len(chosen) < 2:
        return []
    if wanted is not None:
        return [sentence for number, sentence in items if number == wanted][:1]
    return _in_reading_order(request.passages, chosen)[:MAX_LIST_SENTENCES]


def _asked_place(question: str) -> int | None:
    """The place in an enumeration that a question asks for, counted from 0."""
    asked = re.sub(r"\b(pertama kali(nya)?|(for the )?first time)\b", " ", question.lower())
    words = re.findall(r"[^\W\d_]{5,}", asked)
    return next((n for n, names in enumerate(_ORDINALS) if not set(names).isdisjoint(words)), None)


def _item_place(sentence: str) -> int | None:
    """The place of an enumeration's item, counted from 0; -1 for a bullet, None for no item."""
    match = _OPENS_ITEM.match(sentence)
    if match is None:
        return None
    if match["bullet"]:
        return -1
    opener = (match["word"] or match["sign"]).lower()
    return next((n for n, names in enumerate(_ORDINALS) if opener in names), None)


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


def _quote(passage: Passage, span: Sentence) -> str:
    return passage.text[span.start - passage.start : span.end - passage.start]
