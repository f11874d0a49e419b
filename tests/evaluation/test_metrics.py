"""Figures against other ways to compute them."""

from __future__ import annotations

import itertools

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG

from citydip_rag.evaluation.metrics import BY_NAME, METRICS, measured
from citydip_rag.evaluation.outcome import Fact
from citydip_rag.evaluation.statistics import interval, mcnemar, ratio, resampled, two_sided
from evaluation.questions import declined, miscited, outcome, report


def test_retrieval_is_that_of_ir_measures() -> None:
    cases = {f"q{n}": ranks for n, ranks in enumerate([(1,), (2, 5), (), (3, 4, 10), (1, 2)])}
    relevant = {"q0": 1, "q1": 3, "q2": 2, "q3": 3, "q4": 2}
    outcomes = [outcome(q, ranks=ranks, relevant=relevant[q]) for q, ranks in cases.items()]
    qrels = {q: {f"d{i}": 1 for i in range(relevant[q])} for q in cases}
    run = {}
    for q, ranks in cases.items():
        found = dict(zip(ranks, qrels[q], strict=False))
        run[q] = {found.get(rank, f"other{rank}"): 1 / rank for rank in range(1, 11)}
    theirs = {"ndcg@10": nDCG @ 10, "recall@1": R @ 1, "recall@5": R @ 5, "mrr@10": RR @ 10}
    values = ir_measures.calc_aggregate(list(theirs.values()), qrels, run)
    for name, measure in theirs.items():
        assert BY_NAME[name].value(outcomes) == pytest.approx(values[measure]), name


def test_figures_by_hand() -> None:
    outcomes = [
        outcome("a"),
        miscited("b"),
        outcome("c", abstained=True, citations=(), claims=()),
        declined("d"),
        declined("e", abstained=False),
        outcome("f", facts=(Fact(text="x", found=True), Fact(text="y", found=False))),
    ]
    figures = report(*outcomes).metrics
    assert figures["citation_recall"] == 2 / 4
    assert figures["citation_precision"] == 2 / 3
    assert figures["answered"] == 3 / 4
    assert figures["abstention_precision"] == figures["abstention_recall"] == 1 / 2
    assert figures["balanced_accuracy"] == (3 / 4 + 1 / 2) / 2
    assert figures["key_fact_recall"] == 1 / 2
    assert figures["latency_p50_ms"] == 20


def test_every_figure_says_how_many_questions_it_rests_on() -> None:
    outcomes = [
        outcome("a"),
        outcome("b", abstained=True, citations=(), claims=()),
        declined("c"),
        outcome("d", facts=(Fact(text="x", found=True),)),
    ]
    counts = report(*outcomes).counts
    assert counts["citation_recall"] == 3
    assert counts["citation_precision"] == 2
    assert counts["exact_citations"] == 2
    assert counts["abstention_precision"] == 2
    assert counts["key_fact_recall"] == 1
    assert counts["balanced_accuracy"] == counts["latency_p50_ms"] == 4
    assert counts.keys() == report(*outcomes).metrics.keys()


def test_what_no_question_bears_on_is_not_measured() -> None:
    names = {metric.name for metric in measured([outcome("a")])}
    assert "abstention_recall" not in names
    assert "balanced_accuracy" not in names
    assert "page_right" not in names
    assert {metric.name for metric in METRICS if metric.name in names} == names


def test_never_declining_is_no_precision() -> None:
    outcomes = [outcome("a"), declined("b", abstained=False)]
    assert report(*outcomes).metrics["abstention_precision"] == 0
    assert report(*outcomes).intervals["abstention_precision"] == (0, 0)


def test_the_worst_questions_come_first() -> None:
    outcomes = [outcome("a"), miscited("b"), outcome("c", latency_ms=900)]
    assert [o.id for o in BY_NAME["citation_recall"].worst(outcomes)] == ["b"]
    assert [o.id for o in BY_NAME["latency_p95_ms"].worst(outcomes, 1)] == ["c"]
    assert BY_NAME["language_match"].worst(outcomes) == []


def test_the_bootstrap_finds_the_binomial_interval() -> None:
    columns = np.array([[1.0, 1.0]] * 70 + [[0.0, 1.0]] * 30)
    low, high = interval(resampled(columns, ratio))
    half = 1.96 * (0.7 * 0.3 / 100) ** 0.5
    assert low == pytest.approx(0.7 - half, abs=0.015)
    assert high == pytest.approx(0.7 + half, abs=0.015)
    assert (resampled(columns, ratio) == resampled(columns, ratio)).all()


def test_mcnemar_is_the_sign_test() -> None:
    assert mcnemar(0, 0) == 1
    assert mcnemar(5, 5) == 1
    for gained, lost in itertools.product(range(6), range(6)):
        assert mcnemar(gained, lost) == mcnemar(lost, gained)
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(1, 8) == pytest.approx(2 * (1 + 9) / 2**9)


def test_a_difference_on_both_sides_of_zero_may_be_chance() -> None:
    assert two_sided(np.array([-1.0, 1.0] * 50)) > 0.9
    assert two_sided(np.ones(999)) == pytest.approx(2 / 1000)
