"""Real nginx with the shipped configuration: sessions, prefixes, and a server that dies."""

from __future__ import annotations

import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from citydip_rag import Engine, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "ui")]
from browsing import DESKTOP, launched, serving, visit
from proxies import citydip, free_port, nginx, shipped, wait_until_ready

QUESTION = "Apa tantangan terbesar diplomasi kota?"
NAME = "citydip.example.org"
SAID = "potensi benturan dengan kebijakan luar negeri pemerintah pusat"


@dataclass(frozen=True)
class Site:
    """Two servers behind nginx."""

    address: str
    plain: int
    """Port of the example with TLS that leads to the other."""
    secure: int
    servers: list[subprocess.Popen[bytes]]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as opened:
        yield opened


def _certified(folder: Path, plain: int, secure: int) -> dict[str, str]:
    """What is other in tls.conf: ports, and a certificate of our own."""
    subprocess.run(
        shlex.split(
            f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={NAME}"
            " -keyout privkey.pem -out fullchain.pem"
        ),
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return {
        "listen 80;": f"listen 127.0.0.1:{plain};",
        "listen 443 ": f"listen 127.0.0.1:{secure} ",
        f"/etc/letsencrypt/live/{NAME}": str(folder),
    }


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, article_settings: Settings) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    first, second, port = free_port(), free_port(), free_port()
    (folder / "citydip").mkdir()
    (folder / "citydip" / "servers.conf").write_text(
        shipped("citydip/servers.conf", {"7861": str(first), "7862": str(second)}),
        encoding="utf-8",
    )
    plain, secure = free_port(), free_port()
    more = shipped("citydip.conf", {"listen 80;": f"listen 127.0.0.1:{port};"})
    more += shipped("tls.conf", _certified(folder, plain, secure))
    index = ("--index", str(article_settings.index))
    with (
        citydip(*index, port=first) as one,
        citydip(*index, port=second) as other,
        nginx(folder, more, port),
    ):
        wait_until_ready(first, one)
        wait_until_ready(second, other)
        yield Site(f"http://127.0.0.1:{port}", plain, secure, [one, other])


def test_a_visitor_stays_with_one_server(browser: Browser, site: Site) -> None:
    opened = visit(browser, site.address, "id-ID", DESKTOP)
    for _ in range(3):
        opened.ask(QUESTION)
    expect(opened.page.locator(".turn.current .said")).to_contain_text(SAID)
    assert opened.page.locator(".turn").count() == 3
    cookies = opened.page.context.cookies()
    assert [(c["name"], c["httpOnly"]) for c in cookies] == [("citydip", True)]
    assert opened.errors == []
    opened.page.context.close()


def test_visitors_are_spread_and_the_api_gets_no_cookie(site: Site) -> None:
    given = {httpx.get(site.address).cookies["citydip"] for _ in range(4)}
    assert len(given) == 4
    again = httpx.get(site.address, cookies={"citydip": given.pop()})
    assert "set-cookie" not in again.headers
    assert "set-cookie" not in httpx.get(f"{site.address}/health/ready").headers
    assert httpx.get(f"{site.address}/metrics").status_code == 404


def test_events_arrive_one_by_one(site: Site) -> None:
    with httpx.stream("POST", f"{site.address}/ask/stream", json={"question": QUESTION}) as sent:
        names = [line for line in sent.iter_lines() if line.startswith("event:")]
    assert names[-1] == "event: answer"


def test_large_bodies_are_refused_but_for_documents(site: Site) -> None:
    with httpx.Client(base_url=site.address) as client:
        assert client.post("/ask", content=b"x" * 2_000_000).status_code == 413
        large = {"files": ("a.exe", b"x" * 2_000_000)}
        assert client.post("/documents", files=large).status_code == 415


def test_with_tls_the_page_leads_to_nothing_without(site: Site) -> None:
    host = {"host": NAME}
    with httpx.Client(verify=False, headers=host) as client:  # noqa: S501  # our own certificate
        moved = client.get(f"http://127.0.0.1:{site.plain}/docs")
        assert moved.headers["location"] == f"https://{NAME}/docs"
        page = client.get(f"https://127.0.0.1:{site.secure}/")
    assert page.status_code == 200
    assert f"https://{NAME}" in page.text
    assert f"http://{NAME}" not in page.text
    assert "; secure" in page.headers["set-cookie"].lower()


BEGUN = "a stream that had begun with"


@dataclass
class Load:
    """Questions asked one after another by several people until told to stop."""

    address: str
    stop: threading.Event = field(default_factory=threading.Event)
    answered: list[float] = field(default_factory=list)
    failed: list[tuple[float, float, str]] = field(default_factory=list)
    """Of each failure, when it was asked, when it failed, and how."""

    def ask(self, ask: Callable[[httpx.Client], str]) -> None:
        with httpx.Client(base_url=self.address, timeout=60) as client:
            while not self.stop.is_set():
                begun = time.monotonic()
                try:
                    wrong = ask(client)
                except httpx.HTTPError as error:
                    wrong = repr(error)
                if wrong:
                    self.failed.append((begun, time.monotonic(), wrong))
                else:
                    self.answered.append(time.monotonic())


def _whole(client: httpx.Client) -> str:
    response = client.post("/ask", json={"question": QUESTION})
    return "" if response.status_code == 200 and SAID in response.text else response.text


def _streamed(client: httpx.Client) -> str:
    with client.stream("POST", "/ask/stream", json={"question": QUESTION}) as response:
        try:
            text = response.read().decode()
        except httpx.RemoteProtocolError as error:
            return f"{BEGUN} {response.status_code}: {error!r}"
    return "" if response.status_code == 200 and "event: answer" in text else text


def test_a_server_killed_under_load_fails_no_request_but_streams_in_flight(site: Site) -> None:
    """Runs last: one of the servers is dead after it."""
    load = Load(site.address)
    people = [
        threading.Thread(target=load.ask, args=(how,)) for how in (_whole,) * 4 + (_streamed,) * 2
    ]
    for person in people:
        person.start()
    time.sleep(2)
    killed = time.monotonic()
    site.servers[0].kill()
    time.sleep(4)
    load.stop.set()
    for person in people:
        person.join()
    before = [done for done in load.answered if done < killed]
    after = [done for done in load.answered if done > killed + 0.5]
    assert len(before) > 5
    assert len(after) > 5
    assert len(load.failed) <= 2, load.failed  # the streams that had begun
    for begun, _, text in load.failed:
        assert begun < killed, load.failed
        assert "event:" in text or text.startswith(f"{BEGUN} 200"), load.failed


@pytest.mark.parametrize("root_path", ["", "/citydip"], ids=["stripped", "kept"])
def test_everything_works_below_a_prefix(
    browser: Browser, own_settings: Settings, embedder: Embedder, tmp_path: Path, root_path: str
) -> None:
    """A proxy takes it away and says so; or it leaves it, and the server has been told of it."""
    engine = Engine.open(own_settings.model_copy(update={"root_path": root_path}), embedder)
    port = free_port()
    with serving(Library(LiveEngine(engine)), proxy_headers=False) as server:
        address = server.removeprefix("http://")
        into = {"http://127.0.0.1:7860/;": f"http://{address}{'/' if not root_path else ''};"}
        if root_path:
            into["X-Forwarded-Prefix /citydip;"] = 'X-Forwarded-Prefix "";'
        there = f"server {{ listen 127.0.0.1:{port}; {shipped('prefix.conf', into)} }}"
        with nginx(tmp_path, there, port):
            _use(browser, f"http://127.0.0.1:{port}/citydip")


def _use(browser: Browser, address: str) -> None:
    """Do on the page what can be done there, and ask the API."""
    opened = visit(browser, address, "en-US", DESKTOP)
    page = opened.page
    assert page.url == f"{address}/"
    page.locator(".opener").click()
    page.locator('#drawer input[type="file"]').set_input_files(
        [
            {
                "name": "kembar.md",
                "mimeType": "text/markdown",
                "buffer": b"# Kota\n\nBandung dan Braunschweig bersahabat sejak tahun 1960.",
            }
        ]
    )
    expect(page.locator(".file").filter(has_text="kembar.md")).to_be_visible(timeout=60_000)
    page.locator("#drawer .close").click()
    opened.ask("Sejak kapan Bandung dan Braunschweig bersahabat?")
    expect(page.locator(".turn.current .said")).to_contain_text("1960")
    with page.expect_response("**/citydip/evaluation") as shown:
        page.locator(".evaluated").click()
    assert shown.value.status in {200, 404}  # there may be no report
    paths = {request.url.split("/", 3)[3] for request in opened.requests if "://" in request.url}
    assert all(path.startswith("citydip") for path in paths), paths
    assert [error for error in opened.errors if "404" not in error] == []
    page.context.close()
    assert httpx.get(f"{address}/openapi.json").json()["servers"] == [{"url": "/citydip"}]
    assert httpx.get(f"{address}/docs").status_code == 200
    answer = httpx.post(f"{address}/ask/stream", json={"question": QUESTION})
    assert "event: answer" in answer.text
