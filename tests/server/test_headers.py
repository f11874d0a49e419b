"""What every response tells the browser, and which sites may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from citydip_rag import Engine, Settings
from citydip_rag.access import Scope
from citydip_rag.errors import SettingsError
from citydip_rag.evaluation_page import add_evaluation
from citydip_rag.server.app import create_app
from citydip_rag.server.credentials import COOKIE
from citydip_rag.server.headers import DATA_POLICY, PAGE_POLICY
from citydip_rag.serving import make_config
from citydip_rag.settings import load_settings
from citydip_rag.sign_in_page import add_sign_in
from citydip_rag.ui.page import mount_page
from keyed import bearer, changed, key_for

HERE = "http://127.0.0.1"
PORTAL = "https://portal.example"


@asynccontextmanager
async def opened(
    engine: Engine, base: str = HERE, **values: Any
) -> AsyncIterator[httpx.AsyncClient]:
    library = changed(engine, **values)
    app = create_app(library)
    add_evaluation(app, Path("no-report.json"))
    add_sign_in(app)

    @app.get("/broken")
    def broken() -> None:
        raise RuntimeError("secret")

    transport = httpx.ASGITransport(mount_page(app, library.live), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=base) as client:
        yield client


async def test_every_response_has_them_and_names_no_software(engine: Engine) -> None:
    async with opened(engine) as client:
        answers = {
            path: await client.get(path)
            for path in (
                *("/", "/login", "/evaluation", "/docs", "/config", "/favicon.ico", "/theme.css"),
                *("/health/live", "/documents", "/ask", "/nowhere", "/broken"),
            )
        }
        answers["rebound"] = await client.get("/", headers={"host": "evil.example"})
        answers["large"] = await client.post("/ask", content=b"x" * 100_000)
    for path, answer in answers.items():
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "frame-ancestors" in headers["content-security-policy"]
        assert {"server", "x-powered-by", "strict-transport-security"}.isdisjoint(headers)
        assert not any(name.startswith("access-control") for name in headers)
    policies = {path: answer.headers["content-security-policy"] for path, answer in answers.items()}
    assert policies["/"] == policies["/docs"] == PAGE_POLICY
    assert policies["/documents"] == policies["/broken"] == policies["rebound"] == DATA_POLICY
    assert "script-src" not in policies["/login"]
    assert "default-src 'none'" in policies["/login"]
    assert answers["/broken"].status_code == 500


async def test_only_over_https_browsers_are_held_to_it(engine: Engine, tmp_path: Path) -> None:
    state = str(tmp_path / "state.sqlite")
    key = key_for(changed(engine, state=state), Scope.ASK)
    async with opened(engine, "https://127.0.0.1", state=state) as client:
        assert (await client.get("/health/live")).headers["strict-transport-security"]
        origin = {"origin": "https://127.0.0.1"}
        entered = await client.post("/login", data={"key": key}, headers=origin)
        (session,) = (
            cookie for cookie in entered.headers.get_list("set-cookie") if COOKIE in cookie
        )
        assert "Secure" in session


def preflight(origin: str) -> dict[str, str]:
    return {
        "origin": origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type",
    }


@pytest.mark.parametrize("path", ["/ask", "/gradio_api/queue/join", "/config", "/login"])
async def test_no_other_site_reads_anything(engine: Engine, path: str) -> None:
    for host in ("127.0.0.1", "kota.example"):
        async with opened(engine, f"http://{host}", allowed_hosts="kota.example") as client:
            asked = await client.options(path, headers=preflight("http://evil.example"))
            read = await client.get(path, headers={"origin": "http://evil.example"})
        for response in (asked, read):
            assert "access-control-allow-origin" not in response.headers
            assert "access-control-allow-credentials" not in response.headers


async def test_a_site_that_is_named_may_ask_with_a_key(engine: Engine, tmp_path: Path) -> None:
    values = {"state": str(tmp_path / "state.sqlite"), "cors_origins": PORTAL}
    key = key_for(changed(engine, **values), Scope.ASK)
    async with opened(engine, **values) as client:
        allowed = await client.options("/ask", headers=preflight(PORTAL))
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == PORTAL
        assert "access-control-allow-credentials" not in allowed.headers
        refused = await client.post("/ask", headers={"origin": PORTAL})
        assert refused.status_code == 401
        assert refused.headers["access-control-allow-origin"] == PORTAL
        found = await client.get("/documents", headers={"origin": PORTAL, **bearer(key)})
        assert found.headers["access-control-allow-origin"] == PORTAL
        for other in ("http://portal.example", "https://portal.example.evil", "null"):
            response = await client.get("/documents", headers={"origin": other, **bearer(key)})
            assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "null",
        "portal.example",
        "https://portal.example/",
        "https://portal.example/x",
        "https://Portal.example",
        "https://rini@portal.example",
        "ftp://portal.example",
    ],
)
def test_an_origin_is_exact(origin: str) -> None:
    with pytest.raises(SettingsError, match="cors_origins"):
        load_settings(cors_origins=origin)


def test_the_server_names_itself_in_no_header() -> None:
    assert make_config(None, Settings()).server_header is False
