"""An answer as one text with its sources below it, for programs that show nothing but text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from citydip_rag.schema import Answer, Language, PassageHit
from citydip_rag.texts import text

_SOURCES: Final = "answer.sources"
_NEAREST: Final = "ui.nearest"
_MOST_NEAREST: Final = 3


def in_full(answer: Answer) -> str:
    """The answer, and below it its sources or, where it abstains, the nearest passages."""
    return answer.answer + below(answer) + noticed(answer.notice)


def below(answer: Answer) -> str:
    """What stands below an answer, with the blank line before it.

    Its sources, a line each: number, title, place and page, file, quotation with its white space
    folded; of an abstention, where the nearest passages stand.
    """
    if answer.abstained:
        return _section(answer.language, _NEAREST, _reading(answer))
    lines = (
        f"[{c.number}] {c.place or c.title} ({c.source}): “{' '.join(c.quote.split())}”"
        for c in answer.citations
    )
    return _section(answer.language, _SOURCES, lines)


def noticed(notice: str) -> str:
    """What a reader should know of an answer, as a paragraph of its own."""
    return f"\n\n{notice}" if notice else ""


def without_sources(said: str) -> str:
    """An answer that comes back in a conversation, without what was put below it."""
    below_it = list(_heading().finditer(said))
    return said[: below_it[-1].start()] if below_it else said


def place_of(passage: PassageHit, language: Language) -> str:
    """Where a passage stands, for people: title, page, heading."""
    page = text(language, "ui.page", page=passage.page) if passage.page else ""
    heading = passage.heading.removeprefix(passage.title).removeprefix(" › ")
    return ", ".join(part for part in (passage.title, page, heading) if part)


def _reading(answer: Answer) -> list[str]:
    places = (place_of(passage, answer.language) for passage in answer.passages)
    return [f"- {place}" for place in list(dict.fromkeys(places))[:_MOST_NEAREST]]


def _section(language: Language, name: str, lines: Iterable[str]) -> str:
    listed = "\n".join(lines)
    return f"\n\n{text(language, name)}:\n{listed}" if listed else ""


def _heading() -> re.Pattern[str]:
    names = "|".join(re.escape(text(to, name)) for to in Language for name in (_SOURCES, _NEAREST))
    return re.compile(rf"\n\n(?:{names}):\n(?:\[1\]|-) ")
