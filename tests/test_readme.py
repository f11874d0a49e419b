"""Every command in the READMEs is run here, as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from typer.testing import CliRunner

from citydip_rag import Engine, index_folder, load_settings
from citydip_rag.cli.main import app
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app

ROOT = Path(__file__).resolve().parent.parent
READMES = ("README.md", "README.id.md")


def blocks(name: str, language: str) -> list[str]:
    text = (ROOT / name).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    lines = [
        line for name in READMES for block in blocks(name, "console") for line in block.split("\n")
    ]
    return list(dict.fromkeys(line for line in lines if line))


def begins(*words: str) -> list[str]:
    return [line for line in commands() if line.startswith(words)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory as the README's reader has it: the shipped folders, and documents beside it."""
    folder = tmp_path_factory.mktemp("readme")
    here = folder / "here"
    for name in ("seeds", "eval"):
        shutil.copytree(ROOT / name, here / name)
    shutil.copytree(ROOT / "seeds", folder / "my-documents")
    return here


def test_every_command_is_of_a_kind_that_is_run_here() -> None:
    known = begins("make ", "curl ", "citydip ")
    assert known == commands()
    assert len(known) >= 10


@pytest.mark.parametrize("line", begins("make "))
def test_make_targets_exist(line: str) -> None:
    done = subprocess.run(
        [*shlex.split(line), "--dry-run"], cwd=ROOT, capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.parametrize("line", [x for x in begins("citydip ") if " serve" not in x])
def test_citydip_commands(line: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    if not (workplace / "index" / "CURRENT").is_file():
        assert CliRunner().invoke(app, ["index"]).exit_code == 0
    result = CliRunner().invoke(app, shlex.split(line)[1:])
    assert result.exit_code == 0, result.output
    assert result.output.strip()


@pytest.mark.parametrize("line", [x for x in begins("citydip ") if " serve" in x])
def test_serve_commands(line: str, workplace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workplace)
    index = CliRunner().invoke(app, ["index", *_option(line, "--index")])
    assert index.exit_code == 0, index.output
    port = _free_port()
    command = [sys.executable, "-c", "from citydip_rag.cli import main; main()"]
    process = subprocess.Popen([*command, *shlex.split(line)[1:], "--port", str(port)])
    try:
        assert _ready(f"http://127.0.0.1:{port}/health/ready", process)
        page = httpx.get(f"http://127.0.0.1:{port}/", follow_redirects=True)
        assert "<html" in page.text  # where an earlier command made a key, the one to sign in
    finally:
        process.terminate()
    assert process.wait(timeout=20) in {0, 130, -15}


SAYS = {
    "/ask": "potensi benturan dengan kebijakan luar negeri pemerintah pusat",
    "/ask/stream": "event: answer",
    "/search": '"passages":[{',
    "/documents": "diplomasi-kota.txt",
    "/documents -F": '"sources":["report.md"]',
    "/indexing": '"state":',
}
"""What the answer to each of the routes holds."""


@pytest.mark.parametrize("name", READMES)
def test_settings_are_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "citydip.toml").write_text(*blocks(name, "toml"), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load_settings().generator == "openai"


@pytest.mark.parametrize("line", begins("curl "))
def test_curl_commands(line: str, engine: Engine, workplace: Path, tmp_path: Path) -> None:
    settings = engine.settings.model_copy(
        update={"seeds": workplace / "seeds", "index": tmp_path / "index"}
    )
    shutil.copytree(engine.settings.index, settings.index)
    index_folder(settings, engine.embedder)
    (tmp_path / "report.md").write_text("# Laporan\n\nIsi laporan.", encoding="utf-8")
    with _served(Engine.open(settings, engine.embedder)) as address:
        words = shlex.split(line.replace("127.0.0.1:7860", address))
        done = subprocess.run(
            words, cwd=tmp_path, capture_output=True, check=True, text=True, timeout=30
        )
    said = next(says for route, says in reversed(SAYS.items()) if route in line)
    assert said in done.stdout
    (workplace / "seeds" / "report.md").unlink(missing_ok=True)


@pytest.mark.parametrize("code", blocks("README.md", "python"))
def test_python_examples(
    code: str,
    engine: Engine,
    workplace: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(workplace)
    assert CliRunner().invoke(app, ["index"]).exit_code == 0
    with _served(Engine(engine.settings, engine.embedder, engine.index, engine.generators)) as at:
        code = code.replace("127.0.0.1:7860", at)
        exec(compile(code, "README.md", "exec"), {})  # noqa: S102  # it is our own
    assert "potensi benturan" in capsys.readouterr().out


@pytest.mark.parametrize("name", READMES)
def test_links_to_files_exist(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
        assert (ROOT / target).is_file(), target


def _option(line: str, name: str) -> list[str]:
    words = shlex.split(line)
    return words[words.index(name) : words.index(name) + 2] if name in words else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _ready(address: str, process: subprocess.Popen[bytes] | None = None) -> bool:
    for _ in range(600):
        if process is not None and process.poll() is not None:
            return False
        try:
            return httpx.get(address).status_code == 200
        except httpx.TransportError:
            threading.Event().wait(0.1)
    return False


@contextmanager
def _served(engine: Engine) -> Iterator[str]:
    api = create_app(Library(LiveEngine(engine)))
    port = _free_port()
    config = uvicorn.Config(api, port=port, log_level="warning", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert _ready(f"http://127.0.0.1:{port}/health/live")
    yield f"127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)
