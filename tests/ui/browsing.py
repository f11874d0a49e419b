"""A real server of the page, and a real browser to visit it with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Request, expect, sync_playwright

from citydip_rag.evaluation_page import add_evaluation
from citydip_rag.library import Library
from citydip_rag.server.app import create_app
from citydip_rag.sign_in_page import add_sign_in
from citydip_rag.ui.page import mount_page
from servers import running

DESKTOP, PHONE = (1280, 900), (390, 844)


@contextmanager
def serving(library: Library, **options: Any) -> Iterator[str]:
    """API and page of a library; yields its address.

    Args:
        library: what to serve.
        options: more of uvicorn's.
    """
    engine = library.live.current
    app = create_app(library)
    add_evaluation(app, engine.settings.eval_report)
    add_sign_in(app)
    mounted = mount_page(app, library.live, engine.generators.names)
    with running(mounted, **options) as address:
        yield address


@contextmanager
def launched() -> Iterator[Browser]:
    """The system's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("the browser tests need chromium: apt-get install chromium")
    flags = (
        "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
        " --disable-component-update --disable-sync"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=flags.split())
        yield browser
        browser.close()


class Visit:
    """One open page, and every request it made."""

    def __init__(self, page: Page, requests: list[Request], errors: list[str]) -> None:
        self.page = page
        self.requests = requests
        self.errors = errors

    def ask(self, question: str) -> None:
        """Type a question, send it, wait for the reply."""
        turns = self.page.locator(".turn").count()
        self.page.locator("#question textarea").fill(question)
        self.page.locator("#send").click()
        turn = self.page.locator(".turn").nth(turns)
        expect(turn.locator(".reply-answer, .reply-abstained, .reply-failed").first).to_be_visible(
            timeout=15_000
        )


def visit(
    browser: Browser, address: str, locale: str, size: tuple[int, int], scheme: str = "light"
) -> Visit:
    context = browser.new_context(
        locale=locale,
        viewport={"width": size[0], "height": size[1]},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    requests: list[Request] = []
    errors: list[str] = []
    page.on("request", lambda request: requests.append(request))
    page.on("console", lambda entry: errors.append(entry.text) if entry.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    page.wait_for_selector("#send[aria-label]", timeout=30_000)
    return Visit(page, requests, errors)
