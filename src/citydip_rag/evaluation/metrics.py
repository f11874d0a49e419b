"""The figures of a suite, each with its definition and where it comes from.

A metric takes a few numbers from every question (its columns) and makes one figure of their sums,
so that the figure of any drawing of the questions costs a sum and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np

from citydip_rag.evaluation.outcome import DEPTH, Outcome
from citydip_rag.evaluation.statistics import Array, Figure, quantile, ratio, two_ratios

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


def _some(says: str, holds: Callable[[Outcome], bool]) -> Need:
    return Need(says, lambda outcomes: any(map(holds, outcomes)))


_ANY: Final = _some("is there", lambda _: True)
_ANSWERABLE: Final = _some("is answerable", lambda o: o.answerable)
_UNANSWERABLE: Final = _some("is unanswerable", lambda o: not o.answerable)
_BOTH: Final = Need(
    "is answerable, or none is not", lambda outcomes: len({o.answerable for o in outcomes}) > 1
)
_SHOWN: Final = _some("is answerable or was answered", lambda o: o.answerable or not o.abstained)
_PLACED: Final = _some("names a place", lambda o: bool(o.place))
_PAGED: Final = _some("names a page", lambda o: o.page is not None)
_FACTUAL: Final = _some("has key facts", lambda o: bool(o.facts))
_MODEL: Final = _some("was put to a language model", lambda o: o.by_model)


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
        lost = [(self._cost(new) - self._cost(old), -n) for n, (old, new) in enumerate(pairs)]
        return [pairs[-n][1] for cost, n in sorted(lost, reverse=True)[:limit] if cost > 0]

    def _cost(self, outcome: Outcome) -> float:
        """What it would gain if this question were as it should be."""
        columns = self.columns(outcome)
        return columns[0] if self.falls else sum(columns[1::2]) - sum(columns[::2])


def _share(value: float, *, of: bool) -> tuple[float, float]:
    """A question's part in a mean over some of the questions."""
    return (float(value), 1.0) if of else (0.0, 0.0)


def _count(values: Iterable[bool]) -> tuple[float, float]:
    """How many of a question's things are as they should be, and how many there are."""
    listed = list(values)
    return float(sum(listed)), float(len(listed))


def _recall_at(depth: int) -> Columns:
    def columns(outcome: Outcome) -> tuple[float, ...]:
        found = sum(rank <= depth for rank in outcome.ranks)
        return _share(found / max(1, outcome.relevant), of=outcome.answerable)

    return columns


def _ndcg(outcome: Outcome) -> tuple[float, ...]:
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(outcome.relevant, DEPTH) + 1))
    gained = sum(1 / log2(rank + 1) for rank in outcome.ranks)
    return _share(gained / ideal if ideal else 0.0, of=outcome.answerable)


def _reciprocal_rank(outcome: Outcome) -> tuple[float, ...]:
    return _share(1 / outcome.ranks[0] if outcome.ranks else 0.0, of=outcome.answerable)


def _precision(outcome: Outcome) -> tuple[float, ...]:
    right, cited = _count(citation.right for citation in outcome.citations)
    return _share(right / max(1, cited), of=outcome.answerable and not outcome.abstained)


def _facts_said(outcome: Outcome) -> tuple[float, ...]:
    said, wanted = _count(fact.found for fact in outcome.facts)
    return _share(said / max(1, wanted), of=bool(outcome.facts))


def _balance(outcome: Outcome) -> tuple[float, ...]:
    return (
        *_share(not outcome.abstained, of=outcome.answerable),
        *_share(outcome.abstained, of=not outcome.answerable),
    )


def _latency(outcome: Outcome) -> tuple[float, ...]:
    return (outcome.latency_ms,)


_IR: Final = "TREC, as ir-measures computes it"
_ALCE: Final = "ALCE (Gao et al. 2023), with gold sentences in place of an NLI model"
_LIMITS: Final = "Know Your Limits (Wen et al. 2025)"

METRICS: Final = (
    Metric(
        "ndcg@10",
        "normalised discounted cumulative gain of the first ten passages; those that hold evidence"
        " are relevant",
        _ndcg,
        _ANSWERABLE,
        "Järvelin and Kekäläinen 2002",
    ),
    *(
        Metric(
            f"recall@{depth}",
            f"share of the passages with evidence that are among the first {depth} found",
            _recall_at(depth),
            _ANSWERABLE,
            _IR,
        )
        for depth in (1, 5, DEPTH)
    ),
    Metric(
        "mrr@10",
        "one over the rank of the first passage with evidence, 0 beyond ten",
        _reciprocal_rank,
        _ANSWERABLE,
        _IR,
    ),
    Metric(
        "citation_recall",
        "answerable questions whose answer cites evidence; declined ones do not",
        lambda o: _share(o.evidence_cited, of=o.answerable),
        _ANSWERABLE,
        _ALCE,
    ),
    Metric(
        "citation_precision",
        "share of an answer's citations that quote evidence, mean over answerable questions that"
        " were answered",
        _precision,
        _ANSWERABLE,
        _ALCE,
    ),
    Metric(
        "article_cited",
        "questions with a place whose answer cites the right article, if another paragraph of it",
        lambda o: _share(o.article_cited, of=bool(o.place)),
        _PLACED,
    ),
    Metric(
        "page_right",
        "of the citations of evidence, those that name its page",
        lambda o: _count(c.page == o.page for c in o.citations if c.right and o.page),
        _PAGED,
    ),
    Metric(
        "exact_citations",
        "citations whose quote is the document's text at their offsets, letter by letter",
        lambda o: _count(c.exact for c in o.citations),
        _SHOWN,
    ),
    Metric(
        "groundedness",
        "sentences shown that the verifier finds borne out by what they cite",
        lambda o: _count(claim.supported for claim in o.claims),
        _SHOWN,
        "citation recall of ALCE (Gao et al. 2023), with our verifier for its NLI model",
    ),
    Metric(
        "key_fact_recall",
        "share of a question's key facts that the answer says, mean over questions with any",
        _facts_said,
        _FACTUAL,
        "exact match of ASQA (Stelmakh et al. 2022)",
    ),
    Metric(
        "answered",
        "answerable questions not declined",
        lambda o: _share(not o.abstained, of=o.answerable),
        _ANSWERABLE,
    ),
    Metric(
        "abstention_precision",
        "of the declined questions, those that are unanswerable",
        lambda o: _share(not o.answerable, of=o.abstained),
        _UNANSWERABLE,
        _LIMITS,
    ),
    Metric(
        "abstention_recall",
        "unanswerable questions declined",
        lambda o: _share(o.abstained, of=not o.answerable),
        _UNANSWERABLE,
        _LIMITS,
    ),
    Metric(
        "balanced_accuracy",
        "mean of answered and abstention_recall",
        _balance,
        _BOTH,
        "Brodersen et al. 2010",
        figure=two_ratios,
    ),
    Metric(
        "language_match",
        "answers in the question's language",
        lambda o: _share(o.answer_language == o.language, of=True),
        _ANY,
    ),
    Metric(
        "generation_failed",
        "questions on which the language model failed, so that documents were quoted instead",
        lambda o: _share(bool(o.failure), of=o.by_model),
        _MODEL,
        falls=True,
    ),
    Metric(
        "latency_p50_ms",
        "median time of the engine for an answer",
        _latency,
        _ANY,
        figure=quantile(0.5),
        falls=True,
        unit="ms",
    ),
    Metric(
        "latency_p95_ms",
        "the time that 95 answers in 100 do not exceed",
        _latency,
        _ANY,
        figure=quantile(0.95),
        falls=True,
        unit="ms",
    ),
)
BY_NAME: Final[Mapping[str, Metric]] = {metric.name: metric for metric in METRICS}
RENAMED: Final[Mapping[str, str]] = {
    "evidence_cited": "citation_recall",
    "declined": "abstention_recall",
}
"""What earlier gates files call them."""


def measured(outcomes: Sequence[Outcome]) -> list[Metric]:
    """The metrics that these questions bear on."""
    return [metric for metric in METRICS if metric.need.met(outcomes)]
