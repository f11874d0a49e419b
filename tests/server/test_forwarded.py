"""What proxies say is taken from those that are believed, and the prefix works either way."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from citydip_rag.errors import SettingsError
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.server.forwarded import ForwardedMiddleware
from citydip_rag.settings import Settings, load_settings

PROXY, STRANGER = "10.1.2.3", "192.0.2.7"
SAID = {
    "x-forwarded-for": "198.51.100.4",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/citydip",
    "x-forwarded-host": "elsewhere.example",
    "x-gradio-server": "http://elsewhere.example",
}


async def _seen(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what an application sees of a request."""
    request = Request(scope)
    seen = {
        "client": scope["client"][0],
        "scheme": scope["scheme"],
        "root_path": scope.get("root_path", ""),
        "path": scope["path"],
        "raw": scope["raw_path"].decode(),
        "hearsay": sorted(request.headers.keys() & SAID.keys()),
    }
    await JSONResponse(seen)(scope, receive, send)


async def seen(
    path: str, *, by: str = PROXY, headers: dict[str, str] | None = None, **changes: Any
) -> dict[str, Any]:
    settings = load_settings(trusted_proxies="10.0.0.0/8,::1", **changes)
    wrapped = ForwardedMiddleware(_seen, settings)
    transport = httpx.ASGITransport(wrapped, client=(by, 1234))
    async with httpx.AsyncClient(transport=transport, base_url="http://own.example") as client:
        response = await client.get(path, headers=headers or {})
    if response.is_redirect:
        return {"redirect": response.headers["location"]}
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.anyio
async def test_a_proxy_that_is_named_is_believed() -> None:
    found = await seen("/ask?x=1", headers=SAID)
    assert found["client"] == "198.51.100.4"
    assert found["scheme"] == "https"
    assert (found["root_path"], found["path"]) == ("/citydip", "/citydip/ask")
    assert found["hearsay"] == sorted(SAID)


@pytest.mark.anyio
async def test_of_a_stranger_nothing_is_believed_or_handed_on() -> None:
    found = await seen("/ask", by=STRANGER, headers=SAID)
    assert found["client"] == STRANGER
    assert found["scheme"] == "http"
    assert (found["root_path"], found["path"]) == ("", "/ask")
    assert found["hearsay"] == []


@pytest.mark.anyio
@pytest.mark.parametrize("sent", ["/ask", "/citydip/ask"])
async def test_a_prefix_that_is_set_may_have_been_stripped_or_not(sent: str) -> None:
    found = await seen(sent, by=STRANGER, root_path="/citydip")
    assert (found["root_path"], found["path"]) == ("/citydip", "/citydip/ask")
    assert found["raw"] == "/citydip/ask"


@pytest.mark.anyio
async def test_what_only_begins_like_the_prefix_is_below_it() -> None:
    assert (await seen("/citydipper", root_path="/citydip"))["path"] == "/citydip/citydipper"


@pytest.mark.anyio
async def test_the_prefix_alone_leads_to_the_page() -> None:
    assert await seen("/a/b?x=1", root_path="/a/b") == {"redirect": "/a/b/?x=1"}
    assert await seen("/a/b", root_path="/a/b") == {"redirect": "/a/b/"}


@pytest.mark.anyio
@pytest.mark.parametrize("said", ["//elsewhere.example", "citydip", '/"><script>', "/../x", "/"])
async def test_a_prefix_that_is_no_path_is_ignored(said: str) -> None:
    assert (await seen("/ask", headers={"x-forwarded-prefix": said}))["root_path"] == ""


@pytest.mark.anyio
async def test_the_setting_outweighs_the_proxy() -> None:
    assert (await seen("/ask", headers=SAID, root_path="/own"))["path"] == "/own/ask"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("root_path", "citydip"),
        ("root_path", "/citydip/"),
        ("root_path", "/a/../b"),
        ("trusted_proxies", "proxy.example"),
        ("trusted_proxies", "10.0.0.0/99"),
        ("trusted_proxies", "*,10.0.0.1"),
        ("workers", 2),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(name: str, value: object) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load_settings(**{name: value})
    if name == "trusted_proxies":
        assert str(value) not in str(caught.value)


def test_a_prefix_like_a_route_is_refused(library: Library) -> None:
    engine = library.live.current
    for prefix in ("/ask", "/docs/below"):
        settings = engine.settings.model_copy(update={"root_path": prefix})
        with pytest.raises(SettingsError, match=prefix):
            create_app(_library_with(library, settings))


def _library_with(library: Library, settings: Settings) -> Library:
    engine = library.live.current
    opened = type(engine).open(settings, engine.embedder)
    return Library(LiveEngine(opened))


@pytest.mark.anyio
async def test_the_api_and_its_description_are_below_the_prefix(library: Library) -> None:
    app = create_app(library)
    transport = httpx.ASGITransport(app)  # comes from 127.0.0.1, which is believed
    said = {"x-forwarded-prefix": "/citydip"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://127.0.0.1", headers=said
    ) as client:
        described = (await client.get("/openapi.json")).json()
        assert described["servers"][0] == {"url": "/citydip"}
        assert '"/citydip/static-offline-docs/' in (await client.get("/docs")).text
        for path in ("/health/ready", "/citydip/health/ready"):
            assert (await client.get(path)).status_code == 200
        assert (await client.get("/citydip/ask")).status_code == 405
        assert (await client.get("/citydip/static-offline-docs/swagger-ui.css")).status_code == 200
        assert (
            "servers"
            not in (await client.get("/openapi.json", headers={"x-forwarded-prefix": ""})).json()
        )


def test_secrets_are_read_from_docker_s_and_systemd_s_files(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "citydip_api_key").write_text("0123456789abcdef\n", encoding="utf-8")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    key = load_settings().api_key
    assert key is not None
    assert key.get_secret_value() == "0123456789abcdef"
    monkeypatch.setenv("CITYDIP_API_KEY", "from-the-environment")
    key = load_settings().api_key
    assert key is not None
    assert key.get_secret_value() == "from-the-environment"
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "gone"))
    monkeypatch.delenv("CITYDIP_API_KEY")
    assert load_settings().api_key is None
