"""Questions to begin with: the shipped article's own, or some about the documents at hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from citydip_rag.schema import DocumentName, Language
from citydip_rag.texts import catalogue, text
from citydip_rag.ui.words import keys_of

Examples = tuple[tuple[Language, str], ...]
"""Questions in the language of the page that offers them."""

_ARTICLE: Final = "Diplomasi Kota: Walikota di Panggung Global"
_MADE: Final = 3
_LONGEST_TOPIC: Final = 72


def examples(names: Iterable[DocumentName]) -> Examples:
    """What to offer where these documents are answered from; may be empty.

    The shipped article's questions were written for it, and say nothing of other documents.
    """
    known = sorted(names, key=lambda name: name.source)
    if any(name.title == _ARTICLE for name in known):
        return tuple(
            (language, catalogue(language)[key])
            for key in keys_of("example")
            for language in Language
        )
    asked = list(dict.fromkeys(_asked(known)))[:_MADE]
    return tuple(
        (language, text(language, key, topic=topic))
        for key, topic in asked
        for language in Language
    )


def _asked(names: Iterable[DocumentName]) -> Iterator[tuple[str, str]]:
    """Which question to ask about what, for each document that has a name to ask by."""
    for name in names:
        if name.label:
            yield "made.label", name.label
        elif _reads_well(name):
            yield "made.title", name.title


def _reads_well(name: DocumentName) -> bool:
    """Whether a title is words: not a file's name, a number, a sentence or a whole paragraph."""
    title = name.title
    words = [word for word in title.split() if word[0].isalpha()]
    return (
        len(title) <= _LONGEST_TOPIC
        and len(words) > 1
        and 2 * len(words) > len(title.split())
        and not set(title) & set('"“”_\\/<>{}|@?!…')
        and not title.endswith((".", ":", ",", ";"))
        and title not in name.source
    )
