"""Which key opens which route, on a real server; and those who try without."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from citydip_rag import Engine, Settings
from citydip_rag.access import Keys, Principal, Scope, claimed_id
from citydip_rag.access.recent import SECONDS
from citydip_rag.embedding import Embedder
from citydip_rag.evaluation_page import add_evaluation
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server import conversations
from citydip_rag.server.app import create_app
from citydip_rag.server.credentials import COOKIE
from citydip_rag.server.needs import OPEN, Asks, protect, requires
from citydip_rag.server.problems import install_problem_handlers
from citydip_rag.sign_in_page import SIGNED_IN, add_sign_in
from citydip_rag.ui.page import mount_page
from keyed import bearer, changed, key_for
from servers import running

PROBLEM = "application/problem+json"
QUESTION = {"question": "Apa tantangan terbesar diplomasi kota?"}
HTML = {"accept": "text/html,*/*"}
SCOPES = tuple(Scope)


def built(library: Library) -> FastAPI:
    """All that is served, and routes as others might add them."""
    app = create_app(library)

    @app.get("/forgotten")
    def forgotten() -> str:
        return "secret"

    @app.get("/counted", dependencies=[requires(Scope.ADMIN)])
    def counted() -> str:
        return "secret"

    @app.get("/who")
    def who(asker: Principal = requires(Scope.ASK)) -> str:  # noqa: B008
        return asker.name

    @app.get("/open", dependencies=[OPEN])
    def open_to_all() -> str:
        return "all"

    async def mounted(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"mounted"})

    for path in ("/mounted", "/mounted-and-forgotten"):
        app.mount(path, mounted)
    protect(app, "/mounted", Asks())
    add_evaluation(app, library.live.current.settings.eval_report)
    add_sign_in(app)
    return asyncio.run(_with_page(app, library))


async def _with_page(app: FastAPI, library: Library) -> FastAPI:
    """In an event loop, for without one Gradio makes one that nobody closes."""
    return mount_page(app, library.live)


@pytest.fixture(scope="module")
def library(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Library:
    state = tmp_path_factory.mktemp("keys") / "state.sqlite"
    return changed(engine, state=str(state), eval_report=Path("no-report.json"))


@pytest.fixture(scope="module")
def keys(library: Library) -> dict[str, str]:
    """A key for each scope; none for nobody."""
    return {scope: key_for(library, scope) for scope in SCOPES}


@pytest.fixture(scope="module")
def address(library: Library, keys: dict[str, str]) -> Iterator[str]:
    assert keys, "made before the server looks"
    with running(built(library)) as served:
        yield served


@pytest.fixture
def client(address: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=address, timeout=60) as opened:
        yield opened


ASK, DOCUMENTS, ADMIN = ({scope, Scope.ADMIN} for scope in SCOPES)


@pytest.mark.parametrize(
    ("method", "path", "opened_by"),
    [
        ("GET", "/health/live", {"", *SCOPES}),
        ("HEAD", "/health/ready", {"", *SCOPES}),
        ("GET", "/login", {"", *SCOPES}),
        ("GET", "/open", {"", *SCOPES}),
        ("POST", "/ask", ASK),
        ("POST", "/ask/stream", ASK),
        ("POST", "/search", ASK),
        ("GET", "/ask", ASK),
        ("OPTIONS", "/ask", ASK),
        ("GET", "/documents", ASK),
        ("HEAD", "/documents", ASK),
        ("GET", "/documents/nothing", ASK),
        ("GET", "/documents/nothing/text", ASK),
        ("GET", "/indexing", ASK),
        ("POST", "/documents", DOCUMENTS),
        ("DELETE", "/documents/nothing", DOCUMENTS),
        ("GET", "/", ASK),
        ("GET", "/config", ASK),
        ("GET", "/gradio_api/info", ASK),
        ("POST", "/gradio_api/queue/join", ASK),
        ("POST", "/gradio_api/upload", ASK),
        ("GET", "/favicon.ico", ASK),
        ("GET", "/evaluation", ASK),
        ("GET", "/docs", ASK),
        ("GET", "/openapi.json", ASK),
        ("GET", "/static-offline-docs/swagger-ui.css", ASK),
        ("GET", "/who", ASK),
        ("GET", "/mounted/below", ASK),
        ("GET", "/no-such-path", ASK),
        ("GET", "//documents", ASK),
        ("GET", "/documents/%2e%2e/health/live", ASK),
        ("GET", "/Documents", ASK),
        ("GET", "/counted", ADMIN),
        ("GET", "/forgotten", ADMIN),
        ("GET", "/mounted-and-forgotten/below", ADMIN),
    ],
)
def test_every_route_opens_to_its_scope_and_to_no_other(
    client: httpx.Client, keys: dict[str, str], method: str, path: str, opened_by: set[str]
) -> None:
    for scope in ("", *SCOPES):
        headers = bearer(keys[scope]) if scope else {}
        # As raw as it stands: a client of httpx would resolve the dots.
        url = httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode())
        with client.stream(method, url, headers=headers) as response:
            refused = response.status_code in {401, 403}
            assert refused is (scope not in opened_by), (scope, response.status_code)
            if refused:
                assert response.status_code == (403 if scope else 401)
                assert response.headers["content-type"] == PROBLEM
            if response.status_code == 401:
                assert response.headers["www-authenticate"].startswith("Bearer ")


def test_a_key_travels_in_either_header(client: httpx.Client, keys: dict[str, str]) -> None:
    for headers in (
        bearer(keys["ask"]),
        {"authorization": f"bearer  {keys['ask']}"},
        {"x-api-key": keys["ask"]},
    ):
        asked = client.post("/ask", json=QUESTION, headers=headers)
        assert asked.status_code == 200
        assert asked.json()["citations"]
    assert client.get("/who", headers=bearer(keys["ask"])).json() == "ask"
    assert client.get("/documents", params={"key": keys["ask"]}).status_code == 401


@pytest.mark.parametrize(
    "value",
    [
        "Bearer",
        "Bearer wrong",
        "Basic {key}",
        "{key}",
        "Bearer {key}x",
        "Bearer {key}, Bearer {key}",
        "Bearer {less}",
        "Bearer {upper}",
        "Bearer \xff\xfe",
        "Bearer cdk_000000000000_" + "a" * 43,
        "Bearer " + "x" * 30_000,
    ],
)
def test_what_is_no_valid_key_is_refused_told_and_not_repeated(
    client: httpx.Client,
    keys: dict[str, str],
    value: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    key = keys["ask"]
    sent = value.format(key=key, less=key[:-1], upper=key.upper())
    with caplog.at_level(logging.DEBUG):
        header = (b"Authorization", sent.encode("latin-1"))
        response = client.request("RAHASIA", "/documents/nama-klien/text", headers=[header])
    assert response.status_code in {401, 429}
    assert response.headers["content-type"] == PROBLEM
    secret = key.split("_", 2)[2]
    assert secret[:-1] not in response.text + caplog.text
    (told,) = [record for record in caplog.records if record.message.startswith("refused")]
    assert told.method == "other"
    assert told.route == "/documents/{document_id}/text"
    assert "RAHASIA" not in told.message
    assert "nama-klien" not in told.message
    assert told.address == "127.0.0.1"


@pytest.mark.parametrize(
    "headers",
    [
        [("authorization", "Bearer {ask}"), ("authorization", "Bearer {admin}")],
        [("authorization", "Bearer {ask}"), ("x-api-key", "{admin}")],
        [("x-api-key", "{ask}"), ("x-api-key", "{ask}")],
        [("authorization", "Basic cmluaTo="), ("authorization", "Bearer {ask}")],
    ],
)
def test_of_two_keys_neither_is_believed(
    client: httpx.Client, keys: dict[str, str], headers: list[tuple[str, str]]
) -> None:
    sent = [(name, value.format(**keys)) for name, value in headers]
    response = client.get("/documents", headers=sent)
    assert response.status_code == 401
    assert "More than one key" in response.json()["detail"]


def test_a_key_of_a_megabyte_is_refused_and_others_are_served(
    client: httpx.Client, address: str, keys: dict[str, str]
) -> None:
    host, port = address.removeprefix("http://").split(":")
    head = f"GET /documents HTTP/1.1\r\nhost: {host}:{port}\r\nauthorization: Bearer "
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        try:
            connection.sendall(head.encode() + b"x" * 1_000_000 + b"\r\n\r\n")
            answer = connection.recv(100)
        except ConnectionError:  # it hung up in the middle
            answer = b""
        assert re.match(rb"HTTP/1.1 4\d\d |$", answer)
        assert client.get("/documents", headers=bearer(keys["ask"])).status_code == 200
    form = client.post("/login", data={"key": "x" * 1_000_000})
    assert form.status_code == 413


@pytest.mark.parametrize(
    "identity",
    [
        *("..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2fstate.sqlite", "..\\..\\job.json"),
        *("%00", "state.sqlite", "/etc/passwd", "a" * 8000, "%ff", "' or 1=1 --"),
    ],
)
def test_no_id_is_a_path(client: httpx.Client, keys: dict[str, str], identity: str) -> None:
    for path in (f"/documents/{identity}", f"/documents/{identity}/text"):
        url = httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode().replace(b" ", b"+"))
        response = client.get(url, headers=bearer(keys["admin"]))
        assert response.status_code == 404
        assert response.headers["content-type"] == PROBLEM
        assert client.delete(url, headers=bearer(keys["admin"])).status_code in {404, 405}


@pytest.mark.parametrize("path", ["/etc/passwd", "../../../../etc/passwd", "state.sqlite"])
def test_the_page_gives_no_file_away(client: httpx.Client, keys: dict[str, str], path: str) -> None:
    response = client.get(f"/gradio_api/file={path}", headers=bearer(keys["admin"]))
    assert response.status_code in {403, 404}
    assert "root:" not in response.text


def test_a_stranger_learns_that_it_is_ready_and_no_more(
    client: httpx.Client, keys: dict[str, str]
) -> None:
    assert client.get("/health/ready").json() == {"status": "ready"}
    assert client.get("/health/ready", headers=bearer("wrong")).json() == {"status": "ready"}
    assert client.get("/health/ready", headers=bearer(keys["documents"])).json() == {
        "status": "ready"
    }
    assert client.get("/health/ready", headers=bearer(keys["ask"])).json()["passages"] == 8


def test_a_key_that_asks_may_not_change_and_is_told_so(
    client: httpx.Client, keys: dict[str, str]
) -> None:
    listed = client.get("/documents", headers=bearer(keys["ask"])).json()
    assert (listed["changeable"], listed["locked"]) == (False, "scope")
    identity = listed["documents"][0]["id"]
    for response in (
        client.delete(f"/documents/{identity}", headers=bearer(keys["ask"])),
        client.post("/documents", files={"files": ("a.txt", b"x")}, headers=bearer(keys["ask"])),
    ):
        assert response.status_code == 403
        assert response.json()["type"] == "urn:citydip-rag:documents-locked"
        assert "--scope documents" in response.json()["detail"]
    listed = client.get("/documents", headers=bearer(keys["admin"])).json()
    assert (listed["changeable"], listed["locked"]) == (True, "")
    assert len(listed["documents"]) == 1


def test_a_revoked_and_an_expired_key_are_told_so(client: httpx.Client, library: Library) -> None:
    kept = Keys.open(library.live.current.settings)
    revoked = key_for(library, Scope.ADMIN, name="revoked")
    expired = key_for(library, Scope.ADMIN, name="expired", days=-1)
    kept.revoke(claimed_id(revoked))
    for key, said in ((revoked, "has been revoked"), (expired, "has expired")):
        response = client.get("/documents", headers=bearer(key))
        assert response.status_code == 401
        assert said in response.json()["detail"]
        assert client.post("/login", data={"key": key}, headers=of(client)).status_code == 401


def of(client: httpx.Client, **more: str) -> dict[str, str]:
    """What a browser sends from our own page."""
    return {"origin": str(client.base_url).rstrip("/"), **more}


def sign_in(client: httpx.Client, key: str) -> httpx.Response:
    response = client.post("/login", data={"key": f" {key} "}, headers=of(client))
    assert (response.status_code, response.headers["location"]) == (303, "/")
    return response


def test_a_person_is_shown_where_to_enter_the_key(client: httpx.Client) -> None:
    for path in ("/", "/documents", "/evaluation", "/nowhere"):
        response = client.get(path, headers=HTML)
        assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.post("/ask", headers=HTML).status_code == 401
    page = client.get("/login", headers={"accept-language": "id-ID,id;q=0.9"})
    assert '<html lang="id">' in page.text
    assert '<html lang="en">' in client.get("/login?language=en").text
    assert client.get("/login?language=xx").status_code == 422
    assert "<script" not in page.text
    assert page.headers["cache-control"] == "no-store"


def test_a_sign_in_stands_for_its_key(client: httpx.Client, keys: dict[str, str]) -> None:
    cookies = sign_in(client, keys["ask"]).headers.get_list("set-cookie")
    (session,) = [cookie for cookie in cookies if cookie.startswith(COOKIE)]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(session.split("; "))
    assert "Secure" not in session
    assert keys["ask"] not in str(cookies)
    assert client.get("/", headers=HTML).status_code == 200
    assert client.get("/documents").json()["locked"] == "scope"
    assert client.delete("/documents/x", headers=of(client)).status_code == 403
    assert client.post("/ask", json=QUESTION, headers=of(client)).status_code == 200
    wrong = client.get("/documents", headers=bearer("wrong"))
    assert wrong.status_code in {401, 429}, "a key counts for more than a cookie"
    token = client.cookies[COOKIE]
    left = client.post("/logout", headers=of(client))
    assert (left.status_code, left.headers["location"]) == (303, "/")
    assert {COOKIE, SIGNED_IN}.isdisjoint(client.cookies)
    assert client.get("/documents").status_code == 401
    assert client.get("/documents", headers={"cookie": f"{COOKIE}={token}"}).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site", "origin": "OURS"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "same-origin"}, 404),
        ({"origin": "OURS"}, 404),
    ],
)
def test_another_site_does_nothing_with_our_cookie(
    client: httpx.Client, keys: dict[str, str], headers: dict[str, str], status: int
) -> None:
    sign_in(client, keys["admin"])
    ours = of(client)["origin"]
    sent = {name: value.replace("OURS", ours) for name, value in headers.items()}
    assert client.delete("/documents/x", headers=sent).status_code == status
    if status == 403:
        entered = client.post("/login", data={"key": keys["ask"]}, headers=sent)
        assert (entered.status_code, "set-cookie" in entered.headers) == (403, False)
        assert client.post("/logout", headers=sent).status_code == 403
    assert client.get("/documents").status_code == 200, "still signed in"


def test_a_conversation_is_its_own_key_s(
    client: httpx.Client, keys: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    def used(key: str, method: str, path: str, **more: Any) -> int:
        url = f"/gradio_api/{path}"
        with client.stream(method, url, headers=bearer(keys[key]), **more) as response:
            return response.status_code

    mine = {"session_hash": "rini"}
    assert used("ask", "GET", "queue/data", params=mine) != 403
    for method, path, more in (
        ("GET", "queue/data", {"params": mine}),
        ("GET", "heartbeat/rini", {}),
        ("POST", "queue/join", {"json": {**mine, "data": [], "fn_index": 0}}),
        ("POST", "reset", {"json": {**mine, "event_id": "x"}}),
        ("POST", "queue/join", {"content": b'{"session_hash": "rini", "session_hash": "rini"}'}),
    ):
        assert used("admin", method, path, **more) == 403
        assert "another's" in caplog.text
        caplog.clear()
    assert used("admin", "GET", "queue/data", params={"session_hash": "adi"}) != 403
    assert used("ask", "GET", "queue/data", params={"session_hash": "adi"}) == 403
    assert used("ask", "POST", "queue/join", content=b"[1]") != 403
    assert used("ask", "POST", "reset", json={**mine, "event_id": "x", "fn_index": 0}) != 403


def test_no_number_of_conversations_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversations, "MOST", 3)
    kept = conversations.ConversationMiddleware(FastAPI())
    assert kept._is_own("a", "1")
    for number in range(10):
        assert kept._is_own("a", "1")
        assert kept._is_own(str(number), "1")
    assert not kept._is_own("a", "2")
    assert len(kept._owners) == 3


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "x" * 20_000, "ü", "; drop"])
def test_another_s_session_is_not_guessed(client: httpx.Client, token: str) -> None:
    cookie = f"{COOKIE}={token}".encode()
    assert client.get("/documents", headers=[(b"cookie", cookie)]).status_code == 401


def test_a_wrong_key_is_told_on_the_page_in_its_language(client: httpx.Client) -> None:
    refused = client.post("/login", data={"key": "<b>salah", "language": "id"}, headers=of(client))
    assert refused.status_code in {401, 429}
    assert 'role="alert"' in refused.text
    assert '<html lang="id">' in refused.text
    assert "salah" not in refused.text


def test_openapi_says_how_to_ask_and_what_is_refused(
    client: httpx.Client, keys: dict[str, str]
) -> None:
    schema = client.get("/openapi.json", headers=bearer(keys["ask"])).json()
    assert schema["components"]["securitySchemes"].keys() == {
        *("HTTPBearer", "APIKeyHeader", "APIKeyCookie"),
    }
    for path in ("/ask", "/ask/stream", "/search", "/documents", "/documents/{document_id}"):
        for operation in schema["paths"][path].values():
            assert {"401", "403", "429"} <= operation["responses"].keys()
            assert len(operation["security"]) == 3
    assert "security" not in schema["paths"]["/health/live"]["get"]


def test_questions_are_counted_and_others_served(engine: Engine, tmp_path: Path) -> None:
    library = changed(engine, state=str(tmp_path / "state.sqlite"), key_questions_per_minute=2)
    one, other = (key_for(library, Scope.ASK, name=name) for name in ("satu", "dua"))
    with running(built(library)) as address, httpx.Client(base_url=address) as client:
        for path in ("/ask", "/search"):
            assert client.post(path, json=QUESTION, headers=bearer(one)).status_code == 200
        for path in ("/ask", "/ask/stream", "/search", "/mounted/"):
            response = client.post(path, json=QUESTION, headers=bearer(one))
            assert response.status_code == 429
            assert response.headers["content-type"] == PROBLEM
            assert 1 <= int(response.headers["retry-after"]) <= 30
        assert client.get("/documents", headers=bearer(one)).status_code == 200
        assert client.post("/ask", json=QUESTION, headers=bearer(other)).status_code == 200


def test_a_key_changes_documents_and_is_revoked_under_a_running_server(
    own_settings: Settings, embedder: Embedder
) -> None:
    library = Library(LiveEngine(Engine.open(own_settings, embedder)))
    with running(built(library)) as address, httpx.Client(base_url=address) as client:
        assert client.get("/documents").status_code == 200, "there is no key yet"
        key = key_for(library, Scope.DOCUMENTS)
        time.sleep(SECONDS + 0.1)
        assert client.get("/documents").status_code == 401
        files = {"files": ("baru.txt", b"Isi kota.")}
        assert client.post("/documents", files=files).status_code == 401
        sent = client.post("/documents", files=files, headers=bearer(key))
        assert sent.status_code == 202
        assert (own_settings.seeds / "baru.txt").is_file()
        Keys.open(own_settings).revoke(claimed_id(key))
        time.sleep(SECONDS + 0.1)
        assert client.post("/documents", files=files, headers=bearer(key)).status_code == 401


def test_it_lives_though_the_database_of_keys_is_broken(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "state.sqlite").write_bytes(b"no database at all" * 100)
    library = changed(engine, state=str(tmp_path / "state.sqlite"))
    with running(built(library)) as address, httpx.Client(base_url=address) as client:
        assert client.get("/health/live").status_code == 200
        assert client.get("/health/ready").status_code == 503, "nobody is answered"
        assert client.get("/login").status_code == 200
        assert client.post("/login", data={"key": "x"}, headers=of(client)).status_code == 401
        for path in ("/documents", "/"):
            response = client.get(path)
            assert response.status_code == 503
            assert response.headers["content-type"] == PROBLEM
            assert str(tmp_path) not in response.text


async def test_without_the_entrance_nobody_is_let_in() -> None:
    app = FastAPI()

    @app.get("/secret", dependencies=[requires(Scope.ASK)])
    def secret() -> str:
        return "secret"

    install_problem_handlers(app)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/secret")).status_code == 401


@pytest.mark.usefixtures("keys")
def test_a_socket_is_refused_too(library: Library) -> None:
    app = built(library)
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    scope = {
        "type": "websocket",
        "path": "/mounted",
        "headers": [(b"host", b"127.0.0.1")],
        "query_string": b"",
        "client": ("127.0.0.1", 1),
        "scheme": "ws",
    }
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["websocket.close"]
