"""Reads reports. One that does not say what its rows say has been changed by hand."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from math import isclose, isfinite
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.bounds import Gate, misfit, recorded
from citydip_rag.evaluation.lines import read_text
from citydip_rag.evaluation.metrics import measured
from citydip_rag.evaluation.results import Broken, SuiteReport, interval_of

_RELATIVE: Final = re.compile(r"(?P<metric>\S+) no worse than .+", re.DOTALL)
_NUMBERS: Final = ("threshold", "documents", "bootstrap_rounds")
"""Settings that the reports reckon with."""
_TOLERANCE: Final = 1e-6
"""Between machines a sum may end otherwise."""


def _contradictions(report: SuiteReport) -> Iterator[str]:
    """What in a report is at odds with its rows, or with itself."""
    if report.n != len(report.questions):
        yield f"n is {report.n}, and there are {len(report.questions)} questions"
    (key, times), *_ = Counter(outcome.key for outcome in report.questions).most_common(1)
    if times > 1:
        yield f"question {key[1]!r} of {key[0]!r} stands in it {times} times"
    yield from _figures(report)
    yield from _gates(report)
    for name in _NUMBERS:
        value = report.settings.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            yield f"the setting {name} is no number"


def _figures(report: SuiteReport) -> Iterator[str]:
    """Figures that the questions do not give, or that are missing."""
    found = {metric.name: metric for metric in measured(report.questions)}
    for field in ("metrics", "intervals", *(("counts",) if report.counts else ())):
        for name in sorted(getattr(report, field).keys() ^ found.keys()):
            yield f"{field} {'lack' if name in found else 'should not have'} {name}"
    for name in report.metrics.keys() & found.keys():
        value = found[name].value(report.questions)
        if not _same(report.metrics[name], value):
            yield f"{name} is {report.metrics[name]:g}, and its questions give {value:g}"
        if report.counts.get(name, count := found[name].count(report.questions)) != count:
            yield f"{name} rests on {count} questions, not {report.counts[name]}"
    for name in report.intervals.keys() & found.keys():
        ends = interval_of(found[name], report.questions)
        if not all(map(_same, report.intervals[name], ends)):
            said, given = (f"{low:g} to {high:g}" for low, high in (report.intervals[name], ends))
            yield f"the interval of {name} is {said}, and its questions give {given}"


def _same(one: float, other: float) -> bool:
    return isclose(one, other, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)


def _gates(report: SuiteReport) -> Iterator[str]:
    for text in report.gates:
        gate, relative = recorded(text), _RELATIVE.fullmatch(text)
        name = gate.metric.name if gate else relative["metric"] if relative else ""
        if name not in report.metrics:
            yield f"{text!r} is no gate on what was measured"
        elif gate is not None:
            yield from _bound(gate, text, report)
    for broken in report.broken:
        yield from _broken(broken, report)


def _bound(gate: Gate, text: str, report: SuiteReport) -> Iterator[str]:
    """What an absolute gate would have come to, unless the report says so."""
    what, _ = misfit(gate.metric, gate.bound, gate.value)
    if what:
        yield f"{text!r} is no gate: {what}"
    value = report.metrics[gate.metric.name]
    holds = text not in {broken.gate for broken in report.broken}
    if gate.holds(value) != holds and not gate.is_close(value):
        said = "not broken" if holds else "broken"
        yield f"{text!r} is {said}, and {gate.metric.name} is {gate.metric.say(value)}"


def _broken(broken: Broken, report: SuiteReport) -> Iterator[str]:
    if broken.gate not in report.gates or broken.metric not in report.metrics:
        yield f"{broken.gate!r} is broken, and was not looked at"
    for name in broken.worst:
        if name not in report.by_name:
            yield f"{broken.gate!r} names {name!r}, which is no question of it"


def load_report(path: Path) -> SuiteReport:
    """Read a report that `citydip eval suite --json` wrote.

    Raises:
        EvaluationError: the file is absent or something else, or contradicts itself.
    """
    remedy = "Make it with: citydip eval suite … --json FILE"
    try:
        report = SuiteReport.model_validate_json(read_text(path))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "its beginning"
        raise EvaluationError(
            f"{path.name} is no report of a suite, at {field}: {first['msg']}.", remedy
        ) from error
    for what in _contradictions(report):
        raise EvaluationError(f"{path.name} contradicts itself: {what}.", remedy)
    return report
