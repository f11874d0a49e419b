"""A gates file to begin with: bounds at the lower ends of the 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, floor
from typing import Final

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.results import SuiteReport

_LIMIT: Final = "latency_p50_ms"
"""The one time that is proposed: how long the slowest take is the machine's affair."""
_SLACK: Final = 10
"""So many times the measured time, since another machine is another one, and busy at times."""
_SHORTEST: Final = 250
"""Milliseconds that nobody need save."""
_ENOUGH: Final = 50
"""Questions; with fewer the intervals are wide."""


def proposed_gates(report: SuiteReport) -> str:
    """Bounds at the lower ends of the 95 % intervals, rounded down; what was measured beside.

    Metrics whose interval begins at 0 are left out, as a bound there holds always.
    """
    rising = [_line(report, metric, _down(report, metric)) for metric in _rising(report)]
    falling = [_line(report, metric, _up(report, metric)) for metric in _falling(report)]
    return "\n".join([*_head(report), "[at_least]", *rising, "", "[at_most]", *falling, ""])


def looseness(report: SuiteReport) -> str:
    """A remark on bounds that rest on few questions; empty where there are enough."""
    if report.n >= _ENOUGH:
        return ""
    return (
        f"The proposed bounds are loose, since only {report.n} questions were asked: ask"
        f" {_ENOUGH} or more, and propose anew."
    )


def _head(report: SuiteReport) -> Iterator[str]:
    yield f"# Proposed on {report.made[:10]} by citydip eval suite, after {report.n} questions:"
    yield "# the lower ends of the 95 % intervals. Behind each stand what was measured and how many"
    yield "# questions it rests on. Raise what must not slip, take out what you do not care about."
    if report.drafts:
        yield f"# Drafts among the questions: {report.drafts}. People ask harder ones."
    yield ""


def _rising(report: SuiteReport) -> list[Metric]:
    return [m for m in report.measured if not m.falls and _down(report, m) > 0]


def _falling(report: SuiteReport) -> list[Metric]:
    return [m for m in report.measured if m.falls and (not m.unit or m.name == _LIMIT)]


def _down(report: SuiteReport, metric: Metric) -> float:
    return floor(100 * report.intervals[metric.name][0] + 1e-9) / 100


def _up(report: SuiteReport, metric: Metric) -> float:
    high = report.intervals[metric.name][1]
    return (
        max(_SHORTEST, ceil(_SLACK * high / 10) * 10)
        if metric.unit
        else ceil(100 * high - 1e-9) / 100
    )


def _line(report: SuiteReport, metric: Metric, bound: float) -> str:
    name = f'"{metric.name}"' if "@" in metric.name else metric.name
    value = metric.say(report.metrics[metric.name])
    return f"{f'{name} = {bound:g}':<32}# {value}, n = {metric.count(report.questions)}"
