"""Makes the questions that nothing answers: most are about what the documents treat."""

from __future__ import annotations

import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from typing import Final, TypeVar

from citydip_rag.engine import Engine
from citydip_rag.evaluation.drafting import english, indonesian
from citydip_rag.evaluation.drafting.absent import (
    Absent,
    Asked,
    altered,
    apart,
    beyond_the_last,
)
from citydip_rag.evaluation.drafting.rules import POINTING, Draft
from citydip_rag.evaluation.drafting.statements import Casing, Statement
from citydip_rag.schema import Language

T = TypeVar("T")

_PARTS: Final = 5
"""One in so many is about an article too far, and one about anything."""
_HARD: Final = 3
"""One in so many is of the documents' own words."""
_SPOKEN: Final = 0.1
"""Share of the sentences from which on a language is one of the documents'."""
_WORDS: Final = range(2, 5)
"""Words of a term that is asked about: one alone is seldom a subject."""
_MOST_TITLES: Final = 20
_NO_TERM: Final = {Language.INDONESIAN: indonesian.NO_TERM, Language.ENGLISH: english.NO_TERM}
_ARTICLE: Final = re.compile(r"Pasal (\d+)")


class Unanswerable:
    """Questions about some documents that they do not answer."""

    def __init__(
        self,
        engine: Engine,
        casing: Casing,
        drafts: Sequence[Draft],
        statements: Sequence[Statement],
    ) -> None:
        """Read the documents and what they define."""
        self._texts = {i: engine.document(i).text for i in engine.document_ids()}
        self._names = " ".join({statement.label for statement in statements})
        self._drafts = drafts
        self._statements = statements
        defined = {d.topic: (d.statement.language, d.statement.document_id) for d in drafts}
        terms = [
            (topic, *of)
            for topic, of in defined.items()
            if topic and len(topic.split()) in _WORDS and is_term(topic, of[0])
        ]
        self._terms = sorted(terms or _titles(engine, casing), key=_by_chance)

    def some(self, wanted: int) -> list[Absent]:
        """So many of every kind there is, the hard ones first."""
        text = "\n".join(self._texts.values())
        asked = Asked(text, self._languages())
        hard = list(self._hard(text))[: wanted // _HARD]
        beyond = list(beyond_the_last(self._last_articles()))[: wanted // _PARTS]
        far = list(asked.far())[: max(1, wanted // _PARTS)]
        topics = [(topic, language) for topic, language, _ in self._terms]
        near = asked.near(topics)
        kept = [one for _, one in zip(range(wanted - len(hard + beyond + far)), near, strict=False)]
        return [*hard, *kept, *beyond, *far]

    def _hard(self, text: str) -> Iterator[Absent]:
        asked = sorted({(d.question, d.language) for d in self._drafts}, key=_by_chance)
        lowered = {identity: text.lower() for identity, text in self._texts.items()}
        return _in_turn(apart(self._terms, lowered), altered(asked, text, self._names))

    def _languages(self) -> list[Language]:
        spoken = Counter(statement.language for statement in self._statements)
        return [one for one in Language if spoken[one] > _SPOKEN * len(self._statements)]

    def _last_articles(self) -> dict[str, int]:
        last: dict[str, int] = {}
        for statement in self._statements:
            if statement.label and (found := _ARTICLE.match(statement.place)):
                last[statement.label] = max(last.get(statement.label, 0), int(found[1]))
        return last


def is_term(text: str, language: Language) -> bool:
    """Whether a text may name a thing, and is no sentence or part of one."""
    return not _NO_TERM[language].search(text) and not POINTING[language].search(text)


def _titles(engine: Engine, casing: Casing) -> list[tuple[str, Language, str]]:
    """What documents that define no terms are about: their titles, if these are words."""
    known = {language.value: language for language in Language}
    documents = [engine.document(i) for i in engine.document_ids()[:_MOST_TITLES]]
    titled = [(d.title.split(":")[0], d) for d in documents if d.title not in d.source]
    return [
        (casing.named(title), known[document.language], document.id)
        for title, document in titled
        if document.language in known
        and title.replace(" ", "").isalpha()
        and is_term(title, known[document.language])
    ]


def _by_chance(entry: tuple[str, ...]) -> int:
    return zlib.crc32(entry[0].encode())


def _in_turn(*several: Iterable[T]) -> Iterator[T]:
    """The first of each, then the second of each, and so on."""
    missing = object()
    rounds = chain.from_iterable(zip_longest(*several, fillvalue=missing))
    return (item for item in rounds if item is not missing)  # type: ignore[misc]
