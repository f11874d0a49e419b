"""`POST /ask/stream`: the events over HTTP, errors with a status, and clients that leave."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from citydip_rag import Engine
from citydip_rag.generation import GenerationRequest, Generator, Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Language, Turn
from citydip_rag.server.app import create_app
from citydip_rag.serving import make_config

QUESTION = "Apa tantangan terbesar diplomasi kota?"
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."


class Endless(Generator):
    """Writes for ever, and knows when it is stopped."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()
        self.says = f"{TRUE} [1] "

    @property
    def name(self) -> str:
        return "endless"

    @property
    def model(self) -> str:
        return "none"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        self.begun.set()
        try:
            if self.says:
                yield self.says
            await asyncio.sleep(3600)
        finally:
            self.ended.set()

    async def rewrite(self, question: str, turns: Sequence[Turn], language: Language) -> str | None:
        self.begun.set()
        try:
            await asyncio.sleep(3600)
        finally:
            self.ended.set()
        return None


@pytest.fixture
def endless(engine: Engine) -> Iterator[tuple[Library, Endless]]:
    generator = Endless()
    generators = Generators(engine.settings)
    generators.add(generator)
    own = Engine(engine.settings, engine.embedder, engine.index, generators)
    return Library(LiveEngine(own)), generator


def parsed(body: str) -> list[tuple[str, dict[str, Any]]]:
    events = []
    for block in body.replace("\r\n", "\n").split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line)
        if "event" in fields:
            events.append((fields["event"], json.loads(fields["data"])))
    return events


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(library))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


async def test_the_last_event_is_what_ask_returns(client: httpx.AsyncClient) -> None:
    asked = {"question": QUESTION, "top_k": 3}
    response = await client.post("/ask/stream", json=asked)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    events = parsed(response.text)
    names = [name for name, _ in events]
    assert names[0] == "retrieval"
    assert names[-1] == "answer"
    assert set(names[1:-1]) == {"token", "claim"}
    plain = (await client.post("/ask", json=asked)).json()
    streamed = events[-1][1]
    del plain["timings_ms"], streamed["timings_ms"]
    assert streamed == plain
    assert [data["claim"] for name, data in events if name == "claim"] == plain["claims"]


async def test_an_abstention_has_no_tokens(client: httpx.AsyncClient) -> None:
    question = "Berapa gram tepung untuk membuat donat?"
    events = parsed((await client.post("/ask/stream", json={"question": question})).text)
    assert [name for name, _ in events] == ["retrieval", "answer"]
    assert events[0][1]["answering"] is False
    assert events[1][1]["abstained"] is True


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"question": ""}, "question"),
        ({"question": "?!"}, "question"),
        ({"question": "a", "generator": "gpt"}, "generator"),
        ({"question": "a", "policy": "maybe"}, "policy"),
        ({"question": "a", "history": [{"question": ""}]}, "history.0.question"),
        ({"question": "a", "history": [{"question": "b"}] * 11}, "history"),
        ({"question": "a", "documents": ["nowhere"]}, "documents"),
    ],
)
@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_what_cannot_be_asked_has_a_status(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], field: str
) -> None:
    response = await client.post(path, json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == "application/problem+json"
    assert field in [error["field"] for error in response.json()["errors"]]


@asynccontextmanager
async def served(library: Library) -> AsyncIterator[str]:
    """A real server in this loop; yields its address."""
    config = uvicorn.Config(create_app(library), host="127.0.0.1", port=0, log_level="warning")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving


async def test_a_client_that_leaves_ends_the_work(endless: tuple[Library, Endless]) -> None:
    library, generator = endless
    asked = {"question": QUESTION, "generator": "endless"}
    async with served(library) as address:
        async with (
            httpx.AsyncClient(timeout=20) as client,
            client.stream("POST", f"{address}/ask/stream", json=asked) as response,
        ):
            assert response.status_code == 200
            await asyncio.wait_for(generator.begun.wait(), 10)
        await asyncio.wait_for(generator.ended.wait(), 5)


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
@pytest.mark.parametrize("question", [QUESTION, "Kenapa?"])
async def test_a_client_that_leaves_before_a_reply_ends_the_work(
    endless: tuple[Library, Endless], path: str, question: str
) -> None:
    """While a model rewrites a follow-up, there is no response that could be broken off."""
    library, generator = endless
    generator.says = ""
    asked = {
        "question": question,
        "generator": "endless",
        "history": [{"question": QUESTION, "answer": TRUE}] if question != QUESTION else [],
    }
    async with served(library) as address, httpx.AsyncClient() as client:
        asking = asyncio.create_task(client.post(address + path, json=asked, timeout=60))
        await asyncio.wait_for(generator.begun.wait(), 10)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await asyncio.wait_for(generator.ended.wait(), 5)
        generator.begun.clear()
        await asyncio.sleep(0.5)
        assert not generator.begun.is_set(), "nothing is begun after that"
        assert (await client.post(f"{address}/ask", json={"question": QUESTION})).status_code == 200


async def test_a_server_that_ends_breaks_questions_off_without_a_trace(
    endless: tuple[Library, Endless], caplog: pytest.LogCaptureFixture
) -> None:
    library, generator = endless
    settings = library.live.current.settings.model_copy(update={"port": 0})
    config = make_config(create_app(library), settings)
    config.timeout_graceful_shutdown = 1
    said = logging.getLogger("uvicorn.error")
    said.addHandler(caplog.handler)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    asked = {"question": QUESTION, "generator": "endless"}
    async with httpx.AsyncClient(timeout=20) as client:
        asking = asyncio.create_task(client.post(f"{address}/ask", json=asked))
        await asyncio.wait_for(generator.begun.wait(), 10)
        server.should_exit = True
        await asyncio.wait_for(serving, 10)
        await asyncio.gather(asking, return_exceptions=True)
    await asyncio.wait_for(generator.ended.wait(), 5)
    said.removeHandler(caplog.handler)
    assert "shutdown exceeded" in caplog.text
    assert "Traceback" not in caplog.text
