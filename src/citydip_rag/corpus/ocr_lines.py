"""Recognised words become lines that know their place on the page."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from statistics import median
from typing import Final

from citydip_rag.corpus.paragraphs import Line

MARK: Final = re.compile(r"\(?(?:\d{1,3}|[a-zA-Z]{1,2})[.)]")
"""A list mark, such as "a.", "(2)" or "7)"."""
_X_HEIGHT, _ASCENT, _DESCENT = 0.48, 0.22, 0.21
"""Of the type's size, in most fonts."""
_ASCENDING: Final = re.compile(r"[A-Z0-9bdfhklt()/\[\]]")
_DESCENDING: Final = re.compile(r"[gjpqyQ()/\[\],;]")
_LABEL: Final = re.compile(rf"(?::|(?:^|\s){MARK.pattern})$")
_LONGEST_LABEL: Final = 4
"""Words."""
_LABEL_GAP: Final = 6
"""Times the type's size: how far a label may stand from its line."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its box: in dots from the upper left corner, then in points from the lower."""

    text: str
    confidence: float
    line: tuple[int, int, int]
    left: float
    right: float
    top: float
    bottom: float


def placed(word: Word, height: int, dots: float) -> Word:
    """A word with its box in points from the lower left corner, of a picture that high in dots."""
    return replace(
        word,
        left=word.left / dots,
        right=word.right / dots,
        top=(height - word.top) / dots,
        bottom=(height - word.bottom) / dots,
    )


def lines_of(words: Sequence[Word], number: int) -> list[Line]:
    """Words as lines, all of the body's size that nearly are: a box shows it only roughly."""
    if not words:
        return []
    body = median(_size(word) for word in words)
    lines = []
    for _, group in groupby(words, key=lambda word: word.line):
        line = list(group)
        text = " ".join(word.text for word in line)
        if 2 * sum(any(map(str.isalnum, word.text)) for word in line) < len(line):
            continue  # a rule, a stain, the paper's edge
        # Some boxes reach into the next line: other type is where no word is of the body's size.
        size = min((_size(word) for word in line), key=lambda size: abs(size - body))
        if 0.8 * body < size < 1.25 * body:
            size = body
        # From the baseline as high as an "x": so a slanting line is no higher than a level one.
        bottom = median(_baseline(word) for word in line)
        left, right = min(word.left for word in line), max(word.right for word in line)
        top = bottom + _X_HEIGHT * size
        lines.append(Line(text, number, left, right, top, bottom, round(size, 1)))
    return lines


def _size(word: Word) -> float:
    """The type's size, told from the word's height and from how high and deep its letters go."""
    share = _X_HEIGHT
    share += _ASCENT if _ASCENDING.search(word.text) else 0
    share += _DESCENT if _DESCENDING.search(word.text) else 0
    return (word.top - word.bottom) / share


def _baseline(word: Word) -> float:
    return word.bottom + (_DESCENT * _size(word) if _DESCENDING.search(word.text) else 0)


def with_labels(lines: Sequence[Line], marks: Sequence[Line]) -> list[Line]:
    """Put what stands in the margin before the line it belongs to: "a.", "(1)", "Menimbang :".

    Tesseract takes labels that stand below one another for a column of their own.
    """
    body = list(lines)
    labels = [line for line in lines if _is_label(line.text)]
    for label in sorted([*labels, *marks], key=lambda line: -line.left):  # "a." is to go first
        beside = [
            line
            for line in body
            if 0 <= line.left - label.right < _LABEL_GAP * label.size
            and abs(line.bottom - label.bottom) < 0.5 * label.size
        ]
        if beside:
            nearest = min(beside, key=lambda line: line.left)
            text = f"{label.text} {nearest.text}"
            body[body.index(nearest)] = replace(nearest, text=text, left=label.left)
            if label in labels:
                body.remove(label)
    return body


def _is_label(text: str) -> bool:
    return len(text.split()) <= _LONGEST_LABEL and bool(_LABEL.search(text))
