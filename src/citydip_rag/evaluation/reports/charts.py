"""The geometry of the report's charts; the templates draw them as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log10
from typing import Final

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.outcome import OTHER, Outcome
from citydip_rag.evaluation.results import SuiteReport

_BINS: Final = 20
_LIMIT: Final = re.compile(r" (?:>=|<=) ([\d.e+-]+)$")


@dataclass(frozen=True, slots=True)
class Row:
    """A metric's line in the table of figures; places are in [0, 100] on its scale.

    Attributes:
        count: how many questions it rests on.
        gates: (as written, place or None, whether it holds).
    """

    metric: Metric
    value: str
    low: str
    high: str
    count: int
    at: float
    from_: float
    to: float
    gates: tuple[tuple[str, float | None, bool], ...]

    @property
    def broken(self) -> bool:
        """Whether one of its gates is."""
        return not all(holds for _, _, holds in self.gates)


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: the questions of one verdict."""

    verdict: str
    count: int
    share: float


@dataclass(frozen=True, slots=True)
class Bar:
    """Questions of one kind, by verdict."""

    label: str
    total: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions within a range, of both kinds; heights in [0, 1]."""

    low: float
    high: float
    upper: int
    lower: int
    height_up: float
    height_down: float


@dataclass(frozen=True, slots=True)
class Histogram:
    """A histogram of two kinds, one upwards and one downwards.

    Attributes:
        end: of the last bin, which also holds what lies beyond.
        beyond: whether anything does.
        marks: labels and their places in [0, 1].
    """

    bins: tuple[Bin, ...]
    end: float
    beyond: bool
    marks: tuple[tuple[str, float], ...]


def rows(report: SuiteReport) -> list[Row]:
    """The table of figures; milliseconds share a scale from 0 to a round number."""
    return [_row(report, metric) for metric in report.measured]


def _row(report: SuiteReport, metric: Metric) -> Row:
    value, (low, high) = report.metrics[metric.name], report.intervals[metric.name]
    broken = {gate.gate for gate in report.broken}
    own = [gate for gate in report.gates if gate.split(" ", 1)[0] == metric.name]
    limits = {gate: float(m[1]) for gate in own if (m := _LIMIT.search(gate))}
    end = round_up(max(high, *limits.values(), 1)) if metric.unit else 1.0
    return Row(
        metric=metric,
        value=metric.say(value),
        low=metric.say(low),
        high=metric.say(high),
        count=metric.count(report.questions),
        at=_place(value, end),
        from_=_place(low, end),
        to=_place(high, end),
        gates=tuple(
            (
                gate.removeprefix(metric.name).strip(),
                _place(limits[gate], end) if gate in limits else None,
                gate not in broken,
            )
            for gate in own
        ),
    )


def _place(number: float, end: float) -> float:
    return round(100 * min(1.0, max(0.0, number / end)), 2)


def round_up(number: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 and so on."""
    size = 10.0 ** ceil(log10(number) - 1) if number > 1 else 1.0
    return next(size * step for step in (1, 2, 5, 10) if size * step >= number)


def bars(report: SuiteReport) -> list[Bar]:
    """What became of the questions, by kind and language."""
    return list(_bars(report.questions))


def _bars(outcomes: Sequence[Outcome]) -> Iterator[Bar]:
    for answerable in (True, False):
        for language, name in (("id", "Indonesian"), ("en", "English")):
            own = [
                o.verdict for o in outcomes if (o.answerable, o.language) == (answerable, language)
            ]
            verdicts = sorted(set(own), key=_ORDER.index)
            if own:
                yield Bar(
                    f"{'answerable' if answerable else 'unanswerable'}, {name}",
                    len(own),
                    tuple(Part(v, own.count(v), own.count(v) / len(own)) for v in verdicts),
                )


_ORDER: Final = (
    "right",
    "rightly declined",
    OTHER,
    "wrongly declined",
    "answered without evidence",
)


def confidences(report: SuiteReport) -> Histogram:
    """Confidence of answerable questions upwards, of others downwards, and the threshold."""
    up = [o.confidence for o in report.questions if o.answerable]
    down = [o.confidence for o in report.questions if not o.answerable]
    threshold = report.threshold
    marks = [] if threshold is None else [(f"threshold {threshold:.2f}", threshold)]
    return _histogram(up, down, 1.0, marks)


def latencies(report: SuiteReport) -> Histogram:
    """How long answers took."""
    times = [outcome.latency_ms for outcome in report.questions]
    end = round_up(min(max(times), 1.5 * report.metrics["latency_p95_ms"]))
    marks = [
        (
            f"{name} {report.metrics[f'latency_{name}_ms']:,.0f} ms",
            report.metrics[f"latency_{name}_ms"],
        )
        for name in ("p50", "p95")
    ]
    return _histogram(times, [], end, marks)


def _histogram(
    up: Sequence[float], down: Sequence[float], end: float, marks: Sequence[tuple[str, float]]
) -> Histogram:
    above, below = _counts(up, end), _counts(down, end)
    most = max(1, *above, *below)
    width = end / _BINS
    bins = [
        Bin(n * width, (n + 1) * width, a, b, a / most, b / most)
        for n, (a, b) in enumerate(zip(above, below, strict=True))
    ]
    places = [(label, min(1.0, max(0.0, value / end))) for label, value in marks]
    return Histogram(tuple(bins), end, max([*up, *down], default=0) > end, tuple(places))


def _counts(values: Sequence[float], end: float) -> list[int]:
    counts = [0] * _BINS
    for value in values:
        counts[min(_BINS - 1, max(0, int(value / end * _BINS)))] += 1
    return counts
