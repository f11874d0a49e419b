"""The figures of a suite, each with its definition and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log2
from typing import Final

from citydip_rag.evaluation.metric import Columns, Metric, Need, counted, part_of_mean, some
from citydip_rag.evaluation.outcome import DEPTH, Outcome
from citydip_rag.evaluation.statistics import quantile, two_ratios

_ANY: Final = some("is there", lambda _: True)
_ANSWERABLE: Final = some("is answerable", lambda o: o.answerable)
_UNANSWERABLE: Final = some("is unanswerable", lambda o: not o.answerable)
_BOTH: Final = Need(
    "is answerable, or none is not", lambda outcomes: len({o.answerable for o in outcomes}) > 1
)
_SHOWN: Final = some("is answerable or was answered", lambda o: o.answerable or not o.abstained)
_PLACED: Final = some("names a place", lambda o: bool(o.place))
_PAGED: Final = some("names a page", lambda o: o.page is not None)
_FACTUAL: Final = some("has key facts", lambda o: bool(o.facts))
_MODEL: Final = some("was put to a language model", lambda o: o.by_model)


def _recall_at(depth: int) -> Columns:
    def columns(outcome: Outcome) -> tuple[float, ...]:
        found = sum(rank <= depth for rank in outcome.ranks)
        return part_of_mean(found / max(1, outcome.relevant), of=outcome.answerable)

    return columns


def _ndcg(outcome: Outcome) -> tuple[float, ...]:
    ideal = sum(1 / log2(rank + 1) for rank in range(1, min(outcome.relevant, DEPTH) + 1))
    gained = sum(1 / log2(rank + 1) for rank in outcome.ranks)
    return part_of_mean(gained / ideal if ideal else 0.0, of=outcome.answerable)


def _reciprocal_rank(outcome: Outcome) -> tuple[float, ...]:
    return part_of_mean(1 / outcome.ranks[0] if outcome.ranks else 0.0, of=outcome.answerable)


def _precision(outcome: Outcome) -> tuple[float, ...]:
    right, cited = counted(citation.right for citation in outcome.citations)
    return part_of_mean(right / max(1, cited), of=outcome.answerable and not outcome.abstained)


def _facts_said(outcome: Outcome) -> tuple[float, ...]:
    said, wanted = counted(fact.found for fact in outcome.facts)
    return part_of_mean(said / max(1, wanted), of=bool(outcome.facts))


def _balance(outcome: Outcome) -> tuple[float, ...]:
    return (
        *part_of_mean(not outcome.abstained, of=outcome.answerable),
        *part_of_mean(outcome.abstained, of=not outcome.answerable),
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
            f"share of the passages with evidence that are found at rank {depth} or before",
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
        lambda o: part_of_mean(o.evidence_cited, of=o.answerable),
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
        lambda o: part_of_mean(o.article_cited, of=bool(o.place)),
        _PLACED,
    ),
    Metric(
        "page_right",
        "of the citations of evidence, those that name its page",
        lambda o: counted(c.page == o.page for c in o.citations if c.right and o.page),
        _PAGED,
    ),
    Metric(
        "exact_citations",
        "citations whose quote is the document's text at their offsets, letter by letter",
        lambda o: counted(c.exact for c in o.citations),
        _SHOWN,
    ),
    Metric(
        "groundedness",
        "sentences shown that the verifier finds borne out by what they cite",
        lambda o: counted(claim.supported for claim in o.claims),
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
        lambda o: part_of_mean(not o.abstained, of=o.answerable),
        _ANSWERABLE,
    ),
    Metric(
        "abstention_precision",
        "of the declined questions, those that are unanswerable",
        lambda o: part_of_mean(not o.answerable, of=o.abstained),
        _UNANSWERABLE,
        _LIMITS,
    ),
    Metric(
        "abstention_recall",
        "unanswerable questions declined",
        lambda o: part_of_mean(o.abstained, of=not o.answerable),
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
        "answers whose own words, quotations aside, are in the question's language",
        lambda o: part_of_mean(o.in_its_language, of=True),
        _ANY,
    ),
    Metric(
        "generation_failed",
        "questions on which the language model failed, so that documents were quoted instead",
        lambda o: part_of_mean(bool(o.failure), of=o.by_model),
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
