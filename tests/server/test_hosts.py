"""Who asks under another name than the server's own is answered nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from citydip_rag import Engine
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.settings import Settings, load_settings
from citydip_rag.ui.page import mount_page

Opener = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]
FOREIGN = "evil.example"


@pytest.fixture
def opened(article_settings: Settings, engine: Engine) -> Opener:
    """Opens API and page under other settings."""

    @asynccontextmanager
    async def open_client(**values: object) -> AsyncIterator[httpx.AsyncClient]:
        settings = Settings(**{**dict(article_settings), **values})
        live = LiveEngine(Engine.open(settings, engine.embedder))
        app = mount_page(create_app(Library(live)), live)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client
        live.current.close()

    return open_client


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/documents"),
        ("GET", "/documents/x/text"),
        ("POST", "/ask"),
        ("POST", "/documents"),
        ("POST", "/gradio_api/queue/join"),
        ("GET", "/healthz"),
    ],
)
async def test_a_rebound_name_reads_nothing(opened: Opener, method: str, path: str) -> None:
    async with opened() as client:
        response = await client.request(method, path, headers={"host": FOREIGN}, json={})
    assert response.status_code == 421
    assert response.headers["content-type"] == "application/problem+json"
    assert "CITYDIP_ALLOWED_HOSTS" in response.json()["detail"]


@pytest.mark.parametrize(
    ("settings", "host", "status"),
    [
        ({}, "localhost:7860", 200),
        ({}, "127.9.9.9:1", 200),
        ({}, "[::1]:7860", 200),
        ({}, "127.0.0.1.evil.example", 421),
        ({}, "localhost.evil.example", 421),
        ({}, "192.168.1.9", 421),
        ({}, "", 421),
        ({}, "[", 421),
        ({"allowed_hosts": "kota.example, Desa.example"}, "desa.example:443", 200),
        ({"allowed_hosts": "kota.example"}, FOREIGN, 421),
        ({"allowed_hosts": ("*",)}, FOREIGN, 200),
        ({"host": "0.0.0.0", "auth": "none"}, FOREIGN, 200),  # noqa: S104  # open to the network as it is
        ({"host": "0.0.0.0", "allowed_hosts": "kota.example"}, FOREIGN, 421),  # noqa: S104
        (
            {"host": "kota.example", "auth": "none", "allowed_hosts": "desa.example"},
            "kota.example",
            200,
        ),
    ],
)
async def test_names_the_server_answers_under(
    opened: Opener, settings: dict[str, object], host: str, status: int
) -> None:
    async with opened(**settings) as client:
        assert (await client.get("/documents", headers={"host": host})).status_code == status


async def test_behind_a_proxy_documents_can_be_changed_under_a_named_host_alone(
    opened: Opener,
) -> None:
    async def locked(allowed: str) -> str:
        async with opened(allowed_hosts=allowed) as client:
            host = {"host": "kota.example", "origin": "https://kota.example"}
            found: str = (await client.get("/documents", headers=host)).json()["locked"]
            return found

    assert await locked("kota.example") == ""
    assert await locked("*") == "origin"


def test_allowed_hosts_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITYDIP_ALLOWED_HOSTS", "kota.example, *")
    assert load_settings().allowed_hosts == ("kota.example", "*")
