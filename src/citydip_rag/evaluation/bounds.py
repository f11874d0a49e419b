"""Absolute gates: one bound on one metric, as a gates file sets it and as a report records it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isclose
from typing import Final, Literal

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.metrics import BY_NAME

Bound = Literal["at_least", "at_most"]
BOUNDS: Final[tuple[Bound, ...]] = ("at_least", "at_most")
_LONGEST: Final = 1e9
"""More milliseconds than any answer takes."""
_PERCENT: Final = 100
_RECORDED: Final = re.compile(
    r"(?P<metric>\S+) (?P<sign>[<>]=) (?P<value>\d+(?:\.\d+)?(?:e[+-]?\d+)?)"
)
_DIGITS: Final = 1e-5
"""Relative: a report records six digits of a bound."""
_SUM: Final = 1e-6
"""Absolute: between machines a sum may end otherwise."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One bound on one metric, and the line of the gates file that sets it."""

    metric: Metric
    bound: Bound
    value: float
    where: str

    def holds(self, measured: float) -> bool:
        """Whether a measured figure passes."""
        return measured >= self.value if self.bound == "at_least" else measured <= self.value

    def is_close(self, measured: float) -> bool:
        """Whether a figure is so close that the recorded bound does not say if it passed."""
        return isclose(measured, self.value, rel_tol=_DIGITS, abs_tol=_SUM)

    def __str__(self) -> str:
        """As written in the report."""
        return f"{self.metric.name} {'>=' if self.bound == 'at_least' else '<='} {self.value:g}"


def recorded(text: str) -> Gate | None:
    """The absolute gate that a report's text records; None where it is another text."""
    form = _RECORDED.fullmatch(text)
    metric = BY_NAME.get(form["metric"]) if form else None
    if form is None or metric is None:
        return None
    return Gate(metric, "at_least" if form["sign"] == ">=" else "at_most", float(form["value"]), "")


def misfit(metric: Metric, bound: Bound, value: float) -> tuple[str, str]:
    """Why a metric cannot have a bound, and a remedy; empty where it can."""
    if metric.falls != (bound == "at_most"):
        better, other = ("less", "at_most") if metric.falls else ("more", "at_least")
        return (
            f"of {metric.name} {better} is better, and [{bound}] would break when it improves",
            f"Write it in [{other}].",
        )
    if not 0 <= value <= (_LONGEST if metric.unit else 1):
        return _out_of_range(metric, value)
    return "", ""


def _out_of_range(metric: Metric, value: float) -> tuple[str, str]:
    if abs(value) > _LONGEST:
        return f"no {metric.name} is so far from 0", ""
    if metric.unit:
        return f"no time is less than nothing: {value:g}", ""
    meant = f"{value:g}: did you mean {value / 100:g}?" if 1 < value <= _PERCENT else ""
    return f"{metric.name} is a share from 0 to 1, which {value:g} is not", meant
