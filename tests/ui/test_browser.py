"""A real browser asks the real server; the README's screenshots are made here."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from citydip_rag.library import Library

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, PHONE, launched, serving, visit

ROOT = Path(__file__).resolve().parents[2]
CHALLENGE = "potensi benturan dengan kebijakan luar negeri pemerintah pusat"


@pytest.fixture(scope="module")
def address(library: Library) -> Iterator[str]:
    with serving(library) as opened:
        yield opened


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.mark.parametrize(
    ("locale", "question", "size", "scheme", "shot"),
    [
        ("id-ID", "Apa tantangan terbesar diplomasi kota?", DESKTOP, "light", "page-id.png"),
        (
            "en-US",
            "What is the greatest challenge of city diplomacy?",
            DESKTOP,
            "dark",
            "page-en.png",
        ),
        ("id-ID", "Apa tantangan terbesar diplomasi kota?", PHONE, "dark", None),
        ("en-GB", "What is the greatest challenge of city diplomacy?", PHONE, "light", None),
    ],
)
def test_asks_and_sees_highlighted_evidence(
    browser: Browser,
    address: str,
    tmp_path: Path,
    locale: str,
    question: str,
    size: tuple[int, int],
    scheme: str,
    shot: str | None,
) -> None:
    opened = visit(browser, address, locale, size, scheme)
    page = opened.page
    assert page.locator("html").get_attribute("lang") == locale[:2]
    opened.ask(question)
    expect(page.locator(".turn.current .said")).to_contain_text(CHALLENGE)
    marks = page.locator(".turn.current mark")
    assert any(CHALLENGE in marks.nth(i).inner_text() for i in range(marks.count()))
    badge = page.locator('.turn.current .badge[data-number="2"]').first
    badge.click()
    expect(page.locator('.turn.current mark[data-numbers~="2"]').first).to_be_in_viewport()
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]
    page.screenshot(path=(ROOT / "docs" / shot) if shot else tmp_path / "phone.png")
    assert {request.url.split("/")[2] for request in opened.requests if "//" in request.url} == {
        address.split("/")[2]
    }
    assert opened.errors == []
    page.context.close()


def test_abstention_looks_different(browser: Browser, address: str) -> None:
    opened = visit(browser, address, "id-ID", DESKTOP)
    opened.ask("Berapa gram tepung untuk membuat donat?")
    page = opened.page
    expect(page.locator(".reply-abstained")).to_contain_text("Dokumen tidak memuat jawabannya")
    assert page.locator(".reply-answer").count() == 0
    assert page.locator(".turn.current mark").count() == 0
    assert page.locator("details.card-reading").count() > 0
    page.context.close()


def test_language_is_switched_in_place(browser: Browser, address: str) -> None:
    opened = visit(browser, address, "en-US", DESKTOP)
    page = opened.page
    opened.ask("Apa tantangan terbesar diplomasi kota?")
    page.locator('[data-choose="id"]').click()
    assert page.locator("html").get_attribute("lang") == "id"
    assert page.locator(".turn").count() == 1
    assert CHALLENGE in page.locator(".turn.current .said").inner_text()
    page.context.close()


def test_example_question_is_asked_by_a_click(browser: Browser, address: str) -> None:
    opened = visit(browser, address, "id-ID", DESKTOP)
    opened.page.locator(".chip:visible").first.click()
    expect(opened.page.locator(".reply-answer, .reply-abstained").first).to_be_visible(
        timeout=15_000
    )
    opened.page.context.close()


def test_empty_and_over_long_questions_are_refused_gently(browser: Browser, address: str) -> None:
    opened = visit(browser, address, "en-US", DESKTOP)
    page = opened.page
    page.locator("#send").click()
    expect(page.locator("#hint")).not_to_be_empty()
    page.locator("#question textarea").fill("a" * 2_001)
    page.locator("#send").click()
    expect(page.locator("#hint")).to_contain_text("2,000")
    assert page.locator(".turn").count() == 0
    assert len(page.locator("#question textarea").input_value()) == 2_001
    page.context.close()
