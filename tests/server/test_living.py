"""Documents come, change, move and go under a server that many clients are asking."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import Embedder
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from servers import running

logger = logging.getLogger(__name__)
CLIENTS = 16
VISIBLE_SECONDS = 15
"""Within which a change is answered from, on a machine as busy as a test makes it."""
QUESTION = "Sejak kapan Bandung dan Braunschweig bersahabat?"


@pytest.fixture
def address(own_settings: Settings, embedder: Embedder) -> Iterator[str]:
    with running(create_app(Library(LiveEngine(Engine.open(own_settings, embedder))))) as served:
        yield served


Answer = dict[str, Any]


async def until(client: httpx.AsyncClient, path: str, seen: Callable[[Answer], bool]) -> float:
    """Seconds until an answer is as it should be."""
    begun = time.monotonic()
    async with asyncio.timeout(VISIBLE_SECONDS):
        while not seen((await client.post(path, json={"question": QUESTION})).json()):
            pass
    return time.monotonic() - begun


def cites(source: str, word: str) -> Callable[[Answer], bool]:
    return lambda answer: any(
        citation["source"] == source and word in citation["quote"]
        for citation in answer["citations"]
    )


def is_without(source: str) -> Callable[[Answer], bool]:
    return lambda found: all(passage["source"] != source for passage in found["passages"])


async def test_every_change_is_seen_and_no_request_fails(
    address: str, own_settings: Settings, embedder: Embedder
) -> None:
    ended = asyncio.Event()
    asked = 0

    async def ask_on(client: httpx.AsyncClient) -> None:
        nonlocal asked
        while not ended.is_set():
            response = await client.post("/ask", json={"question": QUESTION})
            response.raise_for_status()
            asked += 1

    async def index() -> None:
        await asyncio.to_thread(index_folder, own_settings, embedder.in_small_batches())

    file, moved = own_settings.seeds / "kembar.txt", own_settings.seeds / "saudara.txt"
    waits = []
    async with httpx.AsyncClient(base_url=address, timeout=60) as client:
        clients = [asyncio.create_task(ask_on(client)) for _ in range(CLIENTS)]
        for year in ("1960", "1961"):
            file.write_text(f"Bandung dan Braunschweig bersahabat sejak tahun {year}.", "utf-8")
            await index()
            waits.append(await until(client, "/ask", cites("kembar.txt", year)))
        file.rename(moved)
        await index()
        waits.append(await until(client, "/ask", cites("saudara.txt", "1961")))
        moved.unlink()
        await index()
        waits.append(await until(client, "/search", is_without("saudara.txt")))
        ended.set()
        await asyncio.gather(*clients)  # raises if any of them had an error
    assert asked > CLIENTS
    assert max(waits) < VISIBLE_SECONDS
    logger.info("seen after %s s by clients that asked %d times", waits, asked)
