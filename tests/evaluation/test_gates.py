"""Gates hold or do not, alone and against an earlier report, and say why."""

from __future__ import annotations

from pathlib import Path

import pytest

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import Gates, SuiteReport, compare, load_gates
from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.questions import Entry, Question
from citydip_rag.evaluation.reports import markdown_report
from citydip_rag.schema import Language
from evaluation.questions import declined, miscited, outcome, report


def gates(folder: Path, text: str) -> Gates:
    path = folder / "gates.toml"
    path.write_text(text, encoding="utf-8")
    return load_gates(path)


def baseline(folder: Path, made: SuiteReport) -> None:
    (folder / "base.json").write_text(made.json_text(), encoding="utf-8")


RELATIVE = '[no_worse_than]\nbaseline = "base.json"\n'
NOTHING = {"abstained": True, "citations": (), "claims": ()}
PRECISION = "abstention_precision"
TWENTY = [*(outcome(f"q{n}") for n in range(15)), *(declined(f"u{n}") for n in range(5))]


def turned(count: int) -> list[Outcome]:
    return [*(miscited(f"q{n}") for n in range(count)), *TWENTY[count:]]


def test_bounds(tmp_path: Path) -> None:
    found = gates(
        tmp_path, "# ours\n[at_least]\ncitation_recall = 0.9\n\n[at_most]\nlatency_p50_ms = 20\n"
    )
    held = found.judged(report(*TWENTY))
    assert held.gates == ("citation_recall >= 0.9", "latency_p50_ms <= 20")
    assert held.broken == ()
    (broken,) = found.judged(report(*turned(3))).broken
    assert (broken.metric, broken.value) == ("citation_recall", 0.8)
    assert broken.why == "citation_recall is 0.800, and gates.toml, line 3 asks for at least 0.9"
    assert broken.worst == ("q0", "q1", "q2")


def test_questions_of_two_files_are_told_apart(tmp_path: Path) -> None:
    """Two drafted files both begin with the same ids."""
    one = miscited("q0").model_copy(update={"file": "one.jsonl", "question": "Apa satu?"})
    two = miscited("q0").model_copy(update={"file": "two.jsonl", "question": "Apa dua?"})
    found = gates(tmp_path, "[at_least]\ncitation_recall = 0.9\n").judged(report(one, two, *TWENTY))
    assert found.broken[0].worst == ("one.jsonl: q0", "two.jsonl: q0")
    told = markdown_report(found)
    assert "`one.jsonl: q0` Apa satu?" in told
    assert "`two.jsonl: q0` Apa dua?" in told


def test_earlier_names_still_hold(tmp_path: Path) -> None:
    found = gates(tmp_path, "[at_least]\nevidence_cited = 0.7\ndeclined = 0.5\n")
    assert found.judged(report(*TWENTY)).gates == (
        "citation_recall >= 0.7",
        "abstention_recall >= 0.5",
    )


def test_no_worse_than_a_baseline(tmp_path: Path) -> None:
    baseline(tmp_path, report(*TWENTY))
    found = gates(tmp_path, RELATIVE)
    assert found.judged(report(*TWENTY)).broken == ()
    assert found.judged(report(*turned(1))).broken == ()  # may be chance
    broken = found.judged(report(*turned(6))).broken
    assert [gate.metric for gate in broken] == ["citation_recall", "citation_precision"]
    assert broken[0].gate == "citation_recall no worse than base.json"
    assert "from 1.000 to 0.600" in broken[0].why
    assert broken[0].worst == tuple(f"q{n}" for n in range(5))
    only = gates(tmp_path, RELATIVE + 'metrics = ["answered"]\n')
    assert only.judged(report(*turned(6))).broken == ()


@pytest.mark.parametrize(
    ("now", "collapsed", "worst"),
    [
        ([one.model_copy(update=NOTHING) for one in TWENTY], "citation_precision", "q0"),
        ([one.model_copy(update=NOTHING) for one in TWENTY], "exact_citations", "q0"),
        ([one.model_copy(update={"abstained": False}) for one in TWENTY], PRECISION, "u0"),
    ],
)
def test_a_metric_that_nothing_bears_on_any_more_is_worse(
    tmp_path: Path, now: list[Outcome], collapsed: str, worst: str
) -> None:
    """A system that declines everything cites nothing wrong; one that never does, declines none."""
    baseline(tmp_path, report(*TWENTY))
    broken = {gate.metric: gate for gate in gates(tmp_path, RELATIVE).judged(report(*now)).broken}
    assert "to 0.000 (nothing bears on it now)" in broken[collapsed].why
    assert broken[collapsed].worst[0] == worst


def test_three_questions_that_turn_may_be_chance_however_few_there_are(tmp_path: Path) -> None:
    baseline(tmp_path, report(*TWENTY[:4]))
    found = gates(tmp_path, RELATIVE)
    assert found.judged(report(*turned(3)[:4])).broken == ()
    assert found.judged(report(*turned(4)[:4])).broken != ()


def test_a_relative_gate_on_what_was_not_measured_is_refused(tmp_path: Path) -> None:
    asked_a_model = [one.model_copy(update={"by_model": True}) for one in TWENTY]
    baseline(tmp_path, report(*asked_a_model))
    named = gates(tmp_path, RELATIVE + 'metrics = ["generation_failed"]\n')
    said = r"gates\.toml, line 3: generation_failed was not measured: no question was put to"
    with pytest.raises(EvaluationError, match=said):
        named.judged(report(*TWENTY))
    everything = gates(tmp_path, RELATIVE).judged(report(*TWENTY))
    assert "answered no worse than base.json" in everything.gates
    assert not [gate for gate in everything.gates if gate.startswith("generation_failed")]
    with pytest.raises(EvaluationError, match=r"line 3: base\.json: page_right was not measured"):
        gates(tmp_path, RELATIVE + 'metrics = ["page_right"]\n')
    with pytest.raises(EvaluationError, match="line 3: metrics is not a list of names"):
        gates(tmp_path, RELATIVE + "metrics = []\n")


def test_getting_better_or_slower_breaks_nothing(tmp_path: Path) -> None:
    baseline(tmp_path, report(*turned(6)))
    slower = [one.model_copy(update={"latency_ms": 900.0}) for one in TWENTY]
    assert gates(tmp_path, RELATIVE).judged(report(*slower)).broken == ()


def test_a_baseline_of_other_questions_is_refused(tmp_path: Path) -> None:
    baseline(tmp_path, report(*TWENTY))
    found = gates(tmp_path, RELATIVE)
    said = r"gates\.toml, line 1: base\.json is about other questions: 1 gone \(u4\)"
    with pytest.raises(EvaluationError, match=said):
        found.judged(report(*TWENTY[:-1]))
    other = TWENTY[0].model_copy(update={"gold": ()})
    with pytest.raises(EvaluationError, match=r"1 changed \(q0\)"):
        found.judged(report(other, *TWENTY[1:]))
    entry = Question(id="n", question="Apa?", language=Language.INDONESIAN, answerable=False)
    with pytest.raises(EvaluationError, match=r"20 gone \(q0, q1, q10, …\); 1 new \(n\)"):
        found.check_questions([Entry(entry, Path("q.jsonl"), 1)])


def test_a_gate_on_what_was_not_measured_is_refused(tmp_path: Path) -> None:
    found = gates(tmp_path, "[at_least]\npage_right = 0.5\n")
    said = r"gates\.toml, line 2: page_right was not measured: no question names a page"
    with pytest.raises(EvaluationError, match=said):
        found.judged(report(*TWENTY))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[", "cannot be read"),
        ("", "holds no gates"),
        ("[above]\nx = 1", r"gates\.toml, line 1: 'above' is no kind of gate"),
        ("[at_least]\nanswered = true", r"line 2: the gate 'answered' is not a number"),
        ("[at_least]\nanswered = 1\nwit = 1", r"line 3: there is no metric 'wit'.*ndcg@10"),
        ("[no_worse_than]\n", "line 1: it names no baseline"),
        ('[no_worse_than]\nbaseline = "none.json"', r"none\.json cannot be read"),
        ('[no_worse_than]\nbaseline = "gates.toml"', r"gates\.toml is no report of a suite"),
        ('[no_worse_than]\nbasis = "a"', "line 2: 'basis' is unknown"),
        ("at_most = 3", "line 1: at_most is not a table"),
        ("[at_least]\nanswered = 90", r"line 2: answered is a share .*90: did you mean 0\.9\?"),
        ("[at_least]\nanswered = -1", "line 2: answered is a share from 0 to 1, which -1 is not"),
        ("[at_most]\nlatency_p50_ms = -1", "line 2: no time is less than nothing"),
        (
            "[at_least]\nanswered = 0.5\n[at_most]\nanswered = 0.9",
            r"line 4: of answered more is better.*Write it in \[at_least\]",
        ),
        ("[at_least]\nlatency_p50_ms = 9", r"line 2: .*less is better.*Write it in \[at_most\]"),
        ("[at_least]\nrecall@5 = 0.9", 'cannot be read: .*Write "recall@5" in quotes'),
    ],
)
def test_malformed_gates(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        gates(tmp_path, text)


def test_a_baseline_with_a_changed_question_says_so_before_anything_is_asked(
    tmp_path: Path,
) -> None:
    """In the words of a comparison."""
    baseline(tmp_path, report(outcome("q0"), outcome("q1")))
    entry = Question(id="q0", question="Lain?", language=Language.INDONESIAN, answerable=False)
    with pytest.raises(EvaluationError, match=r"1 changed \(q0\); 1 gone \(q1\)\."):
        gates(tmp_path, RELATIVE).check_questions([Entry(entry, Path("q.jsonl"), 1)])


def test_gates_that_the_same_questions_broke_name_them_once(tmp_path: Path) -> None:
    found = gates(tmp_path, "[at_least]\ncitation_recall = 0.9\ncitation_precision = 0.9\n")
    broken = found.judged(report(*turned(8)))
    assert [gate.more for gate in broken.broken] == [3, 3]
    (blamed,) = broken.blamed
    assert len(blamed.gates) == 2
    told = markdown_report(broken)
    assert told.split("<details>")[0].count("`q0`") == 1
    assert "- and 3 more" in told


def test_comparing() -> None:
    before = report(*turned(2))
    after = report(*TWENTY[:-1], declined("new"))
    found = compare(before, after)
    assert [new.id for _, new in found.gained] == ["q0", "q1"]
    assert found.lost == ()
    assert found.p == 0.5
    assert found.pairs.gone == ("u4",)
    assert found.pairs.new == ("new",)
    by_name = {each.metric.name: each for each in found.differences}
    recall = by_name["citation_recall"]
    assert recall.by == pytest.approx(2 / 15)
    assert not recall.worse
    assert by_name["answered"].interval == (0, 0)
    with pytest.raises(EvaluationError, match="no question in common"):
        compare(before, report(outcome("other")))


def test_files_whose_ids_are_shared_are_told_apart() -> None:
    first, second = outcome("1", file="a.jsonl"), outcome("1", file="b.jsonl", question="Lain?")
    both = report(first, second)
    assert len(compare(both, both).pairs.both) == 2
    renamed = [one.model_copy(update={"file": "new.jsonl"}) for one in TWENTY]
    assert compare(report(*TWENTY), report(*renamed)).pairs.complete
