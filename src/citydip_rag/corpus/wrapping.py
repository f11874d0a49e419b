"""Plain text whose paragraphs were broken into lines at a column: the lines are put together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from citydip_rag.corpus.sentences import ABBREVIATIONS

_WIDEST: Final = 100
"""Characters: where all lines are shorter, a blank line may be what parts the paragraphs."""
_LONG: Final = 50
_LONGEST: Final = 200
"""Characters of a line that a column cut off; a longer one is a whole paragraph."""
_CONTINUED: Final = 0.2
"""Of the lines: so many go on in the next one where a text was wrapped."""
_FULL: Final = 0.75
"""Of the widest line nearby: a line that ends earlier was not cut off by the column."""
_NEAR: Final = 2
_CODE: Final = 0.3
"""Of the lines: so many end as statements do where a text is code."""
_LINE: Final = re.compile(r"[^\n]+")
LIST_ITEM: Final = re.compile(r"([-*•–·]|\(?[0-9]{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_IN_COLUMNS: Final = re.compile(r"\S(?:\s{3,}|\t)\S|\|")
_STATEMENT: Final = re.compile(r"[{}();:=\\]$")
CLOSING_MARKS: Final = r"[\"'”’»)\]]*(?:\[\w{1,3}\])*$"
"""Closing quotes and note numbers behind the end of a sentence, at the end of a line."""
_ENDED: Final = re.compile(rf"[.!?:;…]{CLOSING_MARKS}")
_LAST_WORD: Final = re.compile(r"([^\s(]+)\.$")
_LEADING_ON: Final = frozenset(
    "atau dalam dan dari dengan di ke oleh pada sebagai serta untuk yang"
    " a an and as at by for from in of on or the to with".split()
)
NOTE: Final = re.compile(r"\[\w{1,3}\]")
"""A note's number, which some programs put on a line of its own with what follows it."""

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    text: str
    gap: bool
    """Whether a blank line is above it."""
    indent: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)

    @property
    def goes_on(self) -> bool:
        """Does its last sentence need more words?"""
        if not _ENDED.search(self.text):
            return True
        word = _LAST_WORD.search(self.text)
        return word is not None and word[1].lower() in ABBREVIATIONS

    @property
    def is_continuation(self) -> bool:
        """Does it begin within a sentence?"""
        first = next((character for character in self.text if character.isalnum()), "")
        within = first.islower() or self.text.startswith("(")
        return within and not LIST_ITEM.match(self.text)


def paragraph_spans(text: str) -> Iterator[Span]:
    """Paragraphs of plain text: its lines, or several where they were one line once."""
    lines = _lines(text)
    widths = _widths(lines)
    parted = _is_parted(lines)
    joins = parted or _is_wrapped(lines)
    start = -1
    for i, line in enumerate(lines):
        if start < 0:
            start = line.start
        following = lines[i + 1] if i + 1 < len(lines) else None
        if following and joins and _may_join(line, following):
            full = len(line.text) >= _FULL * widths[i]
            if parted and (full or following.is_continuation):
                continue
            if not parted and _is_cut(line, following, widths[i]):
                continue
        yield start, line.end
        start = -1


def _lines(text: str) -> list[_Line]:
    """What is not blank, without the space around it."""
    lines: list[_Line] = []
    end = 0
    for match in _LINE.finditer(text):
        words = match[0].strip()
        if words:
            indent = len(match[0]) - len(match[0].lstrip())
            gap = text.count("\n", end, match.start()) > 1
            lines.append(_Line(match.start() + indent, words, gap, indent))
            end = match.end()
    return lines


def _widths(lines: Sequence[_Line]) -> list[int]:
    """For each line the column its text was wrapped at: the widest line just above or below.

    The narrower of the two, since a picture may have stood beside the text on one side.
    """
    return [
        min(
            max(len(near.text) for near in lines[max(0, i - _NEAR) : i + 1]),
            max(len(near.text) for near in lines[i : i + _NEAR + 1]),
        )
        for i in range(len(lines))
    ]


def _is_parted(lines: Sequence[_Line]) -> bool:
    """Were paragraphs broken into lines, with blank lines between the paragraphs?"""
    if len(lines) < 3 or not any(line.gap for line in lines):
        return False
    if max(len(line.text) for line in lines) > _WIDEST or _is_code(lines):
        return False
    cut = [line for last, line in pairwise(lines) if not line.gap and last.goes_on]
    within = sum(line.is_continuation for line in cut)
    return len(cut) > _CONTINUED * len(lines) and 2 * within >= len(cut)  # else it is verse


def _is_wrapped(lines: Sequence[_Line]) -> bool:
    """Do long lines go on in the next ones, however paragraphs are parted?"""
    if _is_code(lines):
        return False
    long = sum(_LONG <= len(line.text) <= _LONGEST for line in lines)
    within = sum(
        _LONG <= len(last.text) <= _LONGEST and last.goes_on and line.is_continuation
        for last, line in pairwise(lines)
        if not line.gap
    )
    return within > _CONTINUED * long


def _is_code(lines: Sequence[_Line]) -> bool:
    return sum(bool(_STATEMENT.search(line.text)) for line in lines) > _CODE * len(lines)


def _may_join(line: _Line, following: _Line) -> bool:
    """Not over a blank line, a paragraph's indent, a list item or a row of a table."""
    return not (
        following.gap
        or following.indent > line.indent + 1
        or LIST_ITEM.match(following.text)
        or _IN_COLUMNS.search(line.text)
        or _IN_COLUMNS.search(following.text)
    )


def _is_cut(line: _Line, following: _Line, width: int) -> bool:
    """Did a column, and no paragraph's end, part two lines?"""
    long = len(line.text) >= _LONG
    if not line.goes_on:  # but for a note's number that slipped to the next line
        return long and bool(NOTE.match(following.text)) and not NOTE.match(line.text)
    if following.is_continuation or line.text.split()[-1].lower() in _LEADING_ON:
        return long or len(following.text) >= _LONG
    full = long and _FULL * width <= len(line.text) <= _LONGEST
    ends = not following.goes_on or len(following.text) >= _FULL * width
    return full and ends  # a short line without an end is a heading, or a caption
