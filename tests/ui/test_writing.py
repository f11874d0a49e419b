"""In the browser: an answer is written, checked before the reader's eyes, stopped, understood."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from citydip_rag import Engine
from citydip_rag.generation import GenerationRequest, Generator, Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, launched, serving, visit

QUESTION = "Apa tantangan terbesar diplomasi kota?"
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."
FALSE = "Diplomasi kota dilarang di seratus negara."


class Slow(Generator):
    """Writes one true sentence, one false one, and then waits to be let on."""

    def __init__(self) -> None:
        self.go_on = False
        self.ended = False

    @property
    def name(self) -> str:
        return "slow"

    @property
    def model(self) -> str:
        return "slow"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        try:
            for word in f"{TRUE} [1] {FALSE} [2] Dan satu lagi yang".split(" "):
                yield f"{word} "
                await asyncio.sleep(0.02)
            while not self.go_on:
                yield ""
                await asyncio.sleep(0.15)
            yield "tidak selesai."
        finally:
            self.ended = True


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def address(engine: Engine, slow: Slow) -> Iterator[str]:
    generators = Generators(engine.settings)
    generators.add(slow)
    own = Engine(engine.settings, engine.embedder, engine.index, generators)
    with serving(Library(LiveEngine(own))) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


def test_written_checked_and_shown(browser: Browser, address: str, slow: Slow) -> None:
    opened = visit(browser, address, "id-ID", DESKTOP)
    page = opened.page
    expect(page.locator("#generator label")).to_have_text(["Kutipan", "slow"])
    page.locator("#generator label").nth(1).click()
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#send").click()
    expect(page.locator(".fate-backed")).to_have_text(TRUE, timeout=15_000)
    expect(page.locator(".fate-left-out")).to_have_text(FALSE)
    expect(page.locator(".fate-open")).to_contain_text("Dan satu lagi")
    expect(page.locator(".turn.current .evidence mark")).to_have_text(TRUE)
    page.locator("#question textarea").fill("Satu lagi?")
    page.locator("#question textarea").press("Enter")
    expect(page.locator("#hint")).to_contain_text("masih ditulis")
    assert page.locator(".turn").count() == 1
    slow.go_on = True
    answer = page.locator(".turn.current .reply-answer")
    expect(answer).to_be_visible(timeout=15_000)
    expect(answer.locator(".said")).to_contain_text(TRUE)
    expect(answer.locator(".said")).not_to_contain_text(FALSE)
    expect(answer.locator(".remark")).to_contain_text("2 kalimat dihilangkan")
    answer.locator(".sentences summary").click()
    expect(answer.locator(".sentences")).to_contain_text(FALSE)
    copied = answer.locator(".copy").get_attribute("data-copy") or ""
    assert copied.startswith(f"{TRUE} [1]")
    assert f"“{TRUE}”" in copied
    assert opened.errors == []
    page.context.close()


def test_stopped(browser: Browser, address: str, slow: Slow) -> None:
    opened = visit(browser, address, "id-ID", DESKTOP)
    page = opened.page
    page.locator("#generator label").nth(1).click()
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#send").click()
    expect(page.locator(".fate-backed")).to_be_visible(timeout=15_000)
    page.locator(".turn .stop").click()
    expect(page.locator(".reply-stopped")).to_contain_text("Anda hentikan", timeout=10_000)
    expect(page.locator(".reply-stopped .said")).to_contain_text(TRUE)
    expect(page.locator(".reply-stopped .said")).not_to_contain_text(FALSE)
    expect(page.locator(".turn.current mark")).to_have_text(TRUE)
    page.wait_for_timeout(1000)
    assert slow.ended, "the generator goes on for nobody"
    page.locator("#generator label").first.click()
    opened.ask(QUESTION)
    expect(page.locator(".turn.current .reply-answer")).to_be_visible()
    opened.ask("Kenapa begitu?")
    expect(page.locator(".turn.current .understood")).to_contain_text("Kenapa begitu? (tentang: ")
    assert opened.errors == []
    page.context.close()
