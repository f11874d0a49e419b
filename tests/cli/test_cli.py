"""The command line, by its real entry points."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from citydip_rag import Answer, Engine, SearchResult, Settings, index_folder
from citydip_rag.cli.console import run
from citydip_rag.cli.main import app
from citydip_rag.embedding import Embedder
from citydip_rag.index.generation import POINTER
from citydip_rag.library import JobState, Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def parsed(*words: str) -> Any:
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def index(article_settings: Settings) -> str:
    return str(article_settings.index)


def test_ask(index: str) -> None:
    answer = Answer.model_validate(
        parsed("ask", "Apa tantangan terbesar diplomasi kota?", "--index", index, "--json")
    )
    assert answer.citations
    shown = invoke("ask", "What is the greatest challenge of city diplomacy?", "--index", index)
    assert "potensi benturan" in shown.output
    assert "confidence" in shown.output
    declined = invoke("ask", "Resep donat?", "--index", index, "--language", "en", "--top-k", "2")
    assert "The documents do not say" in declined.output


def test_search(index: str) -> None:
    result = SearchResult.model_validate(
        parsed("search", "perjanjian Paris", "--index", index, "--top-k", "2", "--json")
    )
    assert len(result.passages) == 2
    assert "Paris" in invoke("search", "perjanjian Paris", "--index", index).output


def test_index_and_doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    before = parsed_doctor()
    assert not before["documents"]["fine"]
    assert "citydip index" in before["index"]["advice"]
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    (seeds / "a.txt").write_text("Kota bekerja sama dengan kota lain.", encoding="utf-8")
    (seeds / "empty.txt").write_bytes(b"")
    made = invoke("index", "--json")
    assert made.stderr == "Reading files: 2\nEmbedding passages: 1\n"
    report = json.loads(made.stdout)
    assert (report["documents"], report["passages"], report["embedded"]) == (1, 1, 1)
    assert {file["source"]: file["status"] for file in report["files"]} == {
        "a.txt": "indexed",
        "empty.txt": "failed",
    }
    strict = invoke("index", "--strict")
    assert strict.exit_code == 1
    assert "1 file could not be read, and all others are indexed: empty.txt." in strict.output
    found = parsed_doctor()["index"]
    assert (found["fine"], "empty.txt" in found["advice"]) == (True, True)
    assert "1 files could not be read" in found["observation"]
    warned = invoke("doctor")
    assert warned.exit_code == 0
    assert "! index" in warned.output
    (seeds / "empty.txt").unlink()
    shown = invoke("index", "--rebuild")
    assert "a.txt" in shown.output
    assert all(finding["fine"] for finding in parsed_doctor().values())
    assert invoke("doctor").exit_code == 0
    (seeds / "b.txt").write_text("Walikota bertemu investor.", encoding="utf-8")
    assert "as they are" in parsed_doctor()["index"]["observation"]
    (tmp_path / "index" / POINTER).write_text("nowhere")
    assert "--rebuild" in parsed_doctor()["index"]["advice"]
    monkeypatch.setenv("CITYDIP_TOP_K", "many")
    assert list(parsed_doctor()) == ["settings"]


def test_doctor_looks_at_the_folder_that_was_indexed_unless_another_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    monkeypatch.chdir(tmp_path)
    sound = invoke("doctor", "--index", index)
    assert sound.exit_code == 0, sound.output
    named = invoke("doctor", "--index", index, "--seeds", "elsewhere")
    assert "There is no folder 'elsewhere'" in named.output
    assert named.exit_code != 0


def test_doctor_names_what_is_wrong_with_the_generator_and_not_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, index: str
) -> None:
    monkeypatch.setenv("CITYDIP_GENERATOR", "llamacpp")
    monkeypatch.setenv("CITYDIP_LLM_GGUF", str(tmp_path / "nope.gguf"))
    found = json.loads(invoke("doctor", "--index", index, "--json").stdout)
    fine = {finding["subject"]: finding["fine"] for finding in found}
    assert fine["answers"]
    assert not fine["generator"]


def test_the_next_command_carries_the_folders_that_were_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seeds, index = tmp_path / "berkas kota", tmp_path / "indeks kota"
    seeds.mkdir()
    (seeds / "a.txt").write_text("Kota bekerja sama dengan kota lain.", encoding="utf-8")
    options = ["--seeds", str(seeds), "--index", str(index)]
    advised = {f["subject"]: f for f in json.loads(invoke("doctor", *options, "--json").stdout)}
    command = advised["index"]["advice"].partition("citydip ")[2]
    assert shlex.split(command) == ["index", *options]
    shown = invoke(*shlex.split(command))
    ask, serve = (part.strip() for part in shown.output.split("Ask: ")[1].split("or:"))
    assert shlex.split(ask) == ["citydip", "ask", "…", "--index", str(index)]
    assert shlex.split(serve) == ["citydip", "serve", "--index", str(index)]
    assert invoke(*shlex.split(ask)[1:2], "Apa itu kota?", *shlex.split(ask)[3:]).exit_code == 0


def test_what_a_server_removed_is_answered_from_no_more(tmp_path: Path, embedder: Embedder) -> None:
    settings = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    settings.seeds.mkdir()
    (settings.seeds / "a.txt").write_text("Bandung bersahabat dengan Suwon.", encoding="utf-8")
    index_folder(settings, embedder)
    library = Library(LiveEngine(Engine.open(settings, embedder)))
    with library.working():
        library.remove(library.documents()[0].id)
        while library.job.state is JobState.RUNNING:
            time.sleep(0.02)
    asked = ["Dengan siapa Bandung bersahabat?", "--index", str(settings.index), "--json"]
    answer = parsed("ask", *asked)
    assert (answer["abstained"], answer["passages"]) == (True, [])
    assert parsed("search", *asked)["passages"] == []
    (settings.seeds / "a.txt").write_text("Bandung bersahabat dengan Suwon.", encoding="utf-8")
    index_folder(settings, embedder, rebuild=True)  # it has come back
    assert parsed("search", *asked)["passages"]


def parsed_doctor() -> dict[str, Any]:
    return {
        finding["subject"]: finding for finding in json.loads(invoke("doctor", "--json").stdout)
    }


def test_help_and_version() -> None:
    assert "citydip index" in invoke("--help").output
    assert invoke("--version").output.strip() == "0.1.0"
    for command in ("index", "ask", "search", "serve", "doctor", "eval", "calibrate"):
        assert invoke(command, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ask", "   "], "The question is empty."),
        (["ask", "a" * 50_000], "50,000 characters"),
        (["index", "--seeds", "nowhere"], "no folder 'nowhere'"),
        (["ask", "kota"], "Run: citydip index"),
        (["eval", "suite", "--gates", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["eval", "qa", "nowhere.json"], "nowhere.json cannot be read"),
        (["eval", "retrieval", "nowhere"], "corpus.jsonl cannot be read"),
        (["calibrate", "abstention"], "nothing to fit on"),
        (["index", "--watch", "--strict"], "--watch goes on"),
    ],
)
def test_mistakes_end_with_a_message_and_status_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["citydip", *words])
    with pytest.raises(SystemExit) as caught:
        run(app)
    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert said in printed.err
    assert "Traceback" not in printed.err
    assert printed.out == ""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full")
def test_a_full_disk_is_no_fault_to_report() -> None:
    command = [sys.executable, "-c", "from citydip_rag.cli import main; main()", "--version"]
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert "No space left on device" in done.stderr
    assert "Make room" in done.stderr
    assert "report" not in done.stderr


def test_eval_on_data_sets(tmp_path: Path) -> None:
    context = "Kereta api pertama berjalan pada tahun 1867. Jalurnya pendek."
    answer = {"text": "1867", "answer_start": context.index("1867")}
    question = {"id": "1", "question": "Kapan kereta api pertama berjalan?", "answers": [answer]}
    squad = {"data": [{"paragraphs": [{"context": context, "qas": [question]}]}]}
    (tmp_path / "s.json").write_text(json.dumps(squad), encoding="utf-8")
    out = tmp_path / "qa.json"
    assert invoke("eval", "qa", str(tmp_path / "s.json"), "--json", str(out)).exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8"))["metrics"]["answer_cited"] == 1
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text(json.dumps({"_id": "p", "text": context}))
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "kereta api"}))
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq\tp\t1\n")
    for mode in ("hybrid", "dense", "lexical"):
        result = invoke("eval", "retrieval", str(tmp_path), "--mode", mode, "--json", str(out))
        assert result.exit_code == 0, result.output
        content = json.loads(out.read_text(encoding="utf-8"))
        assert content["settings"]["mode"] == mode
        assert content["metrics"].keys() == {
            "ndcg@10",
            "recall@1",
            "recall@5",
            "recall@10",
            "mrr@10",
        }
        assert content["metrics"]["recall@1"] == 1


def test_interrupting_while_it_is_imported_leaves_no_trace() -> None:
    code = """if True:
        import sys

        class Impatient:
            def find_spec(self, name, *_):
                if name == "citydip_rag.cli.main":
                    raise KeyboardInterrupt

        sys.meta_path.insert(0, Impatient())
        from citydip_rag.cli import main
        main()
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_no_mess(tmp_path: Path, number: signal.Signals) -> None:
    seeds = tmp_path / "seeds"
    seeds.mkdir()
    text = "\n".join(f"Kalimat ke-{i} tentang kota dan walikota di dunia." for i in range(9_000))
    (seeds / "a.txt").write_text(text, encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-c", "from citydip_rag.cli import main; main()", "index"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
    )
    deadline = time.monotonic() + 60
    while not (tmp_path / "index" / ".lock").exists():
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.5)
    process.send_signal(number)
    try:
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, err
    assert "Interrupted; nothing is lost." in err
    assert "Traceback" not in err + out
    assert not [path for path in (tmp_path / "index").iterdir() if path.is_dir()]
