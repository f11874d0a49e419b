"""What questions compute runs in threads of our own, and keeps nobody else waiting."""

from __future__ import annotations

import asyncio
import contextvars
import statistics
import threading
import time

import httpx
import pytest

from citydip_rag.library import Library
from citydip_rag.server.app import create_app
from citydip_rag.working import MOST_THREADS, checking, processors, searching
from servers import running

QUESTIONS = 16
LIVE_SECONDS = 0.1
WORD: contextvars.ContextVar[str] = contextvars.ContextVar("word", default="")
pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_threads_are_ours_few_and_know_the_context() -> None:
    def who(given: str, *, more: str) -> tuple[str, str]:
        time.sleep(0.01)
        return threading.current_thread().name, WORD.get() + given + more

    WORD.set("a")
    found = await asyncio.gather(*(searching(who, "b", more="c") for _ in range(40)))
    assert {said for _, said in found} == {"abc"}
    assert {name.split("_")[0] for name, _ in found} == {"searching"}
    assert len({name for name, _ in found}) <= min(processors(), MOST_THREADS)
    assert (await checking(who, "", more=""))[0].startswith("checking")


async def test_the_server_says_that_it_lives_while_it_works(library: Library) -> None:
    asked = 0

    async def ask_on(client: httpx.AsyncClient) -> None:
        nonlocal asked
        while True:
            question = f"Apa tantangan terbesar diplomasi kota nomor {asked}?"
            asked += 1
            (await client.post("/ask", json={"question": question})).raise_for_status()

    with running(create_app(library)) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            asking = [asyncio.create_task(ask_on(client)) for _ in range(QUESTIONS)]
            while asked < 2 * QUESTIONS:
                await asyncio.sleep(0.01)
            waited = []
            for _ in range(15):
                begun = time.perf_counter()
                (await client.get("/health/live")).raise_for_status()
                waited.append(time.perf_counter() - begun)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
    assert statistics.median(waited) < LIVE_SECONDS, waited  # one alone may be the machine's
