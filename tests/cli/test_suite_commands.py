"""`citydip eval suite`, `compare` and `init`, by their real entry points."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from typer.testing import CliRunner, Result

from citydip_rag import Settings
from citydip_rag.cli.console import run
from citydip_rag.cli.main import app
from citydip_rag.errors import IndexMissingError
from citydip_rag.evaluation import load_gates, load_report
from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.grounding import Calibration
from evaluation.questions import (
    ANSWERED,
    CLASH,
    DECLINED,
    miscited,
    outcome,
    report,
    write_questions,
)
from servers import running


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


@pytest.fixture
def index(article_settings: Settings) -> str:
    return str(article_settings.index)


@pytest.fixture
def questions(tmp_path: Path) -> str:
    return str(write_questions(tmp_path / "q.jsonl", ANSWERED, DECLINED))


def test_suite_gates_and_reports(tmp_path: Path, index: str, questions: str) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text("[at_least]\nevidence_cited = 1\n", encoding="utf-8")
    files = {name: tmp_path / "out" / f"r.{name}" for name in ("json", "html", "markdown", "junit")}
    options = [word for name, path in files.items() for word in (f"--{name}", str(path))]
    words = ["eval", "suite", questions, "--index", index, "--gates", str(gates)]
    passed = invoke(*words, *options)
    assert passed.exit_code == 0, passed.output
    assert "All gates hold (1)" in passed.output
    assert all(path.stat().st_size > 500 for path in files.values())
    content = json.loads(files["json"].read_text(encoding="utf-8"))
    assert content["metrics"]["citation_recall"] == 1
    gates.write_text("[at_most]\nlatency_p50_ms = 0\n", encoding="utf-8")
    failed = invoke(*words, *options)
    assert failed.exit_code == 1
    assert failed.output.count("gates.toml, line 2 asks for at most 0") == 1
    assert "✗ latency_p50_ms is " in failed.output
    assert "1 of 1 gates broken" in files["html"].read_text(encoding="utf-8")
    same = invoke("eval", "compare", str(files["json"]), str(files["json"]))
    assert same.exit_code == 0
    assert "2 questions in both" in same.output


def test_comparing_is_written_and_unchanged_figures_are_folded(
    tmp_path: Path, index: str, questions: str
) -> None:
    before, after = tmp_path / "a.json", tmp_path / "b.json"
    invoke("eval", "suite", questions, "--index", index, "--json", str(before))
    first, *others = (
        each.model_copy(update={"latency_ms": 5000.0}) for each in load_report(before).questions
    )
    uncited = Outcome(**first.model_dump() | {"citations": ()})
    after.write_text(report(uncited, *others).json_text(), encoding="utf-8")
    out, comment = tmp_path / "c.json", tmp_path / "c.md"
    words = ["eval", "compare", str(before), str(after), "--json", str(out)]
    told = invoke(*words, "--markdown", str(comment))
    assert told.exit_code == 0, told.output
    found = json.loads(out.read_text(encoding="utf-8"))
    assert found["metrics"]["latency_p50_ms"]["verdict"] == ""
    assert found["metrics"]["citation_recall"]["n"] == 1
    assert [each["id"] for each in found["lost"]] == ["1"]
    still = sum(each["change"] == 0 for each in found["metrics"].values())
    assert f"unchanged: {still}" in told.output
    assert f"Unchanged: {still} metrics" in comment.read_text(encoding="utf-8")
    row = next(line for line in told.output.split("\n") if line.startswith("latency_p50_ms"))
    assert "worse" not in row
    assert "answered" not in told.output


def test_the_terminal_obeys_no_id_and_no_question(tmp_path: Path, index: str) -> None:
    evil = "a\x1b[2Jb\x9b3J\nc"
    lost = {**ANSWERED, "id": evil, "question": f"Apa {evil}?"}
    gates = tmp_path / "gates.toml"
    gates.write_text("[at_least]\nanswered = 1\ncitation_recall = 1\n", encoding="utf-8")
    asked = str(write_questions(tmp_path / "q.jsonl", lost, DECLINED))
    told = invoke("eval", "suite", asked, "--index", index, "--gates", str(gates))
    assert told.exit_code == 1
    right, other = (
        outcome(evil, question=evil),
        miscited(evil).model_copy(update={"question": evil}),
    )
    for name, one in (("a", right), ("b", other)):
        (tmp_path / name).write_text(report(one, outcome(name + evil)).json_text())
    compared = invoke("eval", "compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert "worse a [2Jb 3J c right → other evidence cited: a [2Jb 3J c" in compared.output
    absent = write_questions(tmp_path / "q.jsonl", {**lost, "evidence": ["Tiada di sana."]})
    said = str(invoke("eval", "suite", str(absent), "--index", index).exception)
    assert not re.search("[\x1b\x9b]", told.output + compared.output + said)
    assert "question a [2Jb 3J c: the evidence" in said


def test_gates_are_proposed_that_hold(tmp_path: Path, index: str, questions: str) -> None:
    file = tmp_path / "proposed.toml"
    words = ["eval", "suite", questions, "--index", index]
    proposed = invoke(*words, "--propose-gates", str(file))
    assert proposed.exit_code == 0
    assert "The proposed bounds are loose" in proposed.output
    written = file.read_text(encoding="utf-8")
    assert '"recall@5" = 1 ' in written
    assert load_gates(file).bounds[-1].metric.name == "latency_p50_ms"
    file.write_text(written.split("[at_most]")[0], encoding="utf-8")  # this machine may be busy
    held = invoke(*words, "--gates", str(file))
    assert held.exit_code == 0, held.output
    again = invoke(*words, "--propose-gates", str(file))
    assert "proposed.toml is there already" in str(again.exception)


def test_comparing_tells_what_differs(tmp_path: Path, index: str, questions: str) -> None:
    before, after = tmp_path / "a.json", tmp_path / "b.json"
    assert (
        invoke("eval", "suite", questions, "--index", index, "--json", str(before)).exit_code == 0
    )
    first, second = (each.model_dump() for each in load_report(before).questions)
    uncited, new = Outcome(**first | {"citations": ()}), Outcome(**second | {"id": "new"})
    after.write_text(report(uncited, new).json_text(), encoding="utf-8")
    told = invoke("eval", "compare", str(before), str(after))
    assert told.exit_code == 0
    assert "1 gone (3); 1 new (new)" in told.output
    assert "right no more: 1" in told.output
    assert "worse 1 right → other evidence cited: Apa tantangan" in told.output


def test_init_drafts_what_suite_reads(tmp_path: Path, index: str) -> None:
    output = tmp_path / "drafts.jsonl"
    made = invoke("eval", "init", "--index", index, "--output", str(output), "--number", "12")
    assert made.exit_code == 0, made.output
    assert "draft-" in made.output
    assert "Add hard ones of your own" in made.output
    more = ["--output", str(tmp_path / "many.jsonl"), "--number", "900"]
    many = invoke("eval", "init", "--index", index, *more)
    assert "of 900 could be made; answerable ones by document:" in many.output
    assert re.search(r"diplomasi-kota\.txt  \d+", many.output)
    assert f"citydip eval suite {output} --index {index}" in made.output
    asked = invoke("eval", "suite", str(output), "--index", index)
    assert asked.exit_code == 0
    assert "Review them before you rely on this" in asked.output


def test_calibrating_on_question_files_alone(tmp_path: Path, index: str) -> None:
    asked = [
        *(
            {**ANSWERED, "id": f"a{n}", "question": f"{ANSWERED['question']} ({n})"}
            for n in range(8)
        ),
        *(
            {**DECLINED, "id": f"d{n}", "question": f"{DECLINED['question']} ({n})"}
            for n in range(8)
        ),
    ]
    questions = write_questions(tmp_path / "q.jsonl", *asked)
    output = tmp_path / "calibration.json"
    words = ["calibrate", "abstention", "--questions", str(questions), "-o", str(output)]
    done = invoke(*words, "--index", index)
    assert done.exit_code == 0, done.output
    assert "threshold" in done.output
    assert Calibration.load(output).fitted_on == {"q.jsonl": 16}
    missing = invoke(*words, "--index", str(tmp_path / "none"))
    assert isinstance(missing.exception, IndexMissingError)
    assert f"no index yet in {tmp_path / 'none'}" in str(missing.exception)
    assert f"citydip index --index {tmp_path / 'none'}" in missing.exception.remedy


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["eval", "suite", "q.jsonl", "--html", "."], "it is a folder"),
        (["eval", "suite", "q.jsonl", "--json", "a", "--html", "a"], "two reports would go there"),
        (["eval", "suite", "q.jsonl", "--json", "q.jsonl"], "q.jsonl cannot be written: this run"),
        (["eval", "suite", "q.jsonl", "--gates", "wide.toml", "--html", "wide.toml"], "this run"),
        (
            ["eval", "suite", "q.jsonl", "--gates", "base.toml", "--html", "b.json"],
            "this run reads",
        ),
        (["eval", "suite", "q.jsonl", "--json", "seeds/diplomasi-kota.txt"], "this run reads it"),
        (["eval", "qa", "b.json", "--json", "b.json"], "b.json cannot be written: this run reads"),
        (
            ["eval", "grounding", "b.json", "--json", "b.json/a"],
            "a cannot be written: b.json is no",
        ),
        (
            ["eval", "retrieval", "set", "--json", "set/qrels/a"],
            "a cannot be written: this run reads",
        ),
        (["eval", "compare", "b.json", "b.json", "--json", "b.json"], "this run reads it"),
        (["eval", "suite", "bad.jsonl", "--json", "r"], "bad.jsonl, line 2: not valid JSON"),
        (["eval", "suite", "empty.jsonl", "--json", "r"], "empty.jsonl holds no questions"),
        (["eval", "suite", "absent.jsonl", "--json", "r"], "absent.jsonl, line 1: question 1: the"),
        (["eval", "suite", "q.jsonl", "--gates", "wit.toml", "--json", "r"], "wit.toml, line 2"),
        (["eval", "suite", "q.jsonl", "--gates", "page.toml", "--json", "r"], "was not measured"),
        (["eval", "suite", "--json", "r"], "there is no eval/questions/diplomasi-kota.jsonl here"),
        (["eval", "compare", "q.jsonl", "q.jsonl"], "q.jsonl is no report of a suite"),
        (["eval", "init", "--output", "q.jsonl"], "q.jsonl is there already"),
        (["calibrate", "abstention", "--questions", "q.jsonl", "-o", "q.jsonl"], "this run reads"),
        (["calibrate", "evidence", "q.jsonl", "-o", "."], "it is a folder"),
        (["calibrate", "grounding", "q.jsonl", "-o", "q.jsonl"], "this run reads it"),
        (["calibrate", "projection", "q.jsonl", "-o", "q.jsonl/a"], "q.jsonl is no folder"),
    ],
)
def test_mistakes_leave_no_report(
    tmp_path: Path,
    index: str,
    article_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    good = json.dumps(ANSWERED)
    (tmp_path / "bad.jsonl").write_text(f"{good}\n{{", encoding="utf-8")
    (tmp_path / "empty.jsonl").write_text("\n", encoding="utf-8")
    write_questions(tmp_path / "q.jsonl", ANSWERED, DECLINED)
    write_questions(tmp_path / "absent.jsonl", {**ANSWERED, "evidence": [f"{CLASH}, bukan?"]})
    (tmp_path / "wit.toml").write_text("[at_least]\nwit = 1\n", encoding="utf-8")
    (tmp_path / "page.toml").write_text("[at_least]\npage_right = 1\n", encoding="utf-8")
    (tmp_path / "wide.toml").write_text("[at_least]\nanswered = 0\n", encoding="utf-8")
    base = '[no_worse_than]\nbaseline = "b.json"\n'
    (tmp_path / "base.toml").write_text(base, encoding="utf-8")
    (tmp_path / "b.json").write_text(report(outcome("1")).json_text(), encoding="utf-8")
    (tmp_path / "seeds").symlink_to(article_settings.seeds)
    (tmp_path / "set" / "qrels").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    before = sorted(tmp_path.iterdir())
    located = ["--index", index] if words[1] in {"suite", "init"} else []
    monkeypatch.setattr(sys, "argv", ["citydip", *words, *located])
    with pytest.raises(SystemExit) as caught:
        run(app)
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert said in printed.err
    assert sorted(tmp_path.iterdir()) == before


@pytest.fixture
def slow_model() -> Iterator[tuple[str, list[str]]]:
    """A chat server that never comes to an end, and the paths it was asked for."""
    api, calls = FastAPI(), list[str]()

    @api.post("/v1/chat/completions")
    async def complete(request: Request) -> StreamingResponse:
        calls.append(str(request.url.path))

        async def never() -> AsyncIterator[str]:
            while True:
                yield ": wait\n\n"
                await asyncio.sleep(0.2)

        return StreamingResponse(never(), media_type="text/event-stream")

    with running(api, timeout_graceful_shutdown=1) as address:
        yield f"{address}/v1", calls


def test_interrupting_leaves_no_report(
    tmp_path: Path, index: str, questions: str, slow_model: tuple[str, list[str]]
) -> None:
    address, calls = slow_model
    command = [sys.executable, "-c", "from citydip_rag.cli import main; main()"]
    options = ["--index", index, "--json", "out/r.json", "--html", "out/r.html"]
    process = subprocess.Popen(
        [*command, "eval", "suite", questions, *options],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "CITYDIP_GENERATOR": "openai",
            "CITYDIP_LLM_BASE_URL": address,
            "CITYDIP_LLM_MODEL": "slow",
            "FORCE_COLOR": "1",
        },
    )
    deadline = time.monotonic() + 90
    while not calls:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "0/2" in err  # the bar has said how many questions there are
    assert "Traceback" not in err + out
    assert not (tmp_path / "out").exists()
