"""The typed client, against the real server; and against servers that misbehave."""

from __future__ import annotations

import inspect
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from citydip_rag import Engine, Settings
from citydip_rag.client import (
    AsyncClient,
    Client,
    JobState,
    ProblemError,
    ServerLateError,
    ServerUnreachableError,
    UnexpectedResponseError,
    calls,
    models,
)
from citydip_rag.client.errors import seconds
from citydip_rag.client.streaming import EventReader
from citydip_rag.embedding import Embedder
from citydip_rag.events import Answered, Checked, Event, Retrieved, Written
from citydip_rag.library import Job, Library
from citydip_rag.listing import DocumentInfo
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Language, Policy, Turn
from citydip_rag.server.app import create_app
from citydip_rag.server.routes import documents, health
from servers import running

QUESTION = "Dengan siapa kota ini bekerja sama?"
UNKNOWN = "Berapa gram tepung untuk membuat donat?"


@pytest.fixture
def address(own_settings: Settings, embedder: Embedder) -> Iterator[str]:
    with running(create_app(Library(LiveEngine(Engine.open(own_settings, embedder))))) as served:
        yield served


def test_the_whole_way(address: str, tmp_path: Path) -> None:
    file = tmp_path / "kembar.md"
    file.write_text("# Kembar\n\nBandung dan Braunschweig bersahabat sejak 1960.", "utf-8")
    with Client(address) as client:
        assert client.ready().generators[0] == "extractive"
        assert [d.source for d in client.documents().documents] == ["awal.txt"]
        accepted = client.add(file, ("lain.txt", b"Kota lain bekerja."))
        assert sorted(accepted.sources) == ["kembar.md", "lain.txt"]
        assert client.wait(timeout=60, every=0.05).state is JobState.DONE
        listed = {d.source: d.id for d in client.documents().documents}
        assert listed.keys() == {"awal.txt", "kembar.md", "lain.txt"}
        identity = listed["kembar.md"]
        answer = client.ask("Sejak kapan Bandung dan Braunschweig bersahabat?")
        (citation,) = answer.citations
        text = client.text(citation.document_id)
        assert text[citation.start : citation.end] == citation.quote
        assert client.document(identity).characters == len(text)
        assert client.text(identity, 2, 8) == text[2:8]
        assert client.search("Bandung", top_k=1, documents=[identity]).passages[0].page is None
        with pytest.raises(ProblemError) as caught:
            client.add(("lain.txt", b"anders"))
        assert caught.value.status == 409
        client.add(("lain.txt", b"Lain sekali."), replace=True)
        assert client.remove(identity).sources == ("kembar.md",)
        client.wait(timeout=60, every=0.05)
        assert client.indexing().state is JobState.DONE


async def test_the_whole_way_without_waiting(address: str) -> None:
    async with AsyncClient(address) as client:
        assert (await client.ready()).documents == 1
        accepted = await client.add(("lain.txt", b"Jakarta bersahabat dengan Tokyo."))
        assert accepted.job.state is models.JobState.RUNNING
        assert (await client.wait(timeout=60, every=0.05)).state is JobState.DONE
        listed = {d.source: d.id for d in (await client.documents()).documents}
        identity = listed["lain.txt"]
        assert (await client.document(identity)).source == "lain.txt"
        assert await client.text(identity) == "Jakarta bersahabat dengan Tokyo."
        found = await client.search("Jakarta", documents=[identity])
        assert found.passages
        answer = await client.ask("Dengan kota mana Jakarta bersahabat?")
        events = [e async for e in client.stream("Dengan kota mana Jakarta bersahabat?")]
        last = events[-1]
        assert isinstance(last, Answered)
        assert last.answer.citations == answer.citations
        assert (await client.indexing()).state is JobState.DONE
        assert (await client.remove(identity)).sources == ("lain.txt",)
        await client.wait(timeout=60, every=0.05)


@pytest.fixture
async def asked(library: Library) -> AsyncIterator[AsyncClient]:
    transport = httpx.ASGITransport(create_app(library))
    async with AsyncClient("http://127.0.0.1", transport=transport) as client:
        yield client


async def test_events_are_typed(asked: AsyncClient) -> None:
    question = "Apa tantangan terbesar diplomasi kota?"
    events = [event async for event in asked.stream(question, top_k=2)]
    kinds = [type(event) for event in events]
    assert kinds[0] is Retrieved
    assert kinds[-1] is Answered
    assert set(kinds[1:-1]) == {Written, Checked}
    said = "".join(event.says for event in events if isinstance(event, Checked))
    assert isinstance(events[-1], Answered)
    assert events[-1].answer.answer == said


async def test_every_option_is_sent(asked: AsyncClient) -> None:
    answer = await asked.ask(
        "Kenapa?",
        language=Language.ENGLISH,
        top_k=2,
        documents=None,
        history=[Turn(question="Apa itu diplomasi kota?", answer="Kerja sama.")],
        generator="extractive",
        policy=Policy.MARK,
    )
    assert (answer.language, answer.generator) == (Language.ENGLISH, "extractive")
    assert answer.standalone


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_refusal_says_which_field(asked: AsyncClient, *, streamed: bool) -> None:
    given = {"question": "kota", "documents": ["nowhere"]}
    refused: Any = anext(asked.stream(**given)) if streamed else asked.ask(**given)  # type: ignore[arg-type]
    with pytest.raises(ProblemError) as caught:
        await refused
    problem = caught.value
    assert (problem.status, problem.type) == (422, "urn:citydip-rag:invalid-question")
    assert [error.field for error in problem.errors] == ["documents"]
    assert "nowhere" in problem.detail
    assert str(problem) == problem.detail
    assert problem.retry_after is None


async def test_what_is_not_there(asked: AsyncClient) -> None:
    with pytest.raises(ProblemError, match="no document"):
        await asked.text("a b?c#d")


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


@pytest.mark.parametrize("retries", [0, 1])
def test_nothing_answers(retries: int) -> None:
    begun = time.monotonic()
    with (
        Client("http://name:secret@127.0.0.1:9", retries=retries) as client,
        pytest.raises(ServerUnreachableError, match="citydip serve") as caught,
    ):
        client.ready()
    assert (time.monotonic() - begun >= 0.25) is (retries == 1)
    assert "secret" not in str(caught.value)


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


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(calls.KEY_VARIABLE, "of the environment")
    assert calls.headers(None) == {"Authorization": "Bearer of the environment"}
    assert calls.headers("mine") == {"Authorization": "Bearer mine"}
    monkeypatch.delenv(calls.KEY_VARIABLE)
    assert calls.headers(None) == {}
    assert calls.timeouts(httpx.Timeout(3)).connect == 3


def test_both_clients_do_the_same() -> None:
    def offered(client: type) -> dict[str, list[str]]:
        return {
            name.removeprefix("a") if name == "aclose" else name: list(
                inspect.signature(value).parameters
            )
            for name, value in vars(client).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    assert offered(Client) == offered(AsyncClient)


@pytest.mark.parametrize(
    ("mine", "servers"),
    [
        (models.Accepted, documents.Accepted),
        (models.DocumentDetail, documents.DocumentDetail),
        (models.DocumentInfo, DocumentInfo),
        (models.DocumentList, documents.DocumentList),
        (models.DocumentText, documents.DocumentText),
        (models.Job, Job),
        (models.Ready, health.Ready),
    ],
)
def test_what_comes_is_what_the_server_sends(mine: Any, servers: Any) -> None:
    assert fields(mine) == fields(servers)


def fields(model: Any) -> Any:
    """A model's fields and types, without what is said about them."""

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            return {k: bare(v) for k, v in part.items() if k not in {"description", "title"}}
        return [bare(item) for item in part] if isinstance(part, list) else part

    return bare(model.model_json_schema())


def test_the_client_starts_without_the_server() -> None:
    code = (
        "import sys, citydip_rag.client;"
        "print([m for m in ('torch','transformers','faiss','fastapi','gradio','sklearn','mcp')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
