"""Copies of a passage do not crowd out the others."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from citydip_rag.retrieval.base import Candidate

_WORD: Final = re.compile(r"\w+")
_REMEMBERED: Final = 1 << 10
"""Passages: the same ones are found for many questions."""
_ALIKE: Final = 0.85
"""Share of common words from which two passages are a draft and its final, or two copies."""


def distinct(candidates: Sequence[Candidate], limit: int) -> list[Candidate]:
    """The first so many that say something else than those before them.

    Two passages say the same if most of their words are the same and all of their figures: rows of
    a table or paragraphs of a tariff differ in little else.
    """
    kept: list[Candidate] = []
    seen: list[frozenset[str]] = []
    for candidate in candidates:
        if len(kept) == limit:
            break
        words = _words_of(candidate.passage.text)
        fewest, most = _ALIKE * len(words), len(words) / _ALIKE  # else they share too few
        near = (other for other in seen if fewest <= len(other) <= most)
        if not any(_alike(words, other) for other in near):
            kept.append(candidate)
            seen.append(words)
    return kept


@lru_cache(maxsize=_REMEMBERED)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _alike(words: frozenset[str], other: frozenset[str]) -> bool:
    common = len(words & other)
    if common < _ALIKE * (len(words) + len(other) - common):
        return False
    return not any(word[0].isdigit() for word in words ^ other)
