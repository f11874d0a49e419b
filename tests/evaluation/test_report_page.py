"""The report's page in a real browser: on a desk and a phone, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser

from citydip_rag.evaluation import load_gates
from citydip_rag.evaluation.outcome import Shown
from citydip_rag.evaluation.reports import html_report
from evaluation.questions import declined, miscited, outcome, report
from ui.browsing import DESKTOP, PHONE, launched

LONG = "tanpaspasi" * 30


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page")
    (folder / "gates.toml").write_text("[at_least]\ncitation_recall = 0.9\n", encoding="utf-8")
    wide = miscited("wide").model_copy(update={"question": f"Apa {LONG}?"})
    unborne = outcome("unborne", by_model=True, claims=(Shown(text=LONG, supported=False),))
    made = report(wide, unborne, outcome("a"), declined("b"), declined("c", abstained=False))
    judged = load_gates(folder / "gates.toml").judged(made)
    (folder / "r.html").write_text(html_report(judged), encoding="utf-8")
    return folder / "r.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_it_fits_and_fetches_nothing(
    browser: Browser, page_file: Path, size: tuple[int, int], scheme: Literal["light", "dark"]
) -> None:
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [page_file.as_uri()]
    assert said == []
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 23, 25)"
    assert dark is (scheme == "dark")
    page.get_by_role("link", name="wide").first.click()
    card = page.locator("article:target")
    assert "Evidence in the documents" in card.inner_text()
    assert "✗ not listed as evidence" in card.inner_text()
    assert 'add to the evidence: "Bukti"' in " ".join(card.inner_text().split())
    assert page.locator("article", has_text="not borne out").count() == 1
    page.close()


def test_it_prints(browser: Browser, page_file: Path) -> None:
    page = browser.new_page()
    page.goto(page_file.as_uri())
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
