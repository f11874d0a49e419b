"""Signing in on the page, in a real browser, under the policy that every page has."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from citydip_rag import Engine
from citydip_rag.access import Keys, Scope
from citydip_rag.access.recent import SECONDS
from citydip_rag.library import Library
from citydip_rag.schema import Language
from citydip_rag.texts import text
from keyed import changed, key_for

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, PHONE, Visit, launched, serving

QUESTION = "Apa tantangan terbesar diplomasi kota?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def library(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Library:
    state = tmp_path_factory.mktemp("state") / "state.sqlite"
    return changed(engine, state=str(state), key_questions_per_minute=2)


@pytest.fixture(scope="module")
def address(library: Library) -> Iterator[str]:
    key_for(library, Scope.ADMIN, name="first")
    with serving(library) as opened:
        yield opened


@pytest.fixture(params=[("id-ID", PHONE, "dark"), ("en-US", DESKTOP, "light")], ids=["id", "en"])
def there(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Visit]:
    """Somebody who opens the page and has shown no key."""
    locale, (width, height), scheme = request.param
    context = browser.new_context(
        locale=locale,
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        reduced_motion="reduce",
    )
    page = context.new_page()
    opened = Visit(page, [], [])
    page.on("request", lambda sent: opened.requests.append(sent))
    page.on("console", lambda said: opened.errors.append(said.text) if said.type == "error" else 0)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.goto(address)
    yield opened
    context.close()


def enter(page: Page, key: str) -> None:
    page.locator("#key").fill(key)
    page.locator("button").click()


def test_a_key_is_entered_once_and_everything_works(
    there: Visit, library: Library, address: str, tmp_path: Path
) -> None:
    page = there.page
    language = Language(page.locator("html").get_attribute("lang") or "")
    assert page.url == f"{address}/login"
    expect(page.locator("h1")).to_have_text(text(language, "sign_in.title"))
    expect(page.locator("#key")).to_be_focused()
    page.screenshot(path=tmp_path / "sign-in.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    enter(page, "salah")
    expect(page.get_by_role("alert")).to_have_text(text(language, "sign_in.unauthenticated"))
    other = next(one for one in Language if one is not language)
    page.get_by_role("link", name=text(other, "ui.language_name")).click()
    expect(page.locator("h1")).to_have_text(text(other, "sign_in.title"))
    there.errors.clear()  # the browser's own words on status 401
    key = key_for(library, Scope.ASK, name=str(language))
    enter(page, key)
    page.wait_for_selector("#send[aria-label]")
    assert page.url == f"{address}/"
    there.ask(QUESTION)
    expect(page.locator(".turn.current mark").first).to_be_visible()
    page.locator(".opener").click()
    expect(page.locator(".locked")).to_contain_text(
        text(language, "documents.locked_scope"), use_inner_text=True
    )
    expect(page.locator(".key")).to_be_hidden()
    page.keyboard.press("Escape")
    page.locator(".evaluated").click()
    expect(page.frame_locator("#evaluation iframe").locator("body")).to_contain_text("citydip")
    page.keyboard.press("Escape")
    assert [error for error in there.errors if "404" not in error] == [], "there is no report"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert key not in page.evaluate(
        "document.cookie + JSON.stringify([localStorage, sessionStorage])"
    )
    for sent in there.requests:
        assert key not in sent.url
        assert sent.url.startswith((address, "data:", "blob:"))
    there.ask(QUESTION)
    there.ask(QUESTION)
    expect(page.locator(".turn.current .reply-failed")).to_contain_text(
        text(language, "failure.too-many-requests"), use_inner_text=True
    )
    page.get_by_role("button", name=text(language, "sign_in.leave")).click()
    expect(page.locator("#key")).to_be_visible()
    page.goto(address)
    expect(page.locator("#key")).to_be_visible()


def test_who_is_signed_in_is_asked_again_when_the_key_is_revoked(
    there: Visit, library: Library
) -> None:
    page = there.page
    name = f"soon-revoked-{page.locator('html').get_attribute('lang')}"
    enter(page, key_for(library, Scope.ASK, name=name))
    page.wait_for_selector("#send[aria-label]")
    Keys.open(library.live.current.settings).revoke(name)
    page.wait_for_timeout(SECONDS * 1000 + 100)
    page.locator("#question textarea").fill(QUESTION)
    page.locator("#send").click()
    expect(page.locator("#key")).to_be_visible(timeout=15_000)


def test_the_colours_are_those_of_the_page() -> None:
    style = files("citydip_rag.ui") / "style"
    ours, theirs = (
        re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", (style / name).read_text(encoding="utf-8"))
        for name in ("sign-in.css", "base.css")
    )
    assert len(ours) == 22
    assert set(ours) <= set(theirs)
