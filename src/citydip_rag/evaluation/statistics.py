"""Small sums that several evaluations need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import comb
from typing import Final

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]
Figure = Callable[[Array], Array]
"""From columns (…, examples, columns) to figures (…); not a number where there is nothing in it."""
Interval = tuple[float, float]

ROUNDS: Final = 2000
"""Drawings for an interval."""
_AT_ONCE: Final = 200


def share(values: Iterable[bool]) -> float:
    """Share of true values in [0, 1]; 0 where there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def mean(values: Iterable[float]) -> float:
    """Mean; 0 where there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def auc(labels: BoolArray, scores: Array) -> float:
    """Chance that a true one scores above a false one, ties counted half; 0.5 without either."""
    positive = int(labels.sum())
    negative = len(labels) - positive
    if not positive or not negative:
        return 0.5
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return (float(ranks[labels].sum()) - positive * (positive + 1) / 2) / (positive * negative)


def balanced_accuracy(labels: BoolArray, accepted: BoolArray) -> float:
    """Mean of the shares of true ones accepted and of false ones not accepted."""
    return (share(accepted[labels].tolist()) + share((~accepted[~labels]).tolist())) / 2


def best_threshold(labels: BoolArray, scores: Array) -> float:
    """The score from which on accepting gives the best balanced accuracy."""
    order = np.unique(scores)
    edges = np.concatenate([order[:1], (order[1:] + order[:-1]) / 2])
    return float(max(edges, key=lambda edge: balanced_accuracy(labels, scores >= edge)))


def bootstrap(
    groups: Sequence[object], figure: Callable[[npt.NDArray[np.int64]], float], rounds: int = 1000
) -> tuple[float, float]:
    """95 % interval of a figure, whole groups drawn with replacement (Efron 1979).

    Args:
        groups: of each example; examples of one group are not independent.
        figure: computed on the examples at these places.
        rounds: of drawing.
    """
    _, of = np.unique(np.array(groups, dtype=str), return_inverse=True)
    members = [np.flatnonzero(of == group) for group in range(int(of.max()) + 1)]
    random = np.random.default_rng(0)
    figures = [
        figure(np.concatenate([members[i] for i in random.integers(0, len(members), len(members))]))
        for _ in range(rounds)
    ]
    low, high = np.quantile(figures, [0.025, 0.975])
    return float(low), float(high)


def ratio(columns: Array) -> Array:
    """The sum of the first column over that of the second."""
    part, whole = np.moveaxis(columns.sum(axis=-2), -1, 0)
    found: Array = np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)
    return found


def two_ratios(columns: Array) -> Array:
    """The mean of two ratios, of which each has two columns."""
    both: Array = (ratio(columns[..., :2]) + ratio(columns[..., 2:])) / 2
    return both


def quantile(part: float) -> Figure:
    """A quantile of the one column."""
    return lambda columns: np.quantile(columns[..., 0], part, axis=-1)


def resampled(columns: Array, figure: Figure, rounds: int = ROUNDS) -> Array:
    """A figure of as many examples drawn with replacement, again and again (Efron 1979).

    The drawings depend on nothing but the number of examples: those of two systems on the same
    examples are pairs.

    Args:
        columns: of each example, (examples, columns).
        figure: what to make of them.
        rounds: of drawing.
    """
    random = np.random.default_rng(0)
    made = []
    for start in range(0, rounds, _AT_ONCE):
        size = (min(_AT_ONCE, rounds - start), len(columns))
        made.append(figure(columns[random.integers(0, len(columns), size)]))
    return np.concatenate(made)


def interval(figures: Array) -> Interval:
    """The ends of the middle 95 in 100; (0, 0) where there is no figure."""
    known = figures[~np.isnan(figures)]
    if not len(known):
        return 0.0, 0.0
    low, high = np.quantile(known, [0.025, 0.975])
    return float(low), float(high)


def two_sided(differences: Array) -> float:
    """How often chance makes a difference as far from zero, by a bootstrap of differences."""
    known = differences[~np.isnan(differences)]
    fewer = min(int((known <= 0).sum()), int((known >= 0).sum()))
    return min(1.0, 2 * (1 + fewer) / (1 + len(known)))


def mcnemar(gained: int, lost: int) -> float:
    """Whether as many examples were gained as lost: the exact test of McNemar (1947), two-sided."""
    turned = gained + lost
    tail = sum(comb(turned, i) for i in range(min(gained, lost) + 1))
    return min(1.0, float(2 * tail / 2**turned))
