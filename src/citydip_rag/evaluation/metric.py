"""What a metric is: a few numbers from every question (its columns), and one figure of them all.

So the figure of any drawing of the questions costs a sum and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.statistics import Array, Figure, ratio

Columns = Callable[[Outcome], tuple[float, ...]]


@dataclass(frozen=True, slots=True)
class Need:
    """What questions must be like for a metric to say anything.

    Attributes:
        says: the same in words, behind "no question".
        met: whether one of them is so.
    """

    says: str
    met: Callable[[Sequence[Outcome]], bool]


def some(says: str, holds: Callable[[Outcome], bool]) -> Need:
    """The need of one question at least that is so."""
    return Need(says, lambda outcomes: any(map(holds, outcomes)))


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure.

    Attributes:
        name: in gates and reports.
        says: its definition in a sentence.
        source: the literature it follows, where it follows any.
        columns: what it takes from a question.
        need: without which it is not measured.
        figure: what it makes of all questions' columns.
        falls: less is better.
        unit: empty for shares, or ms.
    """

    name: str
    says: str
    columns: Columns
    need: Need
    source: str = ""
    figure: Figure = ratio
    falls: bool = False
    unit: str = ""

    def table(self, outcomes: Sequence[Outcome]) -> Array:
        """The columns of all questions, (questions, columns)."""
        return np.array([self.columns(outcome) for outcome in outcomes], dtype=np.float64)

    def value(self, outcomes: Sequence[Outcome]) -> float:
        """The figure of these questions; 0 where there is nothing to divide by."""
        return float(np.nan_to_num(self.figure(self.table(outcomes))))

    def count(self, outcomes: Sequence[Outcome]) -> int:
        """How many of these questions it rests on: those of which there is something to divide."""
        table = self.table(outcomes)
        wholes = table[:, 1::2]
        return int((wholes > 0).any(axis=1).sum()) if wholes.size else len(table)

    def say(self, value: float) -> str:
        """A figure as one reads it."""
        return f"{value:,.0f} ms" if self.unit else f"{value:.3f}"

    def worst(self, outcomes: Sequence[Outcome], limit: int | None = None) -> list[Outcome]:
        """The questions that cost it most, worst first."""
        costs = [(self._cost(outcome), -n) for n, outcome in enumerate(outcomes)]
        ranked = sorted((cost for cost in costs if cost[0] > 0), reverse=True)
        return [outcomes[-place] for _, place in ranked[:limit]]

    def worst_of_pairs(
        self, pairs: Sequence[tuple[Outcome, Outcome]], limit: int | None = None
    ) -> list[Outcome]:
        """The questions, by what became of them in the end, by which it lost most."""
        lost = [(self._loss(old, new), -n) for n, (old, new) in enumerate(pairs)]
        return [pairs[-n][1] for cost, n in sorted(lost, reverse=True)[:limit] if cost > 0]

    def _loss(self, old: Outcome, new: Outcome) -> float:
        """What a question costs more than before; what it gave, where it bears on it no more."""
        (given, *_), (_, *wholes) = self.columns(old), self.columns(new)
        silent = not self.falls and bool(wholes) and not any(wholes[::2])
        return given if silent else self._cost(new) - self._cost(old)

    def _cost(self, outcome: Outcome) -> float:
        """What it would gain if this question were as it should be."""
        columns = self.columns(outcome)
        return columns[0] if self.falls else sum(columns[1::2]) - sum(columns[::2])


def part_of_mean(value: float, *, of: bool) -> tuple[float, float]:
    """A question's part in a mean over some of the questions."""
    return (float(value), 1.0) if of else (0.0, 0.0)


def counted(values: Iterable[bool]) -> tuple[float, float]:
    """How many of a question's things are as they should be, and how many there are."""
    listed = list(values)
    return float(sum(listed)), float(len(listed))
