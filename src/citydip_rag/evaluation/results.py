"""A suite's report: its figures with their intervals, and every question, as a JSON file."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.metrics import BY_NAME, measured
from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.statistics import ROUNDS, Interval, interval, resampled
from citydip_rag.schema import Frozen

VERSION: Final = 2
"""Of the file's format; 1 had no version, and rows from which nothing could be computed anew."""


Finite = Annotated[float, Field(allow_inf_nan=False)]


class Broken(Frozen):
    """A gate that does not hold.

    Attributes:
        metric: its name.
        gate: as written in a report: "citation_recall >= 0.9".
        value: what was measured.
        why: the same in a sentence.
        worst: names of the questions that cost the metric most, as in `SuiteReport.by_name`.
        more: how many others cost it something.
    """

    metric: str
    gate: str
    value: Finite
    why: str
    worst: tuple[str, ...] = ()
    more: Annotated[int, Field(ge=0)] = 0


@dataclass(frozen=True, slots=True)
class Blamed:
    """Broken gates that the same questions broke."""

    gates: tuple[Broken, ...]
    worst: tuple[str, ...]
    more: int


class SuiteReport(Frozen):
    """What a suite found.

    Attributes:
        version: of this format.
        made: when, ISO 8601.
        settings: what the figures depend on.
        n: number of questions.
        metrics: by name, those that the questions bear on.
        intervals: of each, the ends of its 95 % interval.
        counts: of each, how many questions it rests on.
        gates: all that were looked at, as written in a report.
        broken: those that do not hold.
        unread: files that were to be indexed and could not be read.
        changed: files of the indexed folder that were others by then.
        questions: one row each.
    """

    version: Literal[2] = VERSION
    made: str
    settings: Mapping[str, Any]
    n: int
    metrics: Mapping[str, Finite]
    intervals: Mapping[str, tuple[Finite, Finite]]
    counts: Mapping[str, int] = {}
    gates: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    unread: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    questions: tuple[Outcome, ...] = Field(min_length=1)

    @cached_property
    def measured(self) -> list[Metric]:
        """The metrics it has, in their order."""
        return [metric for name, metric in BY_NAME.items() if name in self.metrics]

    @cached_property
    def by_name(self) -> dict[str, Outcome]:
        """Its questions by their ids, with the file's name where another file uses the same id.

        An id may look like another question's id and file; then it has a prime.
        """
        used = Counter(outcome.id for outcome in self.questions)
        found: dict[str, Outcome] = {}
        for outcome in self.questions:
            name = outcome.id if used[outcome.id] == 1 else f"{outcome.file}: {outcome.id}"
            while name in found:
                name += "′"
            found[name] = outcome
        return found

    def names(self, outcomes: Iterable[Outcome]) -> tuple[str, ...]:
        """What some of its questions are called."""
        called = {outcome.key: name for name, outcome in self.by_name.items()}
        return tuple(called[outcome.key] for outcome in outcomes)

    @property
    def blamed(self) -> list[Blamed]:
        """The broken gates, those together that the same questions broke."""
        by_questions: dict[tuple[tuple[str, ...], int], list[Broken]] = defaultdict(list)
        for gate in self.broken:
            by_questions[gate.worst, gate.more].append(gate)
        return [Blamed(tuple(own), *questions) for questions, own in by_questions.items()]

    @property
    def threshold(self) -> float | None:
        """The confidence below which questions were declined, if the settings say it."""
        said = self.settings.get("threshold")
        return float(said) if isinstance(said, int | float) else None

    @property
    def drafts(self) -> int:
        """How many of its questions nobody has reviewed."""
        return sum(outcome.is_draft for outcome in self.questions)

    @property
    def wrong(self) -> list[Outcome]:
        """The questions not answered from the evidence, nor rightly declined."""
        return [outcome for outcome in self.questions if not outcome.right]

    @property
    def faulty(self) -> list[Outcome]:
        """Those, and the questions with whose answers something else is wrong."""
        return [o for o in self.questions if not o.right or o.faults]

    def json_text(self) -> str:
        """The report's file."""
        return self.model_dump_json(indent=1, exclude_defaults=False) + "\n"


def interval_of(metric: Metric, outcomes: Sequence[Outcome]) -> Interval:
    """The 95 % interval of a figure of these questions; from a fixed seed, always the same."""
    return interval(resampled(metric.table(outcomes), metric.figure))


def make_report(
    made: str,
    settings: Mapping[str, Any],
    outcomes: Sequence[Outcome],
    files: Mapping[str, tuple[str, ...]] | None = None,
) -> SuiteReport:
    """Compute the figures of a run, and 95 % intervals by drawing its questions anew.

    Args:
        made: when.
        settings: what the figures depend on.
        outcomes: of the run.
        files: `unread` and `changed` ones, as `sources.notes` gives them.
    """
    found = measured(outcomes)
    return SuiteReport(
        made=made,
        settings={**settings, "bootstrap_rounds": ROUNDS, "bootstrap_seed": 0},
        n=len(outcomes),
        metrics={metric.name: metric.value(outcomes) for metric in found},
        intervals={metric.name: interval_of(metric, outcomes) for metric in found},
        counts={metric.name: metric.count(outcomes) for metric in found},
        questions=tuple(outcomes),
        **(files or {}),
    )
