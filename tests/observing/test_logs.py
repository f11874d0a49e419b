"""Logs as a machine reads them: of records, and of a real `citydip serve`."""

from __future__ import annotations

import io
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from citydip_rag import Settings
from citydip_rag.observing import Scope, entered
from citydip_rag.observing.logs import JsonFormatter, configure_logs, wants_json
from citydip_rag.serving import make_config
from citydip_rag.settings import load_settings

QUESTION = "Kota ini bekerja sama dengan siapa?"
SERVE = "from citydip_rag.cli import main; main()"
SECONDS = 90
"""For a server that starts on a machine as busy as a test makes it."""


def line_of(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(JsonFormatter().format(record))
    return line


def record(message: str = "said %s", *args: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("a").makeRecord(
        "a.b", logging.WARNING, "f.py", 1, message, args or ("so",), None, extra=extra
    )


def test_a_line_says_when_where_and_what() -> None:
    line = line_of(record(slug="x"))
    moment = datetime.fromisoformat(line.pop("time"))
    assert moment.tzinfo is not None
    assert line == {"level": "WARNING", "logger": "a.b", "message": "said so", "slug": "x"}


def test_a_line_names_the_request_it_belongs_to() -> None:
    with entered(Scope("id-1", "/ask", key="k1")):
        line = line_of(record())
    assert (line["request_id"], line["route"], line["key"]) == ("id-1", "/ask", "k1")
    assert "trace_id" not in line
    assert "request_id" not in line_of(record())


def test_a_line_is_one_line_whatever_it_holds() -> None:
    odd = 'a\nb\r"\u2028\ud800é'
    line = JsonFormatter().format(record("%s", odd, thing=object(), color_message="\x1b[1m"))
    assert line.isascii()
    assert line.splitlines() == [line]
    assert json.loads(line)["message"] == odd
    assert "color_message" not in line


def test_an_error_has_its_trace() -> None:
    made = record()
    made.exc_info = (ValueError, ValueError("bad"), None)
    assert "ValueError: bad" in line_of(made)["exception"]


class Screen(io.StringIO):
    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("chosen", "terminal", "json_wanted"),
    [
        ("auto", True, False),
        ("auto", False, True),
        ("json", True, True),
        ("text", False, False),
    ],
)
def test_auto_is_text_for_people(
    monkeypatch: pytest.MonkeyPatch,
    chosen: str,
    *,
    terminal: bool,
    json_wanted: bool,
) -> None:
    monkeypatch.setattr(sys, "stderr", Screen(terminal=terminal))
    assert wants_json(load_settings(log_format=chosen)) is json_wanted


@pytest.mark.parametrize("chosen", ["text", "json"])
def test_the_server_s_own_line_of_a_request_would_hold_its_query(chosen: str) -> None:
    assert not make_config(FastAPI(), load_settings(log_format=chosen)).access_log


def test_only_what_goes_to_standard_error_is_made_json(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, file = Screen(terminal=False), io.StringIO()
    own, other = logging.StreamHandler(screen), logging.StreamHandler(file)
    root, ours = logging.getLogger(), logging.getLogger("citydip_rag")
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(root, "handlers", [own, other])
    access = logging.getLogger("citydip_rag.access")
    levels = ours.level, access.level
    try:
        configure_logs(load_settings(log_format="text"))
        ours.warning("one")
        access.info("a request")
        configure_logs(load_settings(log_format="json"))
        ours.info("two")
    finally:
        logging.captureWarnings(capture=False)
        ours.setLevel(levels[0])
        access.setLevel(levels[1])
    plain, request, line = screen.getvalue().splitlines()
    assert (plain, request) == ("one", "a request")
    assert json.loads(line)["message"] == "two"
    assert file.getvalue() == "one\na request\ntwo\n"


Lines = Callable[[Callable[[dict[str, Any]], bool]], dict[str, Any]]


@pytest.fixture
def served(own_settings: Settings) -> Iterator[tuple[str, Lines, list[str]]]:
    """A real server: its address, a look-out for lines of its log, and all of them."""
    environment = {
        **os.environ,
        "CITYDIP_SEEDS": str(own_settings.seeds),
        "CITYDIP_INDEX": str(own_settings.index),
        "CITYDIP_API_KEY": "a-very-secret-api-key",
    }
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, "serve", "--port", "0"],
        cwd=own_settings.seeds.parent,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        said: queue.Queue[str] = queue.Queue()
        everything: list[str] = []
        assert process.stderr is not None

        def read() -> None:
            for line in process.stderr or ():
                everything.append(line)
                said.put(line)

        threading.Thread(target=read, daemon=True).start()

        def line(wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
            while True:
                found: dict[str, Any] = json.loads(said.get(timeout=SECONDS))
                if wanted(found):
                    return found

        running = line(lambda found: "Uvicorn running on" in found["message"])
        address = re.search(r"http://\S+", running["message"])
        assert address
        yield address[0], line, everything
        process.terminate()
        process.wait(timeout=30)
        assert process.stdout is not None
        assert process.stdout.read() == "", "the log is on standard error alone"


def test_a_server_s_log_is_json_and_says_nothing_it_should_not(
    served: tuple[str, Lines, list[str]],
) -> None:
    address, line, everything = served
    headers = {"X-Request-ID": "mine-1", "Authorization": "Bearer wrong-and-secret"}
    with httpx.Client(base_url=address, headers=headers, timeout=60) as client:
        answer = client.post("/ask", json={"question": QUESTION}).json()
        asked = line(lambda found: found["logger"] == "citydip_rag.question")
        request = line(lambda found: found["logger"] == "citydip_rag.access")
        client.post("/ask?q=hidden", json={"question": "?!"})
        refused = line(lambda found: found.get("status") == 422)
        client.get("/documents/hidden-name")
        missing = line(lambda found: found.get("status") == 404)
    assert answer["citations"]
    assert asked["message"] == "question answered"
    assert asked["request_id"] == request["request_id"] == "mine-1"
    assert asked["generation"] == answer["generation"]
    assert asked["claims"] == {"supported": len(answer["claims"])}
    assert request["message"] == "POST /ask 200"
    assert (request["method"], request["route"], request["status"]) == ("POST", "/ask", 200)
    assert request["duration_ms"] >= asked["duration_ms"] > 0
    assert refused["problem"] == "invalid-question"
    assert missing["route"] == "/documents/{document_id}"
    whole = "".join(everything)
    for secret in ("bekerja sama", "hidden", "secret"):
        assert secret not in whole
    for each in everything:
        assert {"time", "level", "logger", "message"} <= json.loads(each).keys()
