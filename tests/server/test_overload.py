"""More questions than a server takes: some wait, the others are refused, and all are answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import httpx
import pytest

from citydip_rag import Engine
from citydip_rag.library import Library
from citydip_rag.schema import Language
from citydip_rag.server.app import create_app
from citydip_rag.texts import text
from citydip_rag.ui.asking import Kept, ask
from servers import running
from slow_generators import Held, library_with

QUESTION = "Apa tantangan terbesar diplomasi kota?"
SLOWLY = {"question": QUESTION, "generator": "held"}
PATHS = ["/ask", "/ask/stream", "/search"]


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def narrow(engine: Engine, held: Held) -> Library:
    """Works one question at a time and lets one more wait."""
    return library_with(engine, held, questions_at_once=1, questions_waiting=1)


@pytest.fixture
async def client(narrow: Library) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(narrow))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as made:
        yield made


@asynccontextmanager
async def full(client: httpx.AsyncClient, held: Held, path: str) -> AsyncIterator[None]:
    """While one question is being answered and one waits; both are answered at last."""
    asking = [asyncio.create_task(client.post(path, json=SLOWLY)) for _ in range(2)]
    await asyncio.wait_for(held.begun.acquire(), 20)
    yield
    held.may_go_on.set()
    for response in await asyncio.gather(*asking):
        assert response.status_code == 200
        assert "diplomasi" in response.text


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("busy_with", ["/ask", "/ask/stream"])
async def test_what_is_too_much_is_refused_at_once(
    client: httpx.AsyncClient, narrow: Library, held: Held, path: str, busy_with: str
) -> None:
    async with full(client, held, busy_with):
        begun = time.perf_counter()
        refused = await client.post(path, json={"question": QUESTION})
        assert time.perf_counter() - begun < 0.5
        assert refused.status_code == 503
        assert refused.headers["content-type"] == "application/problem+json"
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        assert refused.headers["connection"] == "close"
        assert refused.json()["type"] == "urn:citydip-rag:overloaded"
    assert narrow.live.admission.present == 0, "a stream's turn has ended with it"
    assert (await client.post(path, json={"question": QUESTION})).status_code == 200


async def test_a_reader_of_the_page_is_told_in_both_languages(
    client: httpx.AsyncClient, narrow: Library, held: Held
) -> None:
    async with full(client, held, "/ask"):
        *_, last = [shown async for shown in ask(narrow.live, QUESTION, Kept())]
    for language in Language:
        assert text(language, "failure.overloaded") in str(last[2])


async def test_a_question_of_the_page_counts(
    client: httpx.AsyncClient, narrow: Library, held: Held
) -> None:
    async def read() -> list[object]:
        return [shown async for shown in ask(narrow.live, QUESTION, Kept(), "held")]

    readers = [asyncio.create_task(read()) for _ in range(2)]
    await asyncio.wait_for(held.begun.acquire(), 20)
    assert (await client.post("/ask", json={"question": QUESTION})).status_code == 503
    held.may_go_on.set()
    for shown in await asyncio.gather(*readers):
        assert "reply-answer" in str(shown[-1])


async def test_who_leaves_while_waiting_makes_room(engine: Engine, held: Held) -> None:
    library = library_with(engine, held, questions_at_once=1, questions_waiting=1)
    admission = library.live.admission
    with running(create_app(library)) as address:
        async with httpx.AsyncClient(base_url=address, timeout=30) as client:
            first, second = (
                asyncio.create_task(client.post("/ask", json=SLOWLY)) for _ in range(2)
            )
            await _until(lambda: admission.present == 2)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            await _until(lambda: admission.present == 1)
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            await _until(lambda: admission.present == 0)


async def test_503_is_documented(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    for path in PATHS:
        described = paths[path]["post"]["responses"]["503"]
        assert "Retry-After" in described["headers"]
        assert "application/problem+json" in described["content"]
    assert "503" not in paths["/health/live"]["get"]["responses"]


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)
