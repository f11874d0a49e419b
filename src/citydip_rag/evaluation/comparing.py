"""Two reports on the same questions: what got better, what got worse, and what may be chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import shorten
from typing import Final

import numpy as np

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.lines import on_a_line
from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.metrics import measured
from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.results import SuiteReport
from citydip_rag.evaluation.statistics import (
    Array,
    Interval,
    interval,
    mcnemar,
    resampled,
    two_sided,
)

Pair = tuple[Outcome, Outcome]
"""One question, before and after."""
_FEWEST: Final = 4
"""Questions that must turn before it is more than chance: of fewer, one drawing in 40 has none."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How a metric changed.

    Attributes:
        by: after less before.
        interval: of that, the ends of its 95 % interval: both are drawn on the same questions.
        p: how often chance alone makes as much of a difference.
        n: how many of the questions it rests on, by what became of them in the end.
        turned: questions that bear on it otherwise than before.
        collapsed: it rested on some questions and rests on none any more, so that it is 0.
    """

    metric: Metric
    before: float
    after: float
    by: float
    interval: Interval
    p: float
    n: int
    turned: int
    collapsed: bool

    @property
    def significant(self) -> bool:
        """Whether it is more than chance: what collapsed is; else the interval leaves out zero.

        Of three questions or fewer nothing is concluded: of a handful of questions every drawing
        has the one that turned.
        """
        low, high = self.interval
        return self.collapsed or (self.turned >= _FEWEST and (low > 0 or high < 0))

    @property
    def worse(self) -> bool:
        """Whether it went the wrong way, by however little."""
        return self.by > 0 if self.metric.falls else self.by < 0

    @property
    def verdict(self) -> str:
        """Whether it is better or worse; empty where that may be chance.

        Times are not judged: what else the machine had to do makes them as different.
        """
        if self.metric.unit or not self.significant:
            return ""
        return "worse" if self.worse else "better"

    @property
    def moved(self) -> bool:
        """Whether there is anything to show of it."""
        return self.by != 0 or self.interval != (0, 0)

    def words(self) -> tuple[str, str, str, str]:
        """Before, after, change and interval as one reads them."""
        low, high = self.interval
        digits = 0 if self.metric.unit else 3
        return (
            self.metric.say(self.before),
            self.metric.say(self.after),
            f"{self.by:+.{digits}f}",
            f"{low:+.{digits}f} to {high:+.{digits}f}",
        )


@dataclass(frozen=True, slots=True)
class Pairs:
    """Questions that two reports have in common, and those they do not.

    Attributes:
        both: the same question with the same evidence, in the order of the later report.
        changed: ids of those that are another question by now, or have other evidence.
        gone: ids of those the later report lacks.
        new: ids of those the earlier report lacks.
    """

    both: tuple[Pair, ...]
    changed: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    new: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the two were asked the same."""
        return not (self.changed or self.gone or self.new)

    def say(self) -> str:
        """In which way the questions differ."""
        kinds = (
            (self.changed, "changed"),
            (self.gone, "gone"),
            (self.new, "new"),
        )
        return "; ".join(f"{len(ids)} {what} ({_some(ids)})" for ids, what in kinds if ids)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the questions that two reports share.

    Attributes:
        pairs: those questions, and those that one of the two lacks.
        differences: of every metric that both have.
        gained: questions that are right by now.
        lost: questions that were right.
        p: of McNemar's exact test on these.
    """

    pairs: Pairs
    differences: tuple[Difference, ...]
    gained: tuple[Pair, ...]
    lost: tuple[Pair, ...]
    p: float

    @property
    def moved(self) -> list[Difference]:
        """The metrics that are not the same in every drawing."""
        return [each for each in self.differences if each.moved]

    @property
    def unchanged(self) -> list[Difference]:
        """The others."""
        return [each for each in self.differences if not each.moved]


def pair(before: Sequence[Outcome], after: Sequence[Outcome]) -> Pairs:
    """Find the same questions: by their ids, and by their files' names where ids are shared."""
    name = "key" if _shares_ids(before) or _shares_ids(after) else "id"
    earlier, later = ({getattr(o, name): o for o in all_of} for all_of in (before, after))
    common = [(earlier[key], outcome) for key, outcome in later.items() if key in earlier]
    return Pairs(
        both=tuple((old, new) for old, new in common if old.same_question(new)),
        changed=tuple(new.id for old, new in common if not old.same_question(new)),
        gone=tuple(outcome.id for key, outcome in earlier.items() if key not in later),
        new=tuple(outcome.id for key, outcome in later.items() if key not in earlier),
    )


def difference(metric: Metric, pairs: Sequence[Pair]) -> Difference:
    """How a metric changed on these questions: a paired bootstrap (Efron and Tibshirani 1993).

    A drawing in which nothing bears on it counts as 0, as all questions together do.
    """
    old, new = ([each[side] for each in pairs] for side in (0, 1))
    drawn = _drawn(metric, new) - _drawn(metric, old)
    before, after = metric.value(old), metric.value(new)
    return Difference(
        metric,
        before,
        after,
        after - before,
        interval(drawn),
        two_sided(drawn),
        metric.count(new),
        turned=int((metric.table(old) != metric.table(new)).any(axis=1).sum()),
        collapsed=not metric.falls and before > 0 and not metric.count(new),
    )


def _drawn(metric: Metric, outcomes: Sequence[Outcome]) -> Array:
    return np.nan_to_num(resampled(metric.table(outcomes), metric.figure))


def compare(before: SuiteReport, after: SuiteReport) -> Comparison:
    """Compare two reports on the questions that both were asked.

    Raises:
        EvaluationError: there is none.
    """
    pairs = pair(before.questions, after.questions)
    if not pairs.both:
        raise EvaluationError(
            "The two reports have no question in common.",
            "Compare reports that were made with the same question file.",
        )
    known = {metric.name for metric in measured([old for old, _ in pairs.both])}
    metrics = [m for m in measured([new for _, new in pairs.both]) if m.name in known]
    gained = tuple((old, new) for old, new in pairs.both if new.right and not old.right)
    lost = tuple((old, new) for old, new in pairs.both if old.right and not new.right)
    return Comparison(
        pairs,
        tuple(difference(metric, pairs.both) for metric in metrics),
        gained,
        lost,
        mcnemar(len(gained), len(lost)),
    )


def _shares_ids(outcomes: Sequence[Outcome]) -> bool:
    return max(Counter(outcome.id for outcome in outcomes).values(), default=0) > 1


def _some(ids: Sequence[str]) -> str:
    return ", ".join(shorten(on_a_line(i), 80) for i in ids[:3]) + (", …" if len(ids) > 3 else "")
