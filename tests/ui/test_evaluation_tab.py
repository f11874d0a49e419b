"""In the browser: the last evaluation, its charts and questions, beside the conversation."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from citydip_rag import Engine
from citydip_rag.evaluation.questions import read_files
from citydip_rag.evaluation.suite import run_suite
from citydip_rag.generation import Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, PHONE, launched, serving, visit

QUESTIONS = Path(__file__).parents[2] / "eval" / "questions" / "diplomasi-kota.jsonl"


@pytest.fixture
def report(tmp_path: Path) -> Path:
    return tmp_path / "suite.json"


@pytest.fixture
def address(engine: Engine, report: Path) -> Iterator[str]:
    settings = engine.settings.model_copy(update={"eval_report": report})
    own = Engine(settings, engine.embedder, engine.index, Generators(settings))
    with serving(Library(LiveEngine(own))) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def written(engine: Engine) -> str:
    questions = read_files([QUESTIONS])[:6]
    with ThreadPoolExecutor(1) as pool:  # the browser's own loop runs in this thread
        return pool.submit(run_suite, engine, questions).result().json_text()


@pytest.mark.usefixtures("browser")
def test_without_a_report_the_command_is_named(address: str, report: Path, written: str) -> None:
    answer = httpx.get(f"{address}/evaluation")
    assert answer.status_code == 404
    assert f"citydip eval suite --json {report.name}" in answer.text
    assert str(report.parent) not in answer.text
    assert "Belum ada evaluasi" in answer.text
    for content in ("{", json.dumps(json.loads(written) | {"intervals": {}})):
        report.write_text(content, encoding="utf-8")
        damaged = httpx.get(f"{address}/evaluation")
        assert damaged.status_code == 500
        assert "cannot be read" in damaged.text


def test_where_there_is_none_the_dialog_is_as_small_as_what_it_says(
    browser: Browser, address: str, report: Path, written: str
) -> None:
    page = visit(browser, address, "en-GB", DESKTOP).page
    page.locator(".evaluated").click()
    expect(page.locator("#evaluation.short")).to_be_visible()
    small = page.locator("#evaluation").bounding_box()
    report.write_text(written, encoding="utf-8")
    page.locator("#evaluation .leave").click()
    page.locator(".evaluated").click()
    expect(page.frame_locator("#evaluation iframe").locator("table").first).to_be_visible()
    expect(page.locator("#evaluation.short")).to_have_count(0)
    large = page.locator("#evaluation").bounding_box()
    assert small is not None
    assert large is not None
    assert small["height"] < large["height"] / 2
    page.context.close()


@pytest.mark.parametrize(("size", "scheme"), [(DESKTOP, "light"), (PHONE, "dark")])
def test_the_last_evaluation_is_shown(
    browser: Browser,
    address: str,
    report: Path,
    written: str,
    size: tuple[int, int],
    scheme: str,
) -> None:
    report.write_text(written, encoding="utf-8")
    opened = visit(browser, address, "en-GB", size, scheme)
    page = opened.page
    page.locator(".evaluated").click()
    shown = page.frame_locator("#evaluation iframe")
    expect(shown.locator("body")).to_contain_text("citation_recall")
    expect(shown.locator("svg").first).to_be_visible()
    assert shown.locator("table tr").count() >= 6
    page.locator("#evaluation .leave").click()
    expect(page.locator("#evaluation")).to_be_hidden()
    page.locator(".evaluated").click()
    page.keyboard.press("Escape")
    expect(page.locator("#evaluation")).to_be_hidden()
    assert opened.errors == []
    assert {request.url.split("/")[2] for request in opened.requests} == {address.split("/")[2]}
    page.context.close()
