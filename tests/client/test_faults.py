"""The typed client before servers that are busy, late, broken, or something else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from citydip_rag.client import (
    AsyncClient,
    Client,
    JobState,
    ProblemError,
    ServerLateError,
    ServerUnreachableError,
    UnexpectedResponseError,
)
from citydip_rag.client.errors import seconds
from citydip_rag.client.streaming import EventReader
from citydip_rag.events import Event, Written


class Answers(BaseHTTPRequestHandler):
    """Gives the replies it is told, one a request."""

    replies: Iterator[tuple[int, dict[str, str], bytes]]
    seen: list[str]

    def do_GET(self) -> None:
        self._reply()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._reply()

    def _reply(self) -> None:
        self.seen.append(self.headers.get("authorization", ""))
        status, headers, content = next(self.replies)
        if status == 0:
            self.connection.close()
            return
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


Reply = tuple[int, dict[str, str], bytes]
Serve = Callable[..., tuple[str, list[str]]]
BUSY = b'{"type":"urn:citydip-rag:overloaded","title":"Busy","status":503,"detail":"Ask later."}'
JOB = b'{"state":"done","new":"field"}'


@pytest.fixture
def replying() -> Iterator[Serve]:
    servers = []

    def serve(*replies: Reply) -> tuple[str, list[str]]:
        seen: list[str] = []
        handler = type("Told", (Answers,), {"replies": iter(replies), "seen": seen})
        server = HTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", seen

    yield serve
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_busy_server_is_asked_again_when_it_says(replying: Serve) -> None:
    address, seen = replying((503, {"retry-after": "0"}, BUSY), (503, {}, BUSY), (200, {}, JOB))
    with Client(address, api_key="secret") as client:
        assert client.indexing().state is JobState.DONE
    assert seen == ["Bearer secret"] * 3


async def test_a_busy_server_is_asked_again_asynchronously(replying: Serve) -> None:
    address, seen = replying((503, {"retry-after": "0"}, BUSY), (0, {}, b""), (200, {}, JOB))
    async with AsyncClient(address) as client:
        assert (await client.indexing()).state is JobState.DONE
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("replies", "retry_after", "sent"),
    [
        ([(503, {}, BUSY)], None, 1),  # a question is not asked twice unless it was not taken on
        ([(503, {"retry-after": "0"}, BUSY)] * 3, 0.0, 3),
        ([(503, {"retry-after": "31"}, BUSY)], 31.0, 1),
        ([(429, {"retry-after": "31"}, BUSY)], 31.0, 1),
    ],
)
def test_a_question_is_asked_again_only_if_it_was_not_taken_on(
    replying: Serve, replies: list[Reply], retry_after: float | None, sent: int
) -> None:
    address, seen = replying(*replies)
    with Client(address) as client, pytest.raises(ProblemError, match="Ask later") as caught:
        client.ask("kota")
    assert (caught.value.retry_after, len(seen)) == (retry_after, sent)


def test_a_broken_connection_is_not_tried_again_for_a_question(replying: Serve) -> None:
    address, seen = replying((0, {}, b""))
    with Client(address) as client, pytest.raises(ServerUnreachableError, match=address):
        client.ask("kota")
    assert len(seen) == 1


def test_files_are_never_sent_twice(replying: Serve) -> None:
    address, seen = replying((503, {"retry-after": "0"}, BUSY))
    with Client(address) as client, pytest.raises(ProblemError):
        client.add(("a.txt", b"x"))
    assert len(seen) == 1


def test_nothing_answers() -> None:
    with (
        Client("http://name:secret@127.0.0.1:9", retries=0) as client,
        pytest.raises(ServerUnreachableError, match="cannot be reached") as caught,
    ):
        client.ready()
    assert str(caught.value).startswith("http://127.0.0.1:9 cannot be reached")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("retries", [0, 1])
def test_what_never_arrived_may_be_sent_again(retries: int) -> None:
    sent = []

    def refuse(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        raise httpx.ConnectError("refused")

    transport = httpx.MockTransport(refuse)
    with (
        Client(transport=transport, retries=retries) as client,
        pytest.raises(ServerUnreachableError, match="citydip serve"),
    ):
        client.ask("kota")
    assert len(sent) == retries + 1


@pytest.mark.parametrize(
    "reply",
    [
        (502, {"content-type": "text/html"}, b"<h1>Bad gateway</h1>"),
        (500, {}, b'{"detail": "something else"}'),
        (200, {}, b"<html>"),
        (200, {}, b'{"state": "dancing"}'),
    ],
)
def test_something_else_answers(replying: Serve, reply: Reply) -> None:
    address, _ = replying(reply)
    with Client(address) as client, pytest.raises(UnexpectedResponseError, match="address"):
        client.indexing()


def test_a_late_server_is_not_waited_for(replying: Serve) -> None:
    running = b'{"state":"running"}'
    address, _ = replying(*[(200, {}, running)] * 50)
    with Client(address) as client, pytest.raises(ServerLateError, match="not done"):
        client.wait(timeout=0.1, every=0.05)


async def test_a_late_server_is_not_waited_for_asynchronously(replying: Serve) -> None:
    running = b'{"state":"running"}'
    address, _ = replying(*[(200, {}, running)] * 50)
    async with AsyncClient(address) as client:
        with pytest.raises(ServerLateError, match="not done"):
            await client.wait(timeout=0.1, every=0.05)


def test_a_response_that_does_not_come() -> None:
    def never(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("late")

    transport = httpx.MockTransport(never)
    with Client(transport=transport) as client, pytest.raises(ServerLateError, match="timeout"):
        client.ask("kota")


def test_a_stream_that_breaks_off(replying: Serve) -> None:
    event = b'event: token\r\ndata: {"text": "Kota"}\r\n\r\n'
    kind = {"content-type": "text/event-stream"}
    address, _ = replying((200, kind, event), (200, {**kind, "content-length": "999"}, event))
    for error in (UnexpectedResponseError, ServerUnreachableError):
        with Client(address) as client:
            events = client.stream("kota")
            assert next(events) == Written(text="Kota")
            with pytest.raises(error):
                next(events)


async def test_a_stream_that_breaks_off_asynchronously(replying: Serve) -> None:
    event = b'event: token\ndata: {"text": "Kota"}\n\n'
    address, _ = replying((200, {"content-length": "999"}, event))
    async with AsyncClient(address) as client:
        events = client.stream("kota")
        assert await anext(events) == Written(text="Kota")
        with pytest.raises(ServerUnreachableError):
            await anext(events)


def read(*pieces: bytes) -> list[Event]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.feed(piece)]


def test_events_end_with_line_feeds_alone() -> None:
    text = "a\u2028b\u0085c\x0bd é"
    event = f': ping\n\nevent: token\ndata: {{"text": "{text}"}}\n\n'.replace("\x0b", "\\u000b")
    content = event.encode()
    assert read(*(content[n : n + 1] for n in range(len(content)))) == [Written(text=text)]
    assert read(b"event: of-a-newer-server\ndata: {}\n\n") == []
    with pytest.raises(UnexpectedResponseError, match="no JSON"):
        read(b"event: token\ndata: {\n\n")
    with pytest.raises(UnexpectedResponseError, match="Written"):
        read(b"event: token\ndata: {}\n\n")
    with pytest.raises(ProblemError, match="Ask later"):
        read(b"event: error\ndata: " + BUSY + b"\n\n")


def test_when_to_try_again() -> None:
    assert seconds("7") == 7
    later = seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True))
    assert later is not None
    assert 55 < later <= 60
    assert seconds("Mon, 01 Jan 2001 00:00:00 GMT") == 0
    assert [seconds(said) for said in ("", "soon", "-1")] == [None, None, None]
