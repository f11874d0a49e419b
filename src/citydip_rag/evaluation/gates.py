"""Gates: the figures below which a change must not land, alone or against an earlier report."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any, Final

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.bounds import BOUNDS, Bound, Gate, misfit
from citydip_rag.evaluation.comparing import Difference, Pairs, difference, pair
from citydip_rag.evaluation.consistency import load_report
from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.metrics import BY_NAME, RENAMED
from citydip_rag.evaluation.questions import Entry
from citydip_rag.evaluation.results import Broken, SuiteReport

RELATIVE: Final = "no_worse_than"
_FAILED: Final = BY_NAME["generation_failed"]
_MOST_FAILED: Final = 0.05
"""Share of the questions on which a language model may fail."""
WORST: Final = 5
"""Questions that a broken gate names."""
_BARE: Final = re.compile(r"^\s*(\w+@\d+)\s*=", re.MULTILINE)
"""A name that TOML wants in quotes."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier report, than which some metrics must not be worse.

    A metric is worse where it went the wrong way and the 95 % interval of the difference, by a
    bootstrap of the same questions in pairs, leaves out zero; or where nothing bears on it any
    more.

    Attributes:
        path: the report's file.
        named: the metrics that the gates file names; without any, all that do not measure time.
        where: the line of the gates file that sets it.
    """

    path: Path
    report: SuiteReport
    named: tuple[Metric, ...]
    where: str

    @property
    def name(self) -> str:
        """The report's file, without its folders."""
        return self.path.name

    def metrics(self, report: SuiteReport) -> list[Metric]:
        """Those in which a report must not be worse.

        Raises:
            EvaluationError: one that is named was not measured.
        """
        for metric in self.named:
            _refuse_unmeasured(metric, report, self.where)
        steady = [metric for metric in self.report.measured if not metric.unit]
        return list(self.named) or [metric for metric in steady if metric in report.measured]

    def refuse_other(self, pairs: Pairs) -> None:
        """Raise an EvaluationError where it is about other questions."""
        if not pairs.complete:
            raise EvaluationError(
                f"{self.where}: {self.name} is about other questions: {pairs.say()}.",
                f"Make it anew: citydip eval suite … --json {self.name}",
            )

    def gate(self, metric: Metric) -> str:
        """As written in the report."""
        return f"{metric.name} no worse than {self.name}"


@dataclass(frozen=True, slots=True)
class Gates:
    """All gates of a file."""

    bounds: tuple[Gate, ...] = ()
    baseline: Baseline | None = None

    @property
    def files(self) -> list[Path]:
        """Files that it rests on beside its own."""
        return [self.baseline.path] if self.baseline else []

    def check_questions(self, entries: Sequence[Entry]) -> None:
        """Before anything is asked: is the baseline about these questions?

        Raises:
            EvaluationError: it is about others.
        """
        if self.baseline:
            before = {(o.id, o.question, o.answerable) for o in self.baseline.report.questions}
            now = {(e.question.id, e.question.question, e.question.answerable) for e in entries}
            known, asked = ({identity for identity, *_ in keys} for keys in (before, now))
            changed = {identity for identity, *_ in before ^ now} & known & asked
            kinds = (changed, known - asked, asked - known)
            self.baseline.refuse_other(Pairs((), *(tuple(sorted(ids)) for ids in kinds)))

    def judged(self, report: SuiteReport) -> SuiteReport:
        """The report with what became of the gates.

        Raises:
            EvaluationError: a gate's metric was not measured, or the baseline is about others.
        """
        bounds = [*self.bounds, *self._built_in(report)]
        broken = [*_absolute(bounds, report), *self._relative(report)]
        named = [str(gate) for gate in bounds]
        if self.baseline:
            named += [self.baseline.gate(metric) for metric in self.baseline.metrics(report)]
        return report.model_copy(update={"gates": tuple(named), "broken": tuple(broken)})

    def _built_in(self, report: SuiteReport) -> Iterator[Gate]:
        """What nobody need ask for: where a language model is to answer, it does.

        Else quotations take its place, and gates hold on what was not to be measured.
        """
        set_already = any(gate.metric is _FAILED for gate in self.bounds)
        if _FAILED in report.measured and not set_already:
            yield Gate(_FAILED, "at_most", _MOST_FAILED, "the suite itself")

    def _relative(self, report: SuiteReport) -> Iterator[Broken]:
        if self.baseline is None:
            return
        pairs = pair(self.baseline.report.questions, report.questions)
        self.baseline.refuse_other(pairs)
        for metric in self.baseline.metrics(report):
            found = difference(metric, pairs.both)
            if found.worse and found.significant:
                why = f"{_fell(found)} against {self.baseline.name}"
                worst = report.names(metric.worst_of_pairs(pairs.both))
                yield _broken(metric, self.baseline.gate(metric), found.after, why, worst)


def _absolute(bounds: Sequence[Gate], report: SuiteReport) -> Iterator[Broken]:
    for gate in bounds:
        metric = gate.metric
        _refuse_unmeasured(metric, report, gate.where)
        value = report.metrics[metric.name]
        if not gate.holds(value):
            wanted = f"{gate.bound.replace('_', ' ')} {gate.value:g}"
            why = f"{metric.name} is {metric.say(value)}, and {gate.where} asks for {wanted}"
            worst = report.names(metric.worst(report.questions))
            yield _broken(metric, str(gate), value, why, worst)


def load_gates(path: Path) -> Gates:
    """Read a gates file: tables `[at_least]`, `[at_most]` and `[no_worse_than]`.

    Raises:
        EvaluationError: the file is missing or malformed, names a metric that there is none of, or
            a baseline that cannot be read.
    """
    text, content = _toml(path)
    source = _Source(path, text)
    for kind in content.keys() - {*BOUNDS, RELATIVE}:
        raise source.wrong(
            kind, f"{kind!r} is no kind of gate", "Use [at_least], [at_most] and [no_worse_than]."
        )
    for kind in content:
        if not isinstance(content[kind], dict):
            raise source.wrong(kind, f"{kind} is not a table", f"Write [{kind}].")
    bounds = [
        _bound(source, bound, name, value)
        for bound in BOUNDS
        for name, value in content.get(bound, {}).items()
    ]
    baseline = _baseline(source, content[RELATIVE]) if RELATIVE in content else None
    if not bounds and baseline is None:
        raise EvaluationError(f"{path.name} holds no gates.")
    return Gates(tuple(bounds), baseline)


def _toml(path: Path) -> tuple[str, dict[str, Any]]:
    """A file's text and what it says."""
    text = ""
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        said = error.strerror if isinstance(error, OSError) else error
        bare = _BARE.search(text)
        raise EvaluationError(
            f"The gates file {path.name} cannot be read: {said}.",
            f'Write "{bare[1]}" in quotes.' if bare else "",
        ) from error


@dataclass(frozen=True, slots=True)
class _Source:
    """A gates file, for messages that name its lines."""

    path: Path
    text: str

    def where(self, key: str, table: str = "") -> str:
        """File and line of a key or a table; of a key in that table, if one is named."""
        begins = (self._line(table, 0) or 0) if table else 0
        number = self._line(key, begins)
        return f"{self.path.name}, line {number}" if number else self.path.name

    def _line(self, key: str, behind: int) -> int | None:
        form = re.compile(rf"\s*\[?[\"']?{re.escape(key)}[\"']?\s*[=\].]")
        lines = enumerate(self.text.split("\n"), start=1)
        return next((n for n, line in lines if n > behind and form.match(line)), None)

    def wrong(self, key: str, what: str, remedy: str = "", table: str = "") -> EvaluationError:
        return EvaluationError(f"{self.where(key, table)}: {what}.", remedy)

    def metric(self, name: str) -> Metric:
        known = BY_NAME.get(RENAMED.get(name, name))
        if known is None:
            names = ", ".join(BY_NAME)
            raise self.wrong(name, f"there is no metric {name!r}", f"Known: {names}.")
        return known


def _bound(source: _Source, bound: Bound, name: str, value: Any) -> Gate:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= abs(value) < inf:
        raise source.wrong(name, f"the gate {name!r} is not a number", table=bound)
    metric = source.metric(name)
    what, remedy = misfit(metric, bound, value)
    if what:
        raise source.wrong(name, what, remedy, table=bound)
    return Gate(metric, bound, float(value), source.where(name, bound))


def _baseline(source: _Source, table: dict[str, Any]) -> Baseline:
    for key in table.keys() - {"baseline", "metrics"}:
        raise source.wrong(key, f"{key!r} is unknown in [{RELATIVE}]", "It has baseline, metrics.")
    file, names = table.get("baseline"), table.get("metrics")
    if not isinstance(file, str) or not file:
        raise source.wrong(RELATIVE, 'it names no baseline = "report.json"')
    if names is not None and not (
        isinstance(names, list) and names and all(isinstance(n, str) for n in names)
    ):
        raise source.wrong("metrics", "metrics is not a list of names", table=RELATIVE)
    path = source.path.parent / file
    report, named = load_report(path), tuple(source.metric(name) for name in names or ())
    where = source.where("metrics" if names else RELATIVE, RELATIVE if names else "")
    for metric in named:
        _refuse_unmeasured(metric, report, f"{where}: {path.name}")
    return Baseline(path, report, named, where)


def _refuse_unmeasured(metric: Metric, report: SuiteReport, where: str) -> None:
    if metric not in report.measured:
        raise EvaluationError(
            f"{where}: {metric.name} was not measured: no question {metric.need.says}.",
            "Take the gate out, or add such questions.",
        )


def _fell(found: Difference) -> str:
    low, high = found.interval
    why = f"95 % interval of the difference {low:+.3f} to {high:+.3f}"
    before, after = found.metric.say(found.before), found.metric.say(found.after)
    shown = "nothing bears on it now" if found.collapsed else why
    return f"{found.metric.name} went from {before} to {after} ({shown})"


def _broken(metric: Metric, gate: str, value: float, why: str, worst: tuple[str, ...]) -> Broken:
    return Broken(
        metric=metric.name,
        gate=gate,
        value=value,
        why=why,
        worst=worst[:WORST],
        more=max(0, len(worst) - WORST),
    )
