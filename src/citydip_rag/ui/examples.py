"""Questions to begin with: the shipped article's own, or some about the documents at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, Protocol

from citydip_rag.errors import CitydipError
from citydip_rag.schema import Document, DocumentName, Language
from citydip_rag.texts import catalogue, text
from citydip_rag.ui.words import keys_of

Examples = tuple[tuple[Language, str], ...]
"""Questions in the language of the page that offers them."""

_ARTICLE: Final = "Diplomasi Kota: Walikota di Panggung Global"
_OFFERED: Final = 3
_READ: Final = 12
"""Documents that are looked into, at most."""
_LEAF: Final = 20_000
"""Characters at a document's beginning, where its terms are defined."""
_LONGEST_TOPIC: Final = 72
_DEFINED: Final = re.compile(
    r"^(?:\d+\. ?)?([A-Z][a-z]+(?: [A-Z][a-z]+){1,4})"
    r"(?:,? yang selanjutnya disebut [\w ]{2,60},?)? (?:adalah|means) ",
    re.MULTILINE,
)
"""A term of two to five words, and that it is being defined."""


class Answerer(Protocol):
    """What finding examples needs of an engine."""

    def document_names(self) -> dict[str, DocumentName]:
        """What the documents are called, by identifier."""
        ...

    def document(self, document_id: str) -> Document:
        """The document of that identifier; may raise a `CitydipError`."""
        ...

    def can_answer(self, question: str) -> bool:
        """Whether it would not abstain; may raise a `CitydipError`."""
        ...


class Offers:
    """Examples for the documents of the present, found anew only where these have changed."""

    def __init__(self) -> None:
        self._names: dict[str, DocumentName] | None = None
        self._examples: Examples = ()

    def of(self, engine: Answerer) -> Examples:
        """What to offer over this engine; may be empty."""
        names = engine.document_names()
        if names != self._names:
            self._names, self._examples = names, examples(engine)
        return self._examples


def examples(engine: Answerer) -> Examples:
    """What to offer over an engine; blocks while it is asked, may be empty.

    The shipped article's questions were written for it. Those about other documents are made of
    their terms and titles, and offered only where they would be answered.
    """
    names = engine.document_names()
    if any(name.title == _ARTICLE for name in names.values()):
        return tuple(
            (language, catalogue(language)[key])
            for key in keys_of("example")
            for language in Language
        )
    known = sorted(names, key=lambda identity: names[identity].source)[:_READ]
    try:
        asked = list(dict.fromkeys(filter(None, (_topic(engine, one) for one in known))))
        return tuple(
            (language, question)
            for language in Language
            for question in islice(_answered(engine, language, asked), _OFFERED)
        )
    except CitydipError:  # the page does without, and says what is wrong where one asks
        return ()


def _answered(
    engine: Answerer, language: Language, asked: Sequence[tuple[str, str]]
) -> Iterator[str]:
    for key, topic in asked:
        question = text(language, key, topic=topic)
        if engine.can_answer(question):
            yield question


def _topic(engine: Answerer, identity: str) -> tuple[str, str] | None:
    """Which question to ask about what: a term the document defines, or what its title names."""
    document = engine.document(identity)
    if defined := _DEFINED.search(document.text[:_LEAF]):
        return "made.term", defined[1]
    return ("made.title", document.title) if _reads_well(document) else None


def _reads_well(document: Document) -> bool:
    """Whether a title is words: not a file's name, a number, a sentence or a whole paragraph."""
    title = document.title
    words = [word for word in title.split() if word[0].isalpha()]
    return (
        len(title) <= _LONGEST_TOPIC
        and len(words) > 1
        and 2 * len(words) > len(title.split())
        and not set(title) & set('"“”_\\/<>{}|@?!…')
        and not title.endswith((".", ":", ",", ";"))
        and title not in document.source
    )
