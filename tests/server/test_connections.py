"""Clients that send nothing, next to nothing, too much or something else than they say."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from citydip_rag import Engine, Settings
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.server.connections import MAX_HEAD_BYTES, Doors, GuardedProtocol
from citydip_rag.serving import make_config, open_files_allowed
from servers import running

PATIENCE = 0.6
"""Seconds that these servers wait."""
AMPLE = 6.0
"""Seconds in which a server on a busy machine has lost its patience."""
LIMIT = 40
CROWD = 1000
BODY = b'{"question": "Apa itu diplomasi kota?"}'
ASK = b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@contextmanager
def guarded(engine: Engine, limit: int = LIMIT, patience: float = PATIENCE) -> Iterator[str]:
    """A server, by default of little patience: its address."""
    settings = engine.settings.model_copy(update={"request_seconds": patience})
    library = Library(
        LiveEngine(Engine(settings, engine.embedder, engine.index, engine.generators))
    )
    protocol = partial(GuardedProtocol, doors=Doors(limit, patience))
    with running(
        create_app(library), http=protocol, h11_max_incomplete_event_size=MAX_HEAD_BYTES
    ) as address:
        yield address


@pytest.fixture
def address(engine: Engine) -> Iterator[str]:
    with guarded(engine) as made:
        yield made


def connected(address: str) -> socket.socket:
    parts = urlsplit(address)
    made = socket.create_connection((parts.hostname, parts.port), timeout=AMPLE)
    made.settimeout(AMPLE)
    return made


def received(connection: socket.socket) -> bytes:
    """All that comes until the server closes."""
    parts = []
    try:
        while part := connection.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def dripped(connection: socket.socket, bytes_each: bytes, seconds: float) -> None:
    """Send a byte now and then, as long as the server takes them."""
    until = time.monotonic() + seconds
    try:
        while time.monotonic() < until:
            connection.sendall(bytes_each)
            time.sleep(0.05)
    except OSError:
        pass


def problem_in(said: bytes) -> dict[str, Any]:
    """The problem in a whole response."""
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem: dict[str, Any] = json.loads(body)
    return problem


def is_served(address: str) -> bool:
    return httpx.get(f"{address}/health/live", timeout=AMPLE).status_code == 200


def test_a_head_that_never_ends_is_not_waited_for(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        begun = time.monotonic()
        dripped(slow, b"X-A: b\r\n", AMPLE)
        assert time.monotonic() - begun < AMPLE


def test_who_stops_in_the_middle_of_a_head_is_told(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        said = received(slow)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert problem_in(said)["type"] == "urn:citydip-rag:head-late"


def test_nor_is_one_that_never_begins(address: str) -> None:
    with connected(address) as silent:
        begun = time.monotonic()
        assert received(silent) == b""
        assert PATIENCE / 2 < time.monotonic() - begun < AMPLE


def test_nor_is_a_second_one_on_a_kept_connection(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 200 ")
        begun = time.monotonic()
        dripped(slow, b"G", AMPLE)
        assert time.monotonic() - begun < AMPLE


@pytest.mark.parametrize(
    "head", [b"Content-Length: 39\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n"]
)
def test_a_body_that_never_ends_is_not_waited_for(address: str, head: bytes) -> None:
    with connected(address) as slow:
        slow.sendall(ASK + head)
        begun = time.monotonic()
        said = received(slow)  # to the end: the connection is closed, too
        assert time.monotonic() - begun < AMPLE
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"urn:citydip-rag:body-late" in said


def test_nor_is_a_file_that_never_ends(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(
            b"POST /documents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 400\r\n"
            b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
        )
        said = received(slow)
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"application/problem+json" in said


def test_a_slow_body_in_time_is_answered(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(ASK + b"Content-Length: %d\r\n\r\n" % len(BODY))
        for part in (BODY[:10], BODY[10:30], BODY[30:]):
            slow.sendall(part)
            time.sleep(PATIENCE / 6)
        assert slow.recv(65536).startswith(b"HTTP/1.1 200 ")


def test_the_rest_of_a_refused_body_is_not_read_for_ever(address: str) -> None:
    with connected(address) as slow:
        slow.sendall(ASK + b"Content-Encoding: gzip\r\nContent-Length: 60000\r\n\r\n")
        assert slow.recv(65536).startswith(b"HTTP/1.1 415 ")
        begun = time.monotonic()
        dripped(slow, b"x", AMPLE)
        assert time.monotonic() - begun < AMPLE


def test_a_body_shorter_than_announced_is_of_nobody(address: str) -> None:
    with connected(address) as liar:
        liar.sendall(ASK + b"Content-Length: 4000\r\n\r\n" + BODY)
        liar.shutdown(socket.SHUT_WR)
        assert received(liar) == b""
    assert is_served(address)


def test_a_head_that_is_too_large_is_refused(address: str) -> None:
    with connected(address) as greedy:
        head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: "
        greedy.sendall(head.ljust(MAX_HEAD_BYTES, b"a"))
        time.sleep(PATIENCE / 6)  # all of it is read, so that no reset follows the answer
        greedy.sendall(b"a")
        said = received(greedy)
        assert said.startswith(b"HTTP/1.1 431 ")
        assert problem_in(said)["detail"] == "Its line and headers may have 32 KiB."
    assert is_served(address)


def test_nor_is_one_of_a_flood_read_to_its_end(address: str) -> None:
    with connected(address) as greedy:
        greedy.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
        begun = time.monotonic()
        dripped(greedy, b"a" * 8192, AMPLE)
        assert time.monotonic() - begun < AMPLE, "it was closed"
    assert is_served(address)


def test_what_is_no_http_is_told_so(address: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"), connected(address) as other:
        other.sendall(b"\x16\x03\x01\x02\x00\x01\r\n\r\n")
        said = received(other)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert problem_in(said)["type"] == "urn:citydip-rag:no-http"
    assert "127.0.0.1" in caplog.text


def greedy_connection(address: str) -> socket.socket:
    """A client with hardly any room for an answer."""
    parts = urlsplit(address)
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.settimeout(AMPLE)
    made.connect((parts.hostname, parts.port))
    return made


@pytest.mark.parametrize("requests", [b"", b"Connection: close\r\n"])
def test_who_does_not_take_the_answers_is_left(
    address: str, requests: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """Many requests at once, whose answers fill all buffers, or one that has the last word."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with caplog.at_level("INFO"), greedy_connection(address) as silent:
        with suppress(OSError):  # not all of it is read
            silent.sendall((asked + b"\r\n") * 200 + asked + requests + b"\r\n")
        until = time.monotonic() + AMPLE * 2
        while "did not take its answer" not in caplog.text and time.monotonic() < until:
            time.sleep(0.05)
        assert "did not take its answer" in caplog.text
    assert is_served(address)


def test_a_crowd_that_takes_no_answers_keeps_nobody_out(engine: Engine) -> None:
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 200
    with guarded(engine, limit=3, patience=600) as address, ExitStack() as crowd:
        for _ in range(3):
            silent = crowd.enter_context(greedy_connection(address))
            with suppress(OSError):
                silent.sendall(asked)
        until = time.monotonic() + AMPLE * 2
        while not (served := is_served(address)) and time.monotonic() < until:
            time.sleep(0.1)  # they are answered until all buffers are full
        assert served


def test_a_slow_reader_that_reads_is_answered_in_full(address: str) -> None:
    whole = httpx.get(f"{address}/openapi.json", timeout=AMPLE).content
    with greedy_connection(address) as slow:
        slow.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        said = b""
        begun = time.monotonic()
        while part := slow.recv(4096):
            said += part
            time.sleep(PATIENCE / 10)
        assert time.monotonic() - begun > PATIENCE
    assert said.endswith(whole)


@pytest.mark.parametrize("path", ["/ask", "/search", "/documents", "/gradio_api/queue/join"])
def test_a_compressed_body_is_refused_unread(address: str, path: str) -> None:
    bomb = gzip.compress(b" " * 10_000_000)
    response = httpx.post(
        address + path, content=bomb, headers={"content-encoding": "gzip"}, timeout=AMPLE
    )
    assert response.status_code == 415
    assert response.headers["accept-encoding"] == "identity"
    assert response.json()["type"] == "urn:citydip-rag:content-encoding"


def test_a_crowd_that_says_nothing_keeps_nobody_out(engine: Engine) -> None:
    """More connections than there is room for; the server waits for none of them to time out."""
    with ExitStack() as crowd, guarded(engine) as address:
        silent = [crowd.enter_context(connected(address)) for _ in range(CROWD // 2)]
        for connection in silent:
            with_head = ASK + b"Content-Length: 39\r\n"
            try:
                connection.sendall(with_head)
            except OSError:  # it has had to go already
                continue
        silent += [crowd.enter_context(connected(address)) for _ in range(CROWD // 2)]
        begun = time.monotonic()
        answer = httpx.post(
            f"{address}/ask", content=BODY, headers={"content-type": "application/json"}, timeout=20
        )
        assert answer.status_code == 200
        assert time.monotonic() - begun < AMPLE


def test_in_a_rush_those_stay_whose_request_has_arrived_unread() -> None:
    app = FastAPI()

    @app.get("/busy")
    async def busy() -> str:
        time.sleep(0.5)  # the loop is to take all the others at once
        return "done"

    @app.get("/health/live")
    def live() -> str:
        return "ok"

    asked = b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    protocol = partial(GuardedProtocol, doors=Doors(4, PATIENCE))
    with running(app, http=protocol) as address, ExitStack() as crowd:
        first = crowd.enter_context(connected(address))
        first.sendall(b"GET /busy HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        time.sleep(0.1)
        early = crowd.enter_context(connected(address))
        early.sendall(asked)
        for _ in range(20):
            crowd.enter_context(connected(address))
        assert received(early).startswith(b"HTTP/1.1 200 ")


def test_where_all_are_being_served_a_new_one_is_told_to_come_again(engine: Engine) -> None:
    with ExitStack() as busy, guarded(engine, limit=3) as address:
        for _ in range(3):
            connection = busy.enter_context(connected(address))
            connection.sendall(ASK + b"Content-Length: 39\r\n\r\n")  # whose body is read
        time.sleep(PATIENCE / 6)
        with connected(address) as late:
            said = received(late)
        assert said.startswith(b"HTTP/1.1 503 ")
        assert problem_in(said)["type"] == "urn:citydip-rag:overloaded"
        assert b"Retry-After: 1\r\n" in said


def test_pages_that_only_listen_give_way() -> None:
    """Whoever opens as many as there is room for keeps nobody else out."""
    app = FastAPI()

    async def alive() -> AsyncIterator[bytes]:
        yield b"ALIVE"
        await asyncio.Event().wait()

    @app.get("/gradio_api/heartbeat/{page}")
    def heartbeat(page: str) -> StreamingResponse:
        return StreamingResponse(alive(), headers={"X-Page": page})

    @app.get("/health/live")
    def live() -> str:
        return "ok"

    protocol = partial(GuardedProtocol, doors=Doors(3, PATIENCE))
    with running(app, http=protocol) as address, ExitStack() as open_pages:
        pages = [open_pages.enter_context(connected(address)) for _ in range(3)]
        for page in pages:
            page.sendall(b"GET /gradio_api/heartbeat/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            said = b""
            while not said.endswith(b"ALIVE\r\n"):
                said += page.recv(65536)
        assert is_served(address)
        assert received(pages[0]) == b""
        pages[2].settimeout(PATIENCE)
        with pytest.raises(TimeoutError):
            pages[2].recv(1)


def test_connections_leave_files_for_the_rest(engine: Engine) -> None:
    files = open_files_allowed()
    settings = Settings(connections=10**6)
    config = make_config(create_app(Library(LiveEngine(engine))), settings)
    doors = config.http.keywords["doors"]
    assert doors.limit + config.backlog < files
    assert doors.seconds == settings.request_seconds
