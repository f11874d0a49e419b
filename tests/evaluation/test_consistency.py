"""A report that was changed by hand, or that no run could have made, is not believed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import load_gates, load_report
from citydip_rag.evaluation.reports import html_report, junit_report, markdown_report
from evaluation.questions import declined, miscited, outcome, report

Content = dict[str, Any]
Change = Callable[[Content], object]


@pytest.fixture
def written(tmp_path: Path) -> Content:
    """A report with a broken gate, as its file has it."""
    (tmp_path / "gates.toml").write_text("[at_least]\ncitation_recall = 0.9\n", encoding="utf-8")
    made = report(miscited("q0"), outcome("q1"), declined("u0"), documents=1)
    judged = load_gates(tmp_path / "gates.toml").judged(made)
    content: Content = json.loads(judged.json_text())
    return content


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c["metrics"].clear(), "metrics lack abstention_precision"),
        (lambda c: c["metrics"].pop("answered"), "metrics lack answered"),
        (lambda c: c["metrics"].update(answered=0.1), "answered is 0.1, and its questions give 1"),
        (lambda c: c["metrics"].update(wit=1), "metrics should not have wit"),
        (lambda c: c["intervals"].pop("answered"), "intervals lack answered"),
        (lambda c: c["counts"].update(answered=9), "answered rests on 2 questions, not 9"),
        (lambda c: c.update(n=300), "n is 300, and there are 3 questions"),
        (lambda c: c["questions"].append(c["questions"][0]) or c.update(n=4), "stands in it 2"),
        (lambda c: c["settings"].update(bootstrap_rounds="many"), "bootstrap_rounds is no number"),
        (lambda c: c["settings"].update(threshold=float("nan")), "threshold is no number"),
        (lambda c: c["gates"].append("wit of man"), "'wit of man' is no gate"),
        (lambda c: c["gates"].clear(), "'citation_recall >= 0.9' is broken, and was not looked at"),
        (
            lambda c: c["broken"].clear(),
            "'citation_recall >= 0.9' is not broken, and citation_reca",
        ),
        (lambda c: c["gates"].append("groundedness >= 1.1"), "groundedness is a share from 0 to 1"),
        (lambda c: c["gates"].append("groundedness <= 0"), "of groundedness more is better"),
        (lambda c: c["gates"].append("page_right >= 0"), "is no gate on what was measured"),
        (
            lambda c: c["intervals"].update(answered=[0, 0]),
            "the interval of answered is 0 to 0, and",
        ),
        (lambda c: c["broken"][0].update(worst=["q7"]), "names 'q7', which is no question"),
        (lambda c: c["metrics"].update(answered=float("nan")), "at metrics.answered"),
        (lambda c: c["questions"][0].update(confidence=float("nan")), "questions.0.confidence"),
        (lambda c: c["questions"][0].update(confidence=7), "questions.0.confidence"),
        (lambda c: c["questions"][0].update(latency_ms=float("inf")), "questions.0.latency_ms"),
        (lambda c: c["questions"][0].update(latency_ms=1e300), "questions.0.latency_ms"),
    ],
)
def test_what_its_rows_do_not_say(
    tmp_path: Path, written: Content, change: Change, said: str
) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps(written), encoding="utf-8")
    assert load_report(path).n == 3
    change(written)
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(EvaluationError) as caught:
        load_report(path)
    assert said in caught.value.message
    assert caught.value.message.startswith("r.json ")


def test_a_bound_that_holds_is_not_broken(tmp_path: Path, written: Content) -> None:
    gate = "citation_recall >= 0.4"
    written["gates"], written["broken"][0]["gate"] = [gate], gate
    path = tmp_path / "r.json"
    path.write_text(json.dumps(written), encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"is broken, and citation_recall is 0\.500"):
        load_report(path)


@pytest.mark.parametrize("bound", ["0.6666666", "0.6666666666666666", "0.6666667", "0.66667"])
def test_a_bound_of_more_digits_than_a_report_records_is_believed(
    tmp_path: Path, bound: str
) -> None:
    (tmp_path / "gates.toml").write_text(f"[at_least]\ncitation_recall = {bound}\n")
    judged = load_gates(tmp_path / "gates.toml").judged(
        report(miscited("q0"), outcome("q1"), outcome("q2"))
    )
    path = tmp_path / "r.json"
    path.write_text(judged.json_text(), encoding="utf-8")
    assert load_report(path).broken == judged.broken


def test_ids_that_look_like_other_questions_names_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "gates.toml").write_text("[at_least]\ncitation_recall = 0.9\n", encoding="utf-8")
    same = [miscited("q0").model_copy(update={"file": f"{name}.jsonl"}) for name in "ab"]
    made = report(*same, miscited("a.jsonl: q0"), miscited("b.jsonl: q0"))
    judged = load_gates(tmp_path / "gates.toml").judged(made)
    assert judged.broken[0].worst == tuple(f"{n}.jsonl: q0{p}" for p in ("", "′") for n in "ab")
    assert len(judged.by_name) == 4
    for render in (html_report, junit_report, markdown_report):
        assert "b.jsonl: q0′" in render(judged)
