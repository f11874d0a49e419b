"""Several processes at one port, and what is said where they cannot start."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from citydip_rag import Settings
from citydip_rag.embedding import Embedder
from citydip_rag.serving import build_app

COMMAND = [sys.executable, "-c", "from citydip_rag.cli import main; main()", "serve"]
WORKERS = ("--api-only", "--workers", "2")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found: int = probe.getsockname()[1]
    return found


def workers(process: subprocess.Popen[str]) -> list[int]:
    """The processes below one that are its workers; another keeps account of them."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="utf-8")
    return [
        int(child)
        for child in listed.split()
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_who_dies_of_several_workers_is_replaced(article_settings: Settings, port: int) -> None:
    index = ("--index", str(article_settings.index))
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen([*COMMAND, *WORKERS, *index, "--port", str(port)], text=True) as process:
        try:
            _until(lambda: _answers(address), process)
            first = workers(process)
            assert len(first) == 2
            os.kill(first[0], signal.SIGKILL)
            _until(lambda: len(set(workers(process)) - {first[0]}) == 2, process)
            assert _answers(address)
            assert httpx.get(address).status_code == 404  # no page
            refused = httpx.post(f"{address}/documents", files={"files": ("a.txt", b"A")})
            assert refused.status_code == 403
        finally:
            process.terminate()
        assert process.wait(timeout=30) == 0


def test_workers_that_cannot_start_say_why_and_end(tmp_path: Path, port: int) -> None:
    done = subprocess.run(
        [*COMMAND, *WORKERS, "--index", str(tmp_path), "--port", str(port)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode != 0
    assert "Loading the model and the index" in json.loads(done.stderr.splitlines()[0])["message"]
    assert "There is no index yet." in done.stderr
    assert "Run: citydip index" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_is_said_in_text_too_that_it_loads(tmp_path: Path, port: int) -> None:
    done = subprocess.run(
        [*COMMAND, "--index", str(tmp_path), "--port", str(port)],
        env={**os.environ, "CITYDIP_LOG_FORMAT": "text"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr.startswith("Loading the model and the index\nindex-missing ")


@pytest.mark.anyio
async def test_without_the_page_there_is_the_api_alone(
    article_settings: Settings, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.parts.make_embedder", lambda _: embedder)
    app = build_app(article_settings.model_copy(update={"page": False}))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        paths = ("/health/live", "/", "/evaluation")
        assert [(await client.get(path)).status_code for path in paths] == [200, 404, 404]


def _answers(address: str) -> bool:
    try:
        response = httpx.post(f"{address}/ask", json={"question": "Apa itu diplomasi kota?"})
    except httpx.TransportError:
        return False
    return response.status_code == 200 and not response.json()["abstained"]


def _until(what: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert process.poll() is None, "the server has ended"
        assert time.monotonic() < deadline, "it does not come"
        threading.Event().wait(0.2)
