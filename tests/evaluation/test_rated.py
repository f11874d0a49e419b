"""Rated answers become questions that a person completes."""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path

import pytest

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.questions import read_questions
from citydip_rag.evaluation.rated import rated_questions
from citydip_rag.feedback import Rated, Rating, Reason

sys.path.insert(0, str(Path(__file__).parents[1] / "feedback"))
from given import QUOTE, answer, rated

DAY = date(2026, 3, 9)


def written(path: Path, *ratings: Rated) -> Path:
    file = path / "rated.jsonl"
    file.write_text("".join(q.json_line() for q in rated_questions(ratings)), encoding="utf-8")
    return file


def test_a_good_answer_is_a_whole_question(tmp_path: Path) -> None:
    declined = rated("b2", DAY, Rating.GOOD, answer("Resep donat?", abstained=True))
    file = written(tmp_path, rated("a1", DAY, Rating.GOOD), declined)
    first, second = (entry.question for entry in read_questions(file))
    assert (first.id, first.answerable, first.evidence) == ("draft-a1", True, (QUOTE,))
    assert (second.id, second.answerable, second.evidence) == ("draft-b2", False, ())


def test_a_bad_answers_evidence_is_left_to_be_found(tmp_path: Path) -> None:
    bad = rated("a1", DAY, reasons=(Reason.WRONG,), comment="Bukan itu.")
    file = written(tmp_path, bad)
    with pytest.raises(EvaluationError, match=r"line 1: question draft-a1 .*: fill in `evidence`"):
        read_questions(file)
    line = json.loads(file.read_text(encoding="utf-8"))
    assert (line["answerable"], line["evidence"]) == (True, [])
    assert line["note"].startswith("fill in the evidence")
    for part in ("rated bad (wrong) on 2026-03-09", "“Bukan itu.”", QUOTE):
        assert part in line["note"]
    line["evidence"] = [QUOTE]
    file.write_text(json.dumps(line), encoding="utf-8")
    assert read_questions(file)[0].question.evidence == (QUOTE,)


@pytest.mark.parametrize(
    ("bad", "answerable"),
    [
        (rated("a", DAY, reasons=(Reason.NOT_IN_DOCUMENTS,)), False),
        (rated("a", DAY, reasons=(Reason.WRONG, Reason.NOT_IN_DOCUMENTS)), False),
        (rated("a", DAY, of=answer(abstained=True)), True),
        (rated("a", DAY), True),
    ],
)
def test_whether_it_can_be_answered(bad: Rated, *, answerable: bool) -> None:
    (question,) = rated_questions([bad])
    assert question.answerable is answerable
    assert question.is_complete is not answerable


def test_a_question_that_was_rated_often_is_there_once(tmp_path: Path) -> None:
    of = answer("Kenapa?", standalone="Kenapa kota itu ramai?")
    again = answer("Kenapa kota itu ramai?")
    last = rated("c", DAY, Rating.GOOD, of)
    file = written(tmp_path, last, rated("b", DAY, of=again), rated("a", DAY))
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()[:1]]
    assert lines[0]["id"] == "draft-c"
    assert lines[0]["question"] == "Kenapa kota itu ramai?"
    assert lines[0]["evidence"] == [QUOTE]
    assert lines[0]["note"].count("rated") == 2
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2
