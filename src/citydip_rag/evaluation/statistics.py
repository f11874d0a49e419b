"""Small sums that several evaluations need."""

from __future__ import annotations

from collections.abc import Iterable


def share(values: Iterable[bool]) -> float:
    """Share of true values in [0, 1]; 0 where there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0


def mean(values: Iterable[float]) -> float:
    """Mean; 0 where there are none."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
