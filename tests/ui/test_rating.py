"""In the browser: an answer is rated, with a reason, taken back, and kept once."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from citydip_rag import Engine
from citydip_rag.feedback import Rated, Store
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, PHONE, launched, serving, visit

QUESTION = "Apa tantangan terbesar diplomasi kota?"
DECLINED = "Berapa gram tepung untuk membuat donat?"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def settings(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    state = str(tmp_path_factory.mktemp("rating") / "state.sqlite")
    return engine.settings.model_copy(update={"state": state})


@pytest.fixture(scope="module")
def address(engine: Engine, settings: Settings) -> Iterator[str]:
    own = Engine(settings, engine.embedder, engine.index, engine.generators)
    with serving(Library(LiveEngine(own))) as opened:
        yield opened


@pytest.fixture
def store(settings: Settings) -> Iterator[Store]:
    opened = Store.open(settings)
    opened.forget_ratings()
    yield opened
    opened.close()


def kept(store: Store) -> list[Rated]:
    return list(store.ratings())


def pressed(turn: Locator) -> list[str]:
    return [button.get_attribute("aria-pressed") or "" for button in turn.locator(".rate").all()]


@pytest.mark.parametrize(
    ("locale", "size", "scheme", "thanks", "reason"),
    [
        ("id-ID", DESKTOP, "light", "Terima kasih, ini membantu.", "Ada yang kurang"),
        ("en-US", PHONE, "dark", "Thank you, that helps.", "Something is missing"),
    ],
)
def test_a_bad_answer_and_why(
    browser: Browser,
    address: str,
    store: Store,
    tmp_path: Path,
    locale: str,
    size: tuple[int, int],
    scheme: str,
    thanks: str,
    reason: str,
) -> None:
    opened = visit(browser, address, locale, size, scheme)
    page = opened.page
    opened.ask(QUESTION)
    turn = page.locator("#turn-1")
    turn.locator(".rate-bad").dblclick()
    dialog = page.locator("#why")
    expect(dialog).to_be_visible()
    assert [r.rating for r in kept(store)] == ["bad"], "kept at once, and once"
    assert dialog.locator(".reason:visible").count() == 4
    page.screenshot(path=tmp_path / "why.png")
    dialog.get_by_label(reason).check()
    dialog.locator("textarea").fill("<b>Anggarannya</b> tidak disebut.")
    dialog.locator(".send").click()
    expect(turn.locator(".rated")).to_have_text(thanks, use_inner_text=True)
    (only,) = kept(store)
    assert (only.question, only.rating, only.reasons) == (QUESTION, "bad", ("incomplete",))
    assert only.comment == "<b>Anggarannya</b> tidak disebut."
    assert pressed(turn) == ["false", "true"]
    page.screenshot(path=tmp_path / "rated.png")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    assert opened.errors == []
    page.context.close()


def test_by_keyboard_alone_changed_and_taken_back(
    browser: Browser, address: str, store: Store
) -> None:
    opened = visit(browser, address, "en-US", DESKTOP)
    page = opened.page
    opened.ask(DECLINED)
    turn = page.locator("#turn-1")
    good = turn.get_by_role("button", name="It was right to decline")
    bad = turn.get_by_role("button", name="It was wrong to decline")
    good.focus()
    page.keyboard.press("Enter")
    expect(good).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#announcer")).to_have_text("Thank you for rating it.")
    page.keyboard.press("Tab")
    expect(bad).to_be_focused()
    page.keyboard.press("Space")
    dialog = page.locator("#why")
    expect(dialog).to_be_visible()
    assert dialog.locator(".reason:visible").count() == 1
    page.keyboard.press("Escape")
    expect(dialog).not_to_be_visible()
    assert pressed(turn) == ["false", "true"]
    assert [(r.rating, r.abstained, r.reasons) for r in kept(store)] == [("bad", True, ())]
    opened.ask(QUESTION)  # draws the conversation anew
    assert pressed(turn) == ["false", "true"]
    assert pressed(page.locator("#turn-2")) == ["false", "false"]
    bad.click()
    expect(turn.locator(".rated")).to_have_text("Your rating is taken back.", use_inner_text=True)
    assert pressed(turn) == ["false", "false"]
    assert kept(store) == []
    assert not dialog.is_visible()
    assert opened.errors == []
    page.context.close()


def test_what_could_not_be_kept_is_said(browser: Browser, address: str) -> None:
    opened = visit(browser, address, "en-US", DESKTOP)
    page = opened.page
    opened.ask(QUESTION)
    turn = page.locator("#turn-1")
    statuses = [503, 410, 403, 0]

    def refuse(route: Route) -> None:
        status = statuses.pop(0)
        if status:
            route.fulfill(status=status, body="{}")
        else:
            route.abort()

    page.route("**/feedback", refuse)
    for said in (
        "could not be kept",
        "can no longer be rated",
        "No ratings are taken",
        "could not be kept",
    ):
        turn.locator(".rate-bad").click()
        expect(turn.locator(".rated")).to_contain_text(said, use_inner_text=True)
        assert pressed(turn) == ["false", "false"]
        assert not page.locator("#why").is_visible()
    assert statuses == []
    page.context.close()
