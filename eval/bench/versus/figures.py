"""Rows of figures, percentiles, ratios and targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

OURS: Final = "ours"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of every system.

    Attributes:
        key: a name that stays.
        label: what it is, to a reader.
        unit: of the values; may be empty.
        values: by system; a system without one failed or does not have it.
        more_is_better: whether a greater value is the better.
    """

    key: str
    label: str
    unit: str
    values: Mapping[str, float]
    more_is_better: bool = False

    def ratio(self, system: str) -> float:
        """How many times better ours is than this system; not a number where one is missing."""
        ours, theirs = self.values.get(OURS, math.nan), self.values.get(system, math.nan)
        above, below = (ours, theirs) if self.more_is_better else (theirs, ours)
        return above / below if below else math.nan

    def shown(self, system: str) -> str:
        """A system's value; shares of one, which have no unit, in three decimals."""
        value = self.values.get(system, math.nan)
        return f"{value:.3f}" if not self.unit and 0 <= value <= 1 else shown(value)

    def best_of_others(self) -> str:
        """The best other system; an empty text where there is none."""
        others = {name: value for name, value in self.values.items() if name != OURS}
        if not others:
            return ""
        pick = max if self.more_is_better else min
        return pick(others, key=lambda name: others[name])


@dataclass(frozen=True, slots=True)
class Target:
    """What ours is to reach against the best of the others.

    Attributes:
        label: to a reader.
        row: of which.
        ratio: how many times better at least; 1 for no worse.
    """

    label: str
    row: Row
    ratio: float

    @property
    def reached(self) -> float:
        """How many times better ours is than the best other."""
        return self.row.ratio(self.row.best_of_others())

    @property
    def met(self) -> bool:
        """Whether it was reached, as precisely as it is shown; False where figures are missing."""
        return round(self.reached, 2) >= self.ratio


@dataclass(slots=True)
class Table:
    """Rows under a heading."""

    title: str
    rows: list[Row] = field(default_factory=list)


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile, interpolated linearly; not a number where there are no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def shown(value: float) -> str:
    """A figure in three digits or so."""
    if math.isnan(value):
        return "–"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
