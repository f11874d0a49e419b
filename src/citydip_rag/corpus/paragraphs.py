"""Lines of a page become paragraphs and headings, as their places and their words show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import Final

from citydip_rag.corpus.base import LONGEST_HEADING, Extract, TextBuilder

_ITEM: Final = re.compile(
    r"(?:\(\d{1,3}[a-z]?\)|\(?[a-z]\)|\d{1,3}(?:\.\d{1,3})*[.)]|[a-zA-Z]\.|[ivxIVX]{1,5}[.)]|[-•–▪●*])\s"
)
_STRUCTURE: Final = re.compile(
    r"(?:BAB\s+[IVXLC]+[A-Z]?|(?:Bagian|BAGIAN)\s+(?:K[Ee]\w+|Pertama|PERTAMA)|Paragraf\s+\d+"
    r"|Pasal\s+[\dIVXLC]+[A-Z]*|PENJELASAN(?:\s+ATAS)?|LAMPIRAN(?:\s+[IVXLC]+)?)\s*"
)
_LEADING_ON: Final = frozenset(
    "dalam dan atau dengan pada oleh dari ke serta menurut ayat Pasal huruf angka nomor"
    " in of and or under paragraph Article".split()
)
_END: Final = re.compile(r"[.:;!?]['\"”’)]?$")
_GAP: Final = 1.5
"""Times the usual distance of two lines: the space between paragraphs."""
_GLYPH: Final = 0.6
"""Of the type's size: height of most letters."""
_SHORT: Final = 0.82
"""Of the column's width: a line that ends earlier may be a paragraph's last."""
_LARGER: Final = 1.12
"""Times the body's size: type of a heading."""
_WORD_GAP: Final = 1.5
"""Times the type's size: what is farther apart stands in another column."""
_LONGEST_LINES: Final = 3
_LONGEST_PARAGRAPH: Final = 80
"""Lines: what goes on for longer is a list or a table, and no paragraph."""
_HYPHEN: Final = re.compile(r"(\w+)-$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text and where it stands, in points from the page's lower left corner."""

    text: str
    page: int
    left: float = 0
    right: float = 0
    top: float = 0
    bottom: float = 0
    size: float = 0


def joined(before: str, after: str) -> str:
    """Two pieces of a paragraph as one text.

    A hyphen at the first one's end is taken out, unless it belongs to the word: in a doubled word
    ("undang-undang"), before a capital or a figure.
    """
    hyphen = _HYPHEN.search(before)
    following = after.lstrip()
    if not hyphen:
        return f"{before.rstrip()} {following}"
    doubled = _is_doubled(hyphen[1].lower(), following.lower())
    if doubled or not following[:1].islower() or len(hyphen[1]) == 1:
        return before + following
    return before[:-1] + following


def _is_doubled(first: str, second: str) -> bool:
    """A word written twice, also with a prefix before it: "hak-hak", "perundang-undangan"."""
    return second.startswith(first) or any(
        second.startswith(first[-length:]) for length in range(4, len(first))
    )


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines of a page from top to bottom, where the file has them in the order they were drawn.

    A run of lines that stands above the one before it was drawn later, unless it stands beside it:
    then it is the next column.
    """
    runs: list[list[Line]] = []
    upright = [line for line in lines if line.top > line.bottom]
    for line in _whole_rows(upright):
        if not runs or line.bottom > runs[-1][-1].top:
            runs.append([])
        runs[-1].append(line)
    ordered: list[list[Line]] = []
    for run in runs:
        if ordered and not _beside(run, ordered[-1]):
            ordered[-1] = sorted([*ordered[-1], *run], key=lambda line: -line.top)
        else:
            ordered.append(run)
    margin = [line for line in lines if line.top <= line.bottom]  # written up the page
    return [line for run in ordered for line in run] + margin


def _whole_rows(lines: Sequence[Line]) -> list[Line]:
    """Put rows together that were drawn in pieces, as those of justified text may be."""
    rows: list[Line] = []
    for line in lines:
        piece = next((i for i, row in enumerate(rows) if _is_piece(row, line)), None)
        if piece is None:
            rows.append(line)
            continue
        first, last = sorted((rows[piece], line), key=lambda line: line.left)
        rows[piece] = replace(
            first,
            text=f"{first.text.rstrip()} {last.text.lstrip()}",
            right=last.right,
            top=max(first.top, last.top),
            bottom=min(first.bottom, last.bottom),
        )
    return rows


def _is_piece(row: Line, line: Line) -> bool:
    """On one row, and no wider apart than words are set; a raised figure is a piece too."""
    size = max(row.size, line.size)
    gap = max(row.left, line.left) - min(row.right, line.right)
    shared = min(row.top, line.top) - max(row.bottom, line.bottom)
    height = min(row.top - row.bottom, line.top - line.bottom)
    return -0.3 * size < gap < _WORD_GAP * size and shared > 0.5 * height > 0


def _beside(run: Sequence[Line], other: Sequence[Line]) -> bool:
    """Do two runs stand side by side, as columns do?"""
    return any(
        line.bottom < there.top
        and there.bottom < line.top
        and (line.left > there.right or line.right < there.left)
        for line in run
        for there in other
    )


def read_lines(pages: Sequence[Sequence[Line]], title: str = "") -> Extract:
    """Put paragraphs together, across pages too; each keeps the page it begins on."""
    body = _body_size(pages)
    builder = TextBuilder()
    for group in _groups(pages):
        text, turns = _text(group)
        start = builder.length
        if _is_heading(group, body):
            level = 2 if group[0].size >= body * _LARGER else 3
            builder.heading(text, level)
        else:
            builder.block(text)
        if builder.length > start:
            for number, offset in turns:
                builder.page(number, start + offset)
    return builder.extract(title)


def _text(group: Sequence[Line]) -> tuple[str, list[tuple[int, int]]]:
    """A paragraph's text, and for each page on it the offset where that begins."""
    pieces = [group[0].text.strip()]
    turns = [(group[0].page, 0)]
    length = len(pieces[0])
    for line in group[1:]:
        text = line.text.strip()
        before = joined(pieces[-1], text)[: -len(text)]  # its end may be another now
        length += len(before) - len(pieces[-1])
        if line.page != turns[-1][0]:
            turns.append((line.page, length))
        pieces[-1:] = [before, text]
        length += len(text)
    return "".join(pieces), turns


def _groups(pages: Sequence[Sequence[Line]]) -> Iterator[list[Line]]:
    """Runs of lines that are one paragraph."""
    group: list[Line] = []
    for page in pages:
        column = _column(page)
        pitch = _pitch(page)
        for line in page:
            full = len(group) >= _LONGEST_PARAGRAPH
            if group and (full or _begins(group, line, column, pitch)):
                yield group
                group = []
            group.append(line)
    if group:
        yield group


def _begins(group: Sequence[Line], line: Line, column: tuple[float, float], pitch: float) -> bool:
    """Does a paragraph begin with this line?"""
    last = group[-1]
    if _on_one_row(last, line):  # a superscript, or the end of a line set apart
        return False
    if _leads_on(last.text):  # "… dimaksud pada ayat" and on the next line "(2) …"
        return False
    if _ITEM.match(line.text) or _STRUCTURE.fullmatch(line.text):
        return True
    if _STRUCTURE.fullmatch(last.text) and len(group) == 1:
        return True
    if _is_capitals(line.text) != _is_capitals(last.text) and not _continues(last, line):
        return True
    if last.page == line.page:
        if (
            _differs(last.size, line.size)
            or last.bottom - line.top > _GAP * pitch - _GLYPH * line.size
        ):
            return True
        left, right = column
        ends_early = last.right < left + _SHORT * (right - left)
        return bool(_END.search(last.text)) and (ends_early or line.left > left + pitch)
    shouted = _is_capitals(line.text)  # a heading does not go on over the page
    return shouted or bool(_END.search(last.text)) or _differs(last.size, line.size)


def _on_one_row(last: Line, line: Line) -> bool:
    """Beside the line before it, and not below."""
    return (
        last.page == line.page
        and last.bottom < line.top
        and line.left >= last.right - 1
        and -0.3 < (line.bottom - last.bottom) / max(last.size, 1) < 1  # not the next column's top
    )


def _continues(last: Line, line: Line) -> bool:
    """Capitals within a sentence, as an abbreviation at a line's end is."""
    return last.page == line.page and line.text[:1].islower()


def _leads_on(text: str) -> bool:
    """Does a line end in a word, or a comma between references, that needs what comes next?"""
    words = text.split()
    return bool(words) and words[-1] in _LEADING_ON


def _is_capitals(text: str) -> bool:
    letters = [character for character in text if character.isalpha()]
    return len(letters) > 3 and all(character.isupper() for character in letters)


def _is_heading(group: Sequence[Line], body: float) -> bool:
    if len(group) > _LONGEST_LINES or sum(len(line.text) for line in group) > LONGEST_HEADING:
        return False
    text = group[0].text
    if any(line.top - line.bottom > line.right - line.left > 0 for line in group):
        return False  # written up the margin
    if _STRUCTURE.fullmatch(text) or all(_is_capitals(line.text) for line in group):
        return not text.rstrip().endswith((",", ";"))
    larger = all(line.size >= body * _LARGER for line in group)
    return larger and any(c.isalpha() for c in text) and not _END.search(group[-1].text)


def _differs(one: float, other: float) -> bool:
    return max(one, other) > _LARGER * min(one, other) if one and other else False


def _body_size(pages: Sequence[Sequence[Line]]) -> float:
    """The size most of the text is set in."""
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0


def _column(page: Sequence[Line]) -> tuple[float, float]:
    if not page:
        return 0, 0
    return min(line.left for line in page), max(line.right for line in page)


def _pitch(page: Sequence[Line]) -> float:
    """The usual distance from one line to the next."""
    steps = [a.bottom - b.bottom for a, b in pairwise(page) if a.bottom > b.bottom]
    return median(steps) if steps else 0
