"""A server that is told to end finishes what it has begun, and ends with status 0."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from citydip_rag import Settings

sys.path.insert(0, str(Path(__file__).parents[1] / "generation"))
from chat_servers import END, STREAM, Call, FaultyServer, event, faulty

COMMAND = "from citydip_rag.cli import main; main()"
QUESTION = {"question": "Apa tantangan terbesar diplomasi kota?", "generator": "openai"}
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan. [1]"
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Model:
    """A chat server that says one sentence and ends when it is let go."""

    def __init__(self) -> None:
        self.called = asyncio.Semaphore(0)
        self.let_go = asyncio.Event()

    async def __call__(self, call: Call, number: int) -> None:
        await call.send(STREAM, event(TRUE))
        self.called.release()
        await self.let_go.wait()
        await call.send(event(" "), END)


@pytest.fixture
def model() -> Model:
    return Model()


@pytest.fixture
async def chat(model: Model) -> AsyncIterator[FaultyServer]:
    async with faulty(model) as made:
        yield made


@contextmanager
def serving(
    settings: Settings, chat: FaultyServer, seconds: float, *, page: bool = False
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A real `citydip serve` whose answers that model writes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = {
        "CITYDIP_INDEX": str(settings.index),
        "CITYDIP_GENERATOR": "openai",
        "CITYDIP_LLM_BASE_URL": chat.address,
        "CITYDIP_LLM_MODEL": "m",
        "CITYDIP_SHUTDOWN_SECONDS": str(seconds),
    }
    without = () if page else ("--api-only",)
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "serve", "--port", str(port), *without],
        env={**os.environ, **variables},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()


async def ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                if (await client.get("/health/ready")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)


async def ended(process: subprocess.Popen[str]) -> int:
    return await asyncio.to_thread(process.wait, 30)


async def test_what_is_in_flight_is_finished_then_it_ends_with_0(
    article_settings: Settings, chat: FaultyServer, model: Model
) -> None:
    with serving(article_settings, chat, 30, page=True) as (address, process):
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            await ready(client)
            page = asyncio.create_task(listened(client))  # an open page, which never closes
            asked = [
                asyncio.create_task(client.post(path, json=QUESTION))
                for path in ("/ask", "/ask/stream")
            ]
            for _ in asked:
                await asyncio.wait_for(model.called.acquire(), 30)
            process.send_signal(signal.SIGTERM)
            await refuses(client)
            assert not any(task.done() for task in asked)
            model.let_go.set()
            whole, streamed = await asyncio.gather(*asked)
            begun = time.monotonic()
            assert await ended(process) == 0
            assert time.monotonic() - begun < 10, "it does not wait for an open page"
            await asyncio.gather(page, return_exceptions=True)
    assert whole.json()["generator"] == "openai"
    assert "event: answer" in streamed.text


async def test_it_waits_no_longer_than_it_may(
    article_settings: Settings, chat: FaultyServer, model: Model
) -> None:
    with serving(article_settings, chat, 0.5) as (address, process):
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            await ready(client)
            asked = asyncio.create_task(client.post("/ask", json=QUESTION))
            await asyncio.wait_for(model.called.acquire(), 30)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == 0
            assert time.monotonic() - begun < 15
            await asyncio.gather(asked, return_exceptions=True)
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


async def test_a_second_signal_ends_it_at_once(
    article_settings: Settings, chat: FaultyServer, model: Model
) -> None:
    with serving(article_settings, chat, 60) as (address, process):
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            await ready(client)
            asked = asyncio.create_task(client.post("/ask", json=QUESTION))
            await asyncio.wait_for(model.called.acquire(), 30)
            process.send_signal(signal.SIGTERM)
            await refuses(client)
            begun = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert await ended(process) == -signal.SIGTERM
            assert time.monotonic() - begun < 5
            await asyncio.gather(asked, return_exceptions=True)


async def listened(client: httpx.AsyncClient) -> None:
    """What an open page does all the time."""
    async with client.stream("GET", "/gradio_api/heartbeat/a") as response:
        async for _ in response.aiter_bytes():
            pass


async def refuses(client: httpx.AsyncClient) -> None:
    """Wait until no new connection is taken."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with httpx.AsyncClient(base_url=client.base_url, timeout=5) as new:
                    await new.get("/health/live")
            except httpx.TransportError:
                return
            await asyncio.sleep(0.05)
