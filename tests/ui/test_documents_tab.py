"""Documents are added, seen and removed on the page, in a real browser against a real server."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect
from pydantic import SecretStr

from citydip_rag import Engine, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Language
from citydip_rag.texts import catalogue, text

sys.path.insert(0, str(Path(__file__).parent))
from browsing import DESKTOP, PHONE, Visit, launched, serving, visit

INDEXED = 60_000
"""Milliseconds within which a file is indexed, on a machine as busy as a test makes it."""
TWINS = "# Kota Kembar\n\nBandung dan Braunschweig bersahabat sejak tahun 1960.\n"
ASKED = "Sejak kapan Bandung dan Braunschweig bersahabat?"
HOSTILE = "<img src=x onerror=alert(1)>"
REFUSED = "Failed to load resource"
"""What Chromium itself writes into the console of a response with an error status."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


@pytest.fixture
def settings(own_settings: Settings) -> Settings:
    """A folder of its own with one document."""
    return own_settings


Opener = Callable[..., Visit]


@pytest.fixture
def opened(browser: Browser, settings: Settings, embedder: Embedder) -> Iterator[Opener]:
    """Opens the page over the folder, and the drawer on it."""
    with ExitStack() as stack:

        def open_page(
            locale: str = "en-US", size: tuple[int, int] = DESKTOP, **changes: Any
        ) -> Visit:
            engine = Engine.open(settings.model_copy(update=changes), embedder)
            address = stack.enter_context(serving(Library(LiveEngine(engine))))
            there = visit(browser, address, locale, size)
            stack.callback(there.page.context.close)
            there.page.locator(".opener").click()
            expect(there.page.locator("#drawer")).to_be_visible()
            return there

        yield open_page


def row(page: Page, source: str) -> Locator:
    return page.locator(".file").filter(has=page.get_by_text(source, exact=True))


def choose(page: Page, *files: dict[str, Any] | Path) -> None:
    payload: list[Any] = [str(file) if isinstance(file, Path) else file for file in files]
    page.locator('#drawer input[type="file"]').set_input_files(payload)


def file(name: str, content: str) -> dict[str, Any]:
    return {"name": name, "mimeType": "application/octet-stream", "buffer": content.encode()}


def info(source: str, **changes: Any) -> dict[str, Any]:
    """One document as the server lists it."""
    return {
        "id": source,
        "title": source.upper(),
        "source": source,
        "status": "indexed",
        "passages": 10,
        "pages": None,
        "language": "id",
        "reason": "",
        "removable": True,
        **changes,
    }


def list_instead(page: Page, *documents: dict[str, Any]) -> None:
    """Have the drawer list these documents."""
    job = {"state": "idle", "stage": "", "done": 0, "total": 0, "message": "", "files": []}
    listed = {"job": job, "changeable": True, "locked": "", "generation": "g"}
    page.route("**/documents", lambda route: route.fulfill(json={"documents": documents, **listed}))
    page.keyboard.press("Escape")
    page.locator(".opener").click()
    expect(page.locator(".file")).to_have_count(len(documents))


def drop(page: Page, onto: str, files: dict[str, str]) -> None:
    """Drag files from outside over the page, and drop them."""
    carried = page.evaluate_handle(
        """(files) => {
            const carried = new DataTransfer();
            for (const [name, content] of Object.entries(files)) {
                carried.items.add(new File([content], name));
            }
            return carried;
        }""",
        files,
    )
    for event in ("dragenter", "dragover", "drop"):
        page.locator(onto).dispatch_event(event, {"dataTransfer": carried})


def test_a_dropped_file_is_indexed_asked_cited_and_removed(
    opened: Opener, settings: Settings
) -> None:
    there = opened()
    page = there.page
    expect(row(page, "awal.txt")).to_contain_text("Indexed", use_inner_text=True)
    drop(page, ".adding", {"kembar.md": TWINS})
    expect(page.locator(".outcome")).to_contain_text(
        "Kota Kembar", timeout=INDEXED, use_inner_text=True
    )
    expect(page.locator("#announcer")).to_contain_text(
        "You can ask about it now.", use_inner_text=True
    )
    expect(row(page, "kembar.md")).to_contain_text("1 passage", use_inner_text=True)
    expect(row(page, "kembar.md")).to_contain_text("Indonesian", use_inner_text=True)
    there.ask(ASKED)
    expect(page.locator(".turn.current .said")).to_contain_text("1960", use_inner_text=True)
    page.locator(".turn.current .badge").first.click()
    expect(page.locator("#drawer")).to_be_hidden()
    expect(page.locator(".turn.current .card .source")).to_have_text(
        "kembar.md", use_inner_text=True
    )
    expect(page.locator(".turn.current mark").first).to_be_focused()

    page.locator(".opener").click()
    row(page, "kembar.md").locator(".remove").click()
    expect(row(page, "kembar.md").get_by_role("button", name="Keep")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".confirm")).to_have_count(0)
    expect(row(page, "kembar.md").locator(".remove")).to_be_focused()
    row(page, "kembar.md").locator(".remove").click()
    row(page, "kembar.md").get_by_role("button", name="Delete").click()
    expect(row(page, "kembar.md")).to_have_count(0, timeout=INDEXED)
    expect(page.locator(".outcome")).to_have_text(
        "kembar.md has been removed.", timeout=INDEXED, use_inner_text=True
    )
    assert not (settings.seeds / "kembar.md").exists()
    there.ask(ASKED)
    assert "1960" not in page.locator(".turn.current .said").inner_text()
    assert there.errors == []


def test_a_pdf_is_added_with_a_bar_and_cited_with_its_page(
    opened: Opener, shared_data: Path
) -> None:
    there = opened("id-ID")
    page = there.page
    choose(page, shared_data / "documents" / "UU-11-2008.pdf")
    bar = page.locator(".indexing [role=progressbar]")
    expect(bar).to_have_attribute("aria-valuenow", re.compile(r"\d+"), timeout=INDEXED)
    expect(page.locator("#drawer-indexing")).to_contain_text(
        re.compile(r"(Membaca berkas|Mengindeks bagian): \d+ dari \d+"), use_inner_text=True
    )
    expect(page.locator(".opener")).to_have_attribute("data-busy", "")
    there.ask("Apa kata dokumen tentang kota?")  # the conversation goes on meanwhile
    expect(page.locator(".outcome")).to_contain_text(
        "sudah siap", timeout=3 * INDEXED, use_inner_text=True
    )
    expect(bar).to_be_hidden()
    expect(row(page, "UU-11-2008.pdf")).to_contain_text("halaman", use_inner_text=True)
    there.ask("Apa yang dimaksud dengan tanda tangan elektronik?")
    page.locator(".turn.current .badge").first.click()
    card = page.locator(".turn.current .card").first
    expect(card.locator(".source")).to_have_text("UU-11-2008.pdf", use_inner_text=True)
    expect(card.locator(".where")).to_contain_text(
        re.compile(r"Pasal|hlm\.|halaman"), use_inner_text=True
    )
    assert there.errors == []


def test_the_stages_of_the_indexing_are_told(opened: Opener) -> None:
    stages = [
        ("", 0, 0, "Indexing begins", None),
        ("reading", 3, 12, "Reading files: 3 of 12", "25"),
        ("embedding", 1_500, 2_000, "Indexing passages: 1,500 of 2,000", "75"),
    ]
    there = opened()
    page = there.page
    now: dict[str, Any] = {}
    page.route(
        "**/indexing",
        lambda route: route.fulfill(json={"state": "running", "message": "", "files": [], **now}),
    )
    for number, (stage, done, total, words, share) in enumerate(stages):
        now.update(stage=stage, done=done, total=total)
        if number == 0:
            choose(page, file("kembar.md", TWINS))
        expect(page.locator("#drawer-indexing")).to_contain_text(words, use_inner_text=True)
        expect(page.locator("#announcer")).to_contain_text(words, use_inner_text=True)
        bar = page.get_by_role("progressbar", name=words)
        assert bar.get_attribute("aria-valuenow") == share
    page.unroute("**/indexing")
    expect(page.locator(".outcome")).to_be_visible(timeout=INDEXED)
    expect(page.locator(".indexing")).to_be_hidden()


@pytest.mark.parametrize("language", list(Language))
def test_a_kind_that_is_not_read_is_refused_before_it_is_sent(
    opened: Opener, language: Language
) -> None:
    there = opened({"id": "id-ID", "en": "en-GB"}[language])
    page = there.page
    choose(page, *(file(f"{number}.png", "x") for number in range(5)))
    notice = page.get_by_role("alert")
    expect(notice).to_have_count(1)
    before, _, _ = catalogue(language)["problem.upload-415"].partition("{")
    expect(notice).to_contain_text(before, use_inner_text=True)
    expect(notice).to_contain_text(
        text(language, "documents.and_more", names="0.png, 1.png, 2.png", count=2),
        use_inner_text=True,
    )
    assert not [
        request
        for request in there.requests
        if request.method == "POST" and request.url.endswith("/documents")
    ]
    notice.get_by_role("button").click()
    expect(notice).to_have_count(0)
    assert there.errors == []


@pytest.mark.parametrize(
    ("problem", "status", "key"),
    [
        ("upload", 413, "upload-413"),
        ("upload", 507, "upload-507"),
        ("documents-locked", 403, "documents-locked"),
        ("body-too-large", 413, "body-too-large"),
        ("never-heard-of", 500, "general"),
        (None, 413, "status-413"),
        (None, 0, "network"),
    ],
)
def test_problems_are_told_in_words_and_with_the_servers_own(
    opened: Opener, problem: str | None, status: int, key: str
) -> None:
    page = opened("id-ID").page

    def answer(route: Route) -> None:
        if route.request.method != "POST":
            route.continue_()
        elif not status:
            route.abort()
        elif problem is None:
            route.fulfill(status=status, body="<html>", content_type="text/html")
        else:
            body = {"type": f"urn:citydip-rag:{problem}", "detail": f"Said {HOSTILE} there."}
            route.fulfill(status=status, body=json.dumps(body))

    page.route("**/documents", answer)
    choose(page, file("a.md", "x"), file("b.md", "y"))
    notices = page.get_by_role("alert")
    expected, _, _ = catalogue(Language.INDONESIAN)[f"problem.{key}"].partition("{")
    expect(notices.first).to_contain_text(expected, use_inner_text=True)
    expect(notices).to_have_count(1 if key in {"network", "documents-locked"} else 2)
    if problem:
        expect(notices.first.locator(".detail")).to_have_text(
            f"Said {HOSTILE} there.", use_inner_text=True
        )
    expect(page.locator(".sending")).to_be_hidden()
    assert page.locator("#drawer img").count() == 0
    if key == "network":
        page.unroute("**/documents")
        notices.get_by_role("button", name="Coba lagi").click()
        expect(page.locator(".outcome")).to_contain_text(
            "2 dokumen", timeout=INDEXED, use_inner_text=True
        )


def test_a_name_that_exists_can_be_replaced(opened: Opener, settings: Settings) -> None:
    there = opened()
    page = there.page
    choose(page, file("awal.txt", "Kota baru\n\nSurabaya bersahabat dengan Busan."))
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(
        text(Language.ENGLISH, "problem.document-exists"), use_inner_text=True
    )
    expect(notice.locator(".detail")).to_contain_text("awal.txt", use_inner_text=True)
    notice.get_by_role("button", name="Replace it").click()
    expect(notice).to_have_count(0)
    expect(page.locator(".outcome")).to_be_visible(timeout=INDEXED)
    assert "Busan" in (settings.seeds / "awal.txt").read_text(encoding="utf-8")
    expect(page.locator(".file")).to_have_count(1)
    there.ask("Surabaya bersahabat dengan kota apa?")
    expect(page.locator(".turn.current .said")).to_contain_text("Busan", use_inner_text=True)
    assert all(REFUSED in error for error in there.errors)


def test_a_file_that_cannot_be_read_says_why_and_comes_first(opened: Opener) -> None:
    page = opened().page
    choose(page, file("rusak.pdf", "%PDF-1.4 nothing"), file("kembar.md", TWINS))
    expect(page.locator(".outcome")).to_contain_text(
        "1 could not be read", timeout=INDEXED, use_inner_text=True
    )
    first = page.locator(".file").first
    expect(first).to_have_attribute("data-status", "failed")
    expect(first.locator(".reason")).to_contain_text("rusak.pdf", use_inner_text=True)
    expect(page.locator(".summary")).to_have_text(
        re.compile(r"3 documents · \d+ passages · 1 could not be read"), use_inner_text=True
    )


@pytest.mark.parametrize("language", list(Language))
def test_who_may_not_change_documents_sees_why_and_the_list(
    opened: Opener, language: Language
) -> None:
    there = opened({"id": "id-ID", "en": "en-GB"}[language], uploads="off")
    page = there.page
    expect(page.locator(".locked")).to_contain_text(
        text(language, "documents.locked_off"), use_inner_text=True
    )
    expect(row(page, "awal.txt")).to_be_visible()
    expect(page.locator(".adding")).to_be_hidden()
    expect(page.locator(".remove")).to_have_count(0)
    drop(page, "#conversation", {"kembar.md": TWINS})
    expect(page.locator(".locked")).to_be_visible()
    assert not [
        request
        for request in there.requests
        if request.url.endswith("/documents") and request.method == "POST"
    ]
    assert there.errors == []


def test_the_keyboard_is_enough(opened: Opener) -> None:
    there = opened()
    page = there.page
    opener = page.locator(".opener")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#drawer-title")).to_be_focused()
    expect(row(page, "awal.txt")).to_be_visible()
    for selector in (".close", ".choose", ".file .remove"):
        page.keyboard.press("Tab")
        expect(page.locator(selector)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#drawer")).to_be_hidden()
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_be_visible()
    assert there.errors == []


def test_on_a_phone_the_drawer_covers_the_conversation_which_goes_on(opened: Opener) -> None:
    there = opened("id-ID", PHONE)
    page = there.page
    page.keyboard.press("Escape")
    page.locator("#question textarea").fill("Apa kata dokumen tentang kota?")
    page.locator("#send").click()
    page.locator(".opener").click()
    assert page.locator("#composer").get_attribute("inert") is not None
    choose(page, file("kembar.md", TWINS))
    expect(page.locator(".outcome")).to_be_visible(timeout=INDEXED)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
    assert page.locator("#drawer").evaluate("node => node.scrollWidth <= node.clientWidth")
    page.locator(".close").click()
    assert page.locator("#composer").get_attribute("inert") is None
    expect(page.locator(".reply-answer, .reply-abstained").first).to_be_visible(timeout=15_000)
    there.ask(ASKED)
    expect(page.locator(".turn.current .said")).to_contain_text("1960", use_inner_text=True)
    assert there.errors == []


def test_a_long_list_is_filtered_and_untrusted_names_are_only_text(opened: Opener) -> None:
    documents = [
        {
            "id": str(number),
            "title": f"{HOSTILE} {number}",
            "source": f"map/berkas-{number:03}.pdf",
            "status": "indexed",
            "passages": 10,
            "pages": 1,
            "language": "id",
            "reason": "",
            "removable": True,
        }
        for number in range(500)
    ]
    there = opened(size=PHONE)
    page = there.page
    page.keyboard.press("Escape")
    listed = {
        "documents": documents,
        "job": {"state": "idle", "stage": "", "done": 0, "total": 0, "message": "", "files": []},
        "changeable": True,
        "locked": "",
        "generation": "g",
    }
    page.route("**/documents", lambda route: route.fulfill(json=listed))
    page.locator(".opener").click()
    expect(page.locator(".file")).to_have_count(500)
    expect(page.locator(".summary")).to_have_text(
        "500 documents · 5,000 passages", use_inner_text=True
    )
    box = page.get_by_role("searchbox", name="Title or file name")
    box.fill("berkas-49 img")
    expect(page.locator(".file:visible")).to_have_count(10)
    expect(page.locator(".found")).to_have_text("10 of 500 documents", use_inner_text=True)
    box.fill("nowhere")
    expect(page.locator(".file:visible")).to_have_count(0)
    expect(page.locator(".summary")).to_have_text(
        "No document is called that.", use_inner_text=True
    )
    box.press("Escape")
    expect(page.locator("#drawer")).to_be_visible()
    assert page.locator("#drawer img").count() == 0
    listed["documents"] = []
    page.keyboard.press("Escape")
    page.locator(".opener").click()
    expect(page.locator(".summary")).to_contain_text(
        "There are no documents yet.", use_inner_text=True
    )
    expect(page.locator(".find")).to_be_hidden()
    assert there.errors == []


def test_the_list_that_does_not_come_can_be_asked_for_again(opened: Opener) -> None:
    page = opened().page
    page.keyboard.press("Escape")
    page.route("**/documents", lambda route: route.abort())
    page.locator(".opener").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text(text(Language.ENGLISH, "problem.network"), use_inner_text=True)
    page.unroute("**/documents")
    notice.get_by_role("button", name="Try again").click()
    expect(notice).to_have_count(0)
    expect(row(page, "awal.txt")).to_be_visible()


def test_the_language_is_switched_in_place(opened: Opener) -> None:
    page = opened("en-US").page
    choose(page, file("gambar.png", "x"))
    expect(page.get_by_role("alert")).to_contain_text(
        "Files of this kind cannot be read.", use_inner_text=True
    )
    page.locator('[data-choose="id"]').click()
    expect(page.get_by_role("alert")).to_contain_text(
        "Berkas jenis ini tidak dapat dibaca.", use_inner_text=True
    )
    expect(row(page, "awal.txt")).to_contain_text("Terindeks", use_inner_text=True)


def test_sending_shows_how_far_it_is_and_can_be_stopped(opened: Opener) -> None:
    page = opened().page
    page.route(
        "**/documents", lambda route: route.continue_() if route.request.method == "GET" else None
    )
    choose(page, file("a.md", TWINS), file("b.md", "Isi lain."))
    expect(page.get_by_role("progressbar", name="Sending 1 of 2: a.md")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    notice = page.get_by_role("alert")
    expect(notice).to_contain_text("a.md, b.md", use_inner_text=True)
    expect(page.locator(".sending")).to_be_hidden()
    page.unroute("**/documents")
    notice.get_by_role("button", name="Try again").click()
    expect(page.locator(".outcome")).to_contain_text(
        "2 documents are ready", use_inner_text=True, timeout=INDEXED
    )


def test_a_file_dropped_beside_the_closed_drawer_is_added(opened: Opener) -> None:
    there = opened()
    page = there.page
    page.reload()
    page.wait_for_selector("#send[aria-label]")
    drop(page, "#conversation", {"kembar.md": TWINS})
    expect(page.locator(".outcome")).to_be_visible(timeout=INDEXED)
    expect(row(page, "kembar.md")).to_be_visible()
    assert there.errors == []


def test_the_last_document_can_be_removed(opened: Opener) -> None:
    there = opened()
    page = there.page
    row(page, "awal.txt").locator(".remove").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator(".outcome")).to_contain_text("has been removed", timeout=INDEXED)
    expect(page.locator(".summary")).to_contain_text("no documents yet", use_inner_text=True)
    expect(page.locator("#drawer-title")).to_be_focused()
    expect(page.get_by_role("alert")).to_have_count(0)
    choose(page, file("kembar.md", TWINS))
    expect(row(page, "kembar.md")).to_be_visible(timeout=INDEXED)
    there.ask(ASKED)
    expect(page.locator(".turn.current .said")).to_contain_text("1960")
    assert there.errors == []


def test_documents_and_files_are_counted_as_such(opened: Opener) -> None:
    page = opened().page
    inside = [info(f"arsip.zip/{n}.md", removable=False) for n in range(3)]
    list_instead(
        page,
        info("arsip.zip", title="", passages=30),
        *inside,
        *(info(f"{n}.txt") for n in range(14)),
        info("rusak.pdf", title="", status="failed", passages=0),
        info("foto.png", title="", status="skipped", passages=0),
    )
    expect(page.locator(".summary")).to_have_text(
        "19 documents · 17 files · 170 passages · 1 could not be read · 1 skipped",
        use_inner_text=True,
    )
    page.get_by_role("searchbox").fill("arsip")
    expect(page.locator(".file:visible")).to_have_count(4)
    expect(page.locator(".found")).to_have_text("3 of 19 documents", use_inner_text=True)


def test_what_was_sent_last_comes_before_older_failures(opened: Opener, settings: Settings) -> None:
    (settings.seeds / "lama.pdf").write_text("%PDF-1.4 nothing", encoding="utf-8")
    page = opened().page
    choose(page, file("z-kembar.md", TWINS))
    expect(page.locator(".outcome")).to_contain_text("Kota Kembar", timeout=INDEXED)
    sources = [row.inner_text() for row in page.locator(".file").all()]
    assert [words.split("\n")[0] for words in sources] == ["Kota Kembar", "lama.pdf", "Awal"]
    choose(page, file("baru.md", "# Kota Baru\n\nKota ini baru saja didirikan.\n"))
    expect(page.locator(".outcome")).to_contain_text("Kota Baru", timeout=INDEXED)
    expect(page.locator(".file").first).to_contain_text("Kota Baru")
    expect(page.locator(".file").nth(1)).to_contain_text("lama.pdf")


def test_what_came_of_an_upload_gives_way_to_the_next_event(opened: Opener) -> None:
    there = opened()
    page = there.page
    outcome = page.locator(".outcome")
    choose(page, file("kembar.md", TWINS))
    expect(outcome).to_contain_text("Kota Kembar", timeout=INDEXED)
    there.ask(ASKED)
    expect(outcome).to_be_hidden()

    choose(page, file("baru.md", "# Kota Baru\n\nKota ini baru saja didirikan.\n"))
    expect(outcome).to_contain_text("Kota Baru", timeout=INDEXED)
    page.keyboard.press("Escape")
    page.locator(".opener").click()
    expect(outcome).to_be_hidden()

    choose(page, file("lain.md", "# Kota Lain\n\nKota ini lain lagi.\n"))
    expect(outcome).to_contain_text("Kota Lain", timeout=INDEXED)
    row(page, "lain.md").locator(".remove").click()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("Kota Lain", exact=False)).to_have_count(0, timeout=INDEXED)
    choose(page, file("foto.png", "x"))
    expect(page.get_by_role("alert")).to_be_visible()
    expect(outcome).to_be_hidden()


_LINES = """selector => {
  const node = document.querySelector(selector);
  return node.offsetHeight / parseFloat(getComputedStyle(node).fontSize);
}"""


def test_long_names_fit_a_phone_and_are_told_whole(opened: Opener) -> None:
    page = opened(size=PHONE).page
    long = f"{'x' * 250}.txt"
    list_instead(page, info(long, title="J" * 300, status="failed", reason="Y" * 300))
    for selector in (".title", ".source"):
        words = page.locator(f".file {selector}")
        expect(words).to_be_visible()
        lines = page.evaluate(_LINES, f".file {selector}")  # the list may be drawn anew meanwhile
        assert 0 < lines < 3.5 * 1.6
        assert words.get_attribute("title") in {long, "J" * 300}
    page.locator(".remove").click()
    assert page.locator("#drawer").evaluate("node => node.scrollWidth <= node.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]


def test_why_a_file_was_not_read_is_said_in_the_language_of_the_page(opened: Opener) -> None:
    page = opened("id-ID").page
    known = f"{HOSTILE} is protected by a password. Save a copy without one, and index again."
    list_instead(
        page,
        info("a.pdf", status="failed", reason=known),
        info("b.pdf", status="failed", reason="Nobody has thought of this."),
    )
    told = text(Language.INDONESIAN, "reason.pdf_password", name=HOSTILE)
    expect(page.locator(".reason").first).to_have_text(told, use_inner_text=True)
    other = page.locator(".reason").nth(1)
    expect(other).to_have_text("Nobody has thought of this.", use_inner_text=True)
    expect(other.locator("[lang]")).to_have_attribute("lang", "en")
    assert page.locator("#drawer img").count() == 0
    page.locator('[data-choose="en"]').click()
    expect(page.locator(".reason").first).to_have_text(known, use_inner_text=True)


def test_the_key_is_entered_and_travels_in_a_header_only(
    opened: Opener, settings: Settings
) -> None:
    there = opened("id-ID", PHONE, api_key=SecretStr("rahasia"))
    page = there.page
    told = text(Language.INDONESIAN, "documents.locked_key")
    expect(page.locator(".locked")).to_contain_text(told, use_inner_text=True)
    field = page.locator("#drawer-key")
    assert field.get_attribute("type") == "password"
    for wrong in ("salah", "kunci ☃"):
        field.fill(wrong)
        field.press("Enter")
        expect(page.locator(".key-note")).to_have_text(
            text(Language.INDONESIAN, "documents.key_wrong"), use_inner_text=True
        )
    assert page.evaluate("sessionStorage.length") == 0
    field.fill("rahasia")
    page.get_by_role("button", name=text(Language.INDONESIAN, "documents.key_use")).click()
    expect(page.locator(".adding")).to_be_visible()
    expect(page.locator(".key")).to_be_hidden()
    page.reload()
    page.wait_for_selector("#send[aria-label]")
    page.locator(".opener").click()
    choose(page, file("kembar.md", TWINS))
    expect(row(page, "kembar.md")).to_be_visible(timeout=INDEXED)
    row(page, "kembar.md").locator(".remove").click()
    page.get_by_role("button", name="Hapus", exact=True).click()
    expect(row(page, "kembar.md")).to_have_count(0, timeout=INDEXED)
    assert not (settings.seeds / "kembar.md").exists()
    assert page.evaluate("JSON.stringify(localStorage)").count("rahasia") == 0
    for request in there.requests:
        assert "rahasia" not in request.url + (request.post_data_buffer or b"").decode()
        if request.method == "DELETE":
            assert request.headers["authorization"] == "Bearer rahasia"
    page.get_by_role("button", name=text(Language.INDONESIAN, "documents.key_forget")).click()
    expect(page.locator(".key")).to_be_visible()
    expect(page.locator(".adding")).to_be_hidden()
    assert page.evaluate("sessionStorage.length") == 0
    assert there.errors == []
