"""Small sums that several evaluations need."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
Array = npt.NDArray[np.float64]


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
