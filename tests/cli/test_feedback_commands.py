"""`citydip feedback`: from a reader's rating to a question of the suite."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from citydip_rag import Settings
from citydip_rag.cli.main import app
from citydip_rag.errors import StateError
from citydip_rag.feedback import Asked, Rating, Reason, Store, today

sys.path.insert(0, str(Path(__file__).parents[1] / "feedback"))
from given import answer, rated

QUESTION = "Apa tantangan terbesar diplomasi kota?"
EVIDENCE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYDIP_STATE", str(tmp_path / "state.sqlite"))


def filled() -> None:
    store = Store.open(Settings())
    store.rate(
        rated(
            "a1",
            today(),
            of=answer(QUESTION),
            reasons=(Reason.INCOMPLETE,),
            comment="[b]Kurang.[/b]",
        )
    )
    old = today() - timedelta(days=30)
    store.rate(rated("b2", old, Rating.GOOD, answer("Resep donat?", abstained=True)))
    store.log([Asked.of(answer(f"Tanya {day}?"), day) for day in (old, today())])
    store.close()


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, ["feedback", *words], env={"COLUMNS": "200"})


def run_without_catching(*words: str) -> None:
    CliRunner().invoke(app, ["feedback", *words], catch_exceptions=False)


def test_an_index_in_a_database_is_where_they_are_looked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CITYDIP_STATE")
    with pytest.raises(StateError) as refused:
        run_without_catching("list", "--index", "postgresql://nobody:s3cret@127.0.0.1:1/none")
    assert "s3cret" not in str(refused.value)


def test_ratings_and_questions_are_listed() -> None:
    assert "There are no ratings." in invoke("list").output
    assert "There are no logged questions." in invoke("questions").output
    filled()
    shown = invoke("list").output
    for part in ("bad", "incomplete", QUESTION, "[b]Kurang.[/b]", "good", "Resep donat?"):
        assert part in shown
    (good,) = json.loads(invoke("list", "--rating", "good", "--json").stdout)
    assert (good["id"], good["abstained"]) == ("b2", True)
    assert [entry["abstained"] for entry in json.loads(invoke("questions", "--json").stdout)] == [
        False,
        False,
    ]
    assert "Tanya" in invoke("questions").output


def test_bad_answers_become_questions_of_the_suite(
    article_settings: Settings, article: str
) -> None:
    assert "There are no such ratings." in invoke("export", "--output", "none.jsonl").stderr
    assert not Path("none.jsonl").exists()
    filled()
    index = ["--index", str(article_settings.index)]
    done = invoke("export", "--output", "bad.jsonl", *index)
    assert done.exit_code == 0, done.output
    assert "1 questions, 1 of them without their evidence yet" in done.stderr
    assert invoke("export", "--output", "bad.jsonl").exit_code == 1
    suite = ["eval", "suite", "bad.jsonl", *index]
    refused = CliRunner().invoke(app, suite)
    assert refused.exit_code == 1
    assert "bad.jsonl, line 1" in str(refused.exception)
    line = json.loads(Path("bad.jsonl").read_text(encoding="utf-8"))
    assert EVIDENCE in article
    line = {**line, "evidence": [EVIDENCE], "id": "tantangan-1"}
    Path("bad.jsonl").write_text(json.dumps(line), encoding="utf-8")
    accepted = CliRunner().invoke(app, suite)
    assert accepted.exit_code == 0, accepted.output


def test_export_to_the_screen() -> None:
    filled()
    lines = invoke("export", "--rating", "all").stdout.splitlines()
    assert {json.loads(line)["id"] for line in lines} == {"draft-a1", "draft-b2"}


def test_forgetting() -> None:
    filled()
    assert invoke("forget").exit_code == 2
    assert invoke("forget", "--all", "--older-than", "3").exit_code == 2
    assert "0 ratings, 0 questions" in invoke("forget", "--older-than", "30").output
    assert "1 ratings, 1 questions" in invoke("forget", "--older-than", "29").output
    assert "1 ratings, 1 questions" in invoke("forget", "--all").output
    assert json.loads(invoke("list", "--json").stdout) == []
