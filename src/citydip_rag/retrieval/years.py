"""The year that a question names, and evidence that speaks of another."""

from __future__ import annotations

import re
from typing import Final

_YEAR: Final = re.compile(r"(?<![\d/.,])(?:1[5-9]|20)\d\d(?![\d/])")
_REACHING: Final = re.compile(
    r"\b(?:setelah|sesudah|sejak|semenjak|sebelum|hingga|sampai|antara|mulai|pasca|menjelang"
    r"|after|since|before|until|till|between|from|by|following)\b",
    re.IGNORECASE,
)
"""Words with which other years are meant than the one that is named."""
_SPAN: Final = re.compile(r"\d{4}\s*[-–—]\s*(?:\d{4}|\w+)")


def speaks_of_another_year(question: str, sentence: str, around: str) -> bool:
    """Whether evidence is of a year, and neither it nor what is around it of the one asked for.

    Args:
        question: which year it is about.
        sentence: that would answer it.
        around: the passage it stands in, with its headings.
    """
    asked = set(_YEAR.findall(question))
    if not asked or any(map(_REACHING.search, (question, sentence))) or _SPAN.search(sentence):
        return False
    told = set(_YEAR.findall(sentence))
    return bool(told) and asked.isdisjoint(told | set(_YEAR.findall(around)))
