"""The pieces of passages that a claim is held against: sentences, and neighbours in pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.base import FloatArray, IntArray
from citydip_rag.index.tokens import PassageTokens
from citydip_rag.schema import Passage, Span

PAIR_COST: Final = 0.03
"""Alignment a second sentence must add to be worth quoting."""

TokensOf = Callable[[Passage], PassageTokens]
"""Gives a passage's projected token vectors, from an index or by encoding it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One or two neighbouring sentences of a passage.

    Attributes:
        number: place of the passage among the evidence.
        passage: in which it stands.
        span: in the document's text.
        tokens: its token vectors.
        offsets: theirs, in characters of the unit's text.
        around: token vectors of the whole passage.
    """

    number: int
    passage: Passage
    span: Span
    tokens: FloatArray
    offsets: IntArray
    around: FloatArray

    @property
    def text(self) -> str:
        """The unit's text, verbatim."""
        start = self.passage.start
        return self.passage.text[self.span.start - start : self.span.end - start]


def best_units(
    claim: FloatArray, evidence: Sequence[Passage], tokens_of: TokensOf, limit: int
) -> list[Unit]:
    """The units in which the claim's tokens find their like best, best first.

    Args:
        claim: (tokens, d) projected, rows of length 1.
        evidence: passages.
        tokens_of: gives their tokens.
        limit: number of units at most.
    """
    ranked: list[tuple[float, int, Unit]] = []
    for number, passage in enumerate(evidence):
        tokens = tokens_of(passage)
        for strength, unit in _scored(claim, number, passage, tokens):
            ranked.append((-strength, len(ranked), unit))
    return [unit for _, _, unit in sorted(ranked)[:limit]]


def _scored(
    claim: FloatArray, number: int, passage: Passage, tokens: PassageTokens
) -> list[tuple[float, Unit]]:
    sentences = passage.sentences
    if not len(tokens.offsets) or not sentences:
        return []
    edges = [s.start - passage.start for s in sentences] + [sentences[-1].end - passage.start]
    bounds = np.searchsorted(tokens.offsets[:, 0], edges)
    filled = [i for i in range(len(sentences)) if bounds[i + 1] > bounds[i]]
    if not filled:
        return []
    similarity = claim @ tokens.vectors[: bounds[-1]].T
    best = np.maximum.reduceat(similarity, bounds[filled], axis=1)
    found = []
    for place, first in enumerate(filled):
        for last in filled[place : place + 2]:
            column = best[:, place : place + 1 + (last > first)].max(axis=1)
            strength = float(_strength(column)) - PAIR_COST * (last > first)
            found.append((strength, _unit(number, passage, tokens, bounds, first, last)))
    return found


def _strength(best: FloatArray) -> float:
    """Mean alignment, and that of the worse half."""
    worse = np.sort(best)[: max(1, len(best) // 2)]
    return float(best.mean() + worse.mean()) / 2


def _unit(
    number: int,
    passage: Passage,
    tokens: PassageTokens,
    bounds: npt.NDArray[np.int64],
    first: int,
    last: int,
) -> Unit:
    span = Span(start=passage.sentences[first].start, end=passage.sentences[last].end)
    rows = slice(bounds[first], bounds[last + 1])
    return Unit(
        number,
        passage,
        span,
        tokens.vectors[rows],
        tokens.offsets[rows] - np.int32(span.start - passage.start),
        tokens.vectors,
    )
