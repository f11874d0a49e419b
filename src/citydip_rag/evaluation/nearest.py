"""The sentence that somebody meant who copied another text: one missing word is the usual cause."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

_WORD: Final = re.compile(r"\w+")
_CANDIDATES: Final = 20
"""Sentences that are compared word for word; the others, by the words they share."""
_LEAST: Final = 0.5
"""Likeness below which a sentence is another one."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence, and the document it stands in."""

    source: str
    text: str


class Sentences:
    """The sentences of some documents, of which one that is like a text is wanted."""

    def __init__(self, places: Sequence[Place]) -> None:
        """Take their words."""
        self._places = [(place, _words(place.text)) for place in places]

    def closest(self, text: str) -> Place | None:
        """The sentence that is most like a text, or None if none is like it."""
        wanted = _words(text)
        sought = set(wanted)
        shared = [(_dice(sought, set(words)), -n) for n, (_, words) in enumerate(self._places)]
        best: tuple[float, Place | None] = (_LEAST, None)
        for _, number in sorted(shared, reverse=True)[:_CANDIDATES]:
            place, words = self._places[-number]
            likeness = SequenceMatcher(None, wanted, words, autojunk=False).ratio()
            if likeness > best[0]:
                best = likeness, place
        return best[1]


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())


def _dice(one: set[str], other: set[str]) -> float:
    """How many words two texts share (Dice 1945)."""
    return 2 * len(one & other) / max(1, len(one) + len(other))
