"""Whoever means harm is refused, told nothing, logged, and keeps nobody else from being served.

Of the same kind are, elsewhere: slow and idle connections, heads and bodies too large, compressed
bodies (`test_connections.py`); wrong keys, a key of a megabyte, ids of documents, the page's files,
another's conversation (`test_access.py`); names of hosts (`test_hosts.py`); what claims to come
from a proxy (`test_forwarded.py`); files that are sent (`test_documents.py`, `corpus/`).
"""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from pydantic import SecretStr

from citydip_rag import Engine
from citydip_rag.access import Scope
from citydip_rag.live import LiveEngine
from citydip_rag.server.connections import MAX_HEAD_BYTES, Doors, GuardedProtocol
from citydip_rag.serving import build_app
from keyed import UNLIMITED, bearer, changed, key_for
from servers import running

PROBLEM = "application/problem+json"
QUESTION = {"question": "Apa tantangan terbesar diplomasi kota?"}
JSON = {"content-type": "application/json"}
MCP = {**JSON, "accept": "application/json, text/event-stream"}
OWN = "a key that a person made up"
HALF = r"\ud800"
"""Half a character, as JSON can hold it and no text."""


@dataclass(frozen=True)
class Service:
    """A server as it is run, with its page and with keys."""

    address: str
    keys: dict[str, str]

    def client(self, key: str = "admin") -> httpx.Client:
        headers = bearer(self.keys[key]) if key else {}
        return httpx.Client(base_url=self.address, headers=headers, timeout=60)

    def said(self, sent: bytes) -> tuple[bytes, bool]:
        """What comes back on a connection of its own, and whether it is closed then."""
        parts = urlsplit(self.address)
        with socket.create_connection((parts.hostname, parts.port)) as connection:
            connection.settimeout(1)
            connection.sendall(sent)
            said = b""
            try:
                while part := connection.recv(65536):
                    said += part
            except TimeoutError:
                return said, False
            except ConnectionResetError:
                pass
            return said, True


@pytest.fixture(scope="module")
def service(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("hostile")
    library = changed(
        engine,
        state=str(folder / "state.sqlite"),
        api_key=SecretStr(OWN),
        eval_report=Path("no-report.json"),
        trusted_proxies=(),
        **UNLIMITED,
    )
    keys = {name: key_for(library, Scope(name)) for name in ("ask", "admin")}
    keys["other"] = key_for(library, Scope.ASK, name="other")
    app = asyncio.run(_built(library.live))
    protocol = partial(GuardedProtocol, doors=Doors(100, 5))
    with running(
        app, http=protocol, h11_max_incomplete_event_size=MAX_HEAD_BYTES, proxy_headers=False
    ) as address:
        yield Service(address, keys)


async def _built(live: LiveEngine) -> Any:
    """In an event loop, for without one Gradio makes one that nobody closes."""
    return build_app(live.current.settings, live)


@pytest.fixture(autouse=True)
def others_are_served(service: Service, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each attack somebody else is answered, and no log holds a key."""
    caplog.set_level(logging.INFO)
    yield
    with service.client("other") as other:
        assert other.post("/ask", json=QUESTION).json()["citations"]
    for key in service.keys.values():
        assert key.split("_", 2)[2] not in caplog.text
    assert OWN not in caplog.text


def raw(client: httpx.Client, path: str) -> httpx.Response:
    """What comes back for a path as it stands; httpx would resolve its dots."""
    return client.get(httpx.URL(str(client.base_url)).copy_with(raw_path=path.encode()))


@pytest.mark.parametrize("before", ["/v1/models/", "/static/", "/assets/", "/svelte/", "/file="])
@pytest.mark.parametrize(
    "identity",
    ["../../../../etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "/etc/passwd", "%00", "%ff"],
)
def test_no_path_leads_out(service: Service, before: str, identity: str) -> None:
    with service.client() as client:
        response = raw(client, before + identity)
    assert response.status_code in {403, 404}
    assert "root:" not in response.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", f"/gradio_api/file={name}") for name in ("/etc/passwd", "http://127.0.0.1:1/")),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/proxy=https://a.hf.space/"),
        ("GET", "/gradio_api/call/x/y"),
        ("POST", "/gradio_api/call/ask_typed"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/component_server"),
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/openapi.json"),
        ("POST", "/gradio_api/vibe-edit"),
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/pwa_icon/9999"),
        ("GET", "/monitoring"),
        ("POST", "/login/"),
        ("GET", "/logout"),
        ("GET", "/nowhere"),
    ],
)
def test_gradio_does_nothing_that_the_page_never_asks_for(
    service: Service, method: str, path: str
) -> None:
    with service.client() as client:
        response = client.request(method, path)
    assert response.status_code == 404
    assert response.headers["content-type"] == PROBLEM


def test_the_api_says_which_methods_it_takes_beside_the_page(service: Service) -> None:
    with service.client() as client:
        for path in ("/v1/models", "/ask", "/metrics"):
            assert client.request("TRACE", path).status_code == 405


def test_the_page_has_what_it_asks_for(service: Service) -> None:
    with service.client("ask") as client:
        for path in ("/", "/config", "/theme.css", "/favicon.ico", "/gradio_api/info", "/docs"):
            assert client.get(path).status_code == 200, path


@pytest.mark.parametrize(
    "call",
    [
        {"fn_index": 99_999},
        {"fn_index": -1},
        {"fn_index": 0, "trigger_id": "INFINITE"},
        {"fn_index": "x", "data": "INFINITE"},
    ],
)
def test_a_call_that_the_page_never_makes_is_refused(
    service: Service, call: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps({"data": [], "session_hash": "x", **call}).replace('"INFINITE"', "1e999")
    with service.client() as client:
        response = client.post("/gradio_api/queue/join", content=body, headers=JSON)
    assert response.status_code == 422
    assert "Traceback" not in response.text + caplog.text


@pytest.mark.parametrize(
    "body",
    [
        '{"question": ' + "[" * 20_000 + "]" * 20_000 + "}",
        '{"question": "x", "top_k": ' + "9" * 5000 + "}",
        '{"question": "x", "top_k": ' + "9" * 4000 + "}",
        '{"question": "x", "top_k": 1e999}',
        '{"question": "x", "top_k": NaN}',
        '{"question": "x", "__proto__": {"admin": true}, "constructor": {}}',
        '{"question": "x", "documents": ["../../etc/passwd"]}',
        f'{{"question": "{HALF}"}}',
        f'{{"question": "x", "{HALF}": 1}}',
        f'{{"question": "x", "documents": ["{HALF}"]}}',
        f'{{"question": "x", "history": [{{"question": "{HALF}", "answer": "{HALF}"}}]}}',
        '{"question": "x"} {"question": "y"}',
        '[{"question": "x"}]',
        "\udcff",
        "",
    ],
)
def test_json_that_means_harm_is_no_question(service: Service, body: str) -> None:
    sent = body.encode(errors="surrogateescape")
    with service.client() as client:
        for path in ("/ask", "/ask/stream", "/search"):
            response = client.post(path, content=sent, headers=JSON)
            assert response.status_code == 422, path
            assert response.headers["content-type"] == PROBLEM
        assert client.post("/feedback", content=sent, headers=JSON).status_code == 422
        assert client.post("/v1/chat/completions", content=sent, headers=JSON).status_code == 400


def test_of_a_field_sent_twice_the_last_counts_everywhere(service: Service) -> None:
    body = b'{"question": "Berapa penduduk Jakarta?", "question": "Apa itu diplomasi kota?"}'
    with service.client() as client:
        answer = client.post("/ask", content=body, headers=JSON).json()
    assert answer["question"] == "Apa itu diplomasi kota?"


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (f'[{{"type": "text", "text": "apa {HALF} itu diplomasi kota?"}}]', 200),
        ('[{"type": ["text"], "text": "x"}]', 400),
        ('[{"type": "text", "text": {"a": 1}}]', 400),
        ('[{"type": "image_url", "image_url": {"url": "http://127.0.0.1:1/"}}]', 400),
        ('["x"]', 400),
    ],
)
def test_a_chat_message_of_any_shape_is_read_or_refused(
    service: Service, content: str, status: int
) -> None:
    earlier = (
        f'{{"role": "user", "content": "{HALF}"}}, {{"role": "assistant", "content": {content}}}'
    )
    now = f'{{"role": "user", "content": {content}}}'
    with service.client() as client:
        response = client.post(
            "/v1/chat/completions", content=f'{{"messages": [{earlier}, {now}]}}', headers=JSON
        )
    assert response.status_code == status


@pytest.mark.parametrize(
    ("method", "params"),
    [
        *(
            ("resources/read", {"uri": uri})
            for uri in (
                *("citydip://documents/../../../../etc/passwd", "file:///etc/passwd"),
                *("citydip://documents/%2e%2e%2fstate.sqlite", "http://127.0.0.1:1/", ""),
            )
        ),
        *(("resources/list", {"cursor": cursor}) for cursor in ("9" * 5000, "-1", "²", "../x")),
        ("tools/call", {"name": "read_document", "arguments": {"document_id": "../../etc/passwd"}}),
        ("tools/call", {"name": "ask", "arguments": {"question": "x", "documents": "[" * 20_000}}),
        ("tools/call", {"name": "__class__", "arguments": {}}),
    ],
)
def test_no_argument_of_a_tool_leads_out(
    service: Service, method: str, params: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    with service.client() as client:
        response = client.post("/mcp", content=json.dumps(call), headers=MCP)
    told = json.loads(response.text.partition("data: ")[2])
    refused = told.get("error", {}).get("code") == -32602 or told["result"]["isError"]
    assert refused, told
    assert "root:" not in response.text
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("body", ["[" * 20_000, "9" * 5000, "\x00", '{"jsonrpc": "2.0"}', "[]"])
def test_no_message_ends_the_protocol(service: Service, body: str) -> None:
    with service.client() as client:
        assert client.post("/mcp", content=body, headers=MCP).status_code == 400


def test_a_receipt_that_was_made_up_is_unpacked_by_nobody(service: Service) -> None:
    bomb = zlib.compress(b" " * 20_000_000)
    with service.client() as client:
        mine = client.post("/ask", json=QUESTION).json()["receipt"]
        for receipt in (
            urlsafe_b64encode(b"0" * 32 + bomb).decode(),
            mine[:-8] + "AAAAAAAA",
            mine + "AAAA",
            "../../state.sqlite",
            "é",
        ):
            rated = client.post("/feedback", json={"receipt": receipt, "rating": "good"})
            assert rated.status_code == 404


def test_whoever_holds_another_s_receipt_learns_nothing_by_it(service: Service) -> None:
    with service.client("ask") as mine, service.client("other") as other:
        receipt = mine.post("/ask", json=QUESTION).json()["receipt"]
        rated = other.post("/feedback", json={"receipt": receipt, "rating": "good"})
    assert rated.json().keys() == {"id", "rating"}


def test_another_s_conversation_is_not_heard(service: Service) -> None:
    call = {"data": ["x", None, None], "fn_index": 0, "session_hash": "mine"}
    with service.client("ask") as mine, service.client("other") as other:
        joined = mine.post("/gradio_api/queue/join", json=call)
        event = joined.json()["event_id"]
        for path in (
            *("queue/data?session_hash=mine", "heartbeat/mine", "queue/data?session_hash=m%69ne"),
            "queue/data?session_hash=else&session_hash=mine",
        ):
            with other.stream("GET", f"/gradio_api/{path}") as refused:
                assert refused.status_code == 403, path
        assert other.get(f"/gradio_api/call/x/{event}").status_code == 404
        halted = {"session_hash": "mine", "event_id": event, "fn_index": 0}
        assert other.post("/gradio_api/cancel", json=halted).status_code == 403


SMUGGLED = b"GET /documents HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /ask HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        POST + b"Content-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n2d\r\n" + SMUGGLED,
        b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: 4, 5\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: +4\r\n\r\n" + SMUGGLED,
        POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
        POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        b"GET /health/live HTTP/1.1\r\n\r\n" + SMUGGLED,
        b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + SMUGGLED,
        b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\nA: b\x00\r\n\r\n" + SMUGGLED,
        b"GET /health/live\r\n\r\n" + SMUGGLED,
    ],
)
def test_no_request_hides_in_another(service: Service, sent: bytes) -> None:
    said, closed = service.said(sent)
    assert said.startswith(b"HTTP/1.1 400 ")
    assert PROBLEM.encode() in said
    assert closed
    assert said.count(b"HTTP/1.1 ") == 1


def test_no_answer_is_mixed_with_what_follows_it(service: Service) -> None:
    said, closed = service.said(
        b"GET /health/live HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nNONSENSE\r\n\r\n"
    )
    first, _, second = said.partition(b'{"status":"live"}')
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 400 ")
    assert closed


@pytest.mark.parametrize("key", ["", "admin"])
@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_no_other_protocol_is_taken_up(service: Service, key: str, protocol: bytes) -> None:
    authorization = f"Authorization: Bearer {service.keys[key]}\r\n" if key else ""
    said, _ = service.said(
        b"GET /documents HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: "
        + protocol
        + b"\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        + authorization.encode()
        + b"\r\n"
    )
    assert said.startswith(b"HTTP/1.1 200 " if key else b"HTTP/1.1 401 ")


def test_who_a_request_claims_to_come_from_counts_for_nothing(
    service: Service, caplog: pytest.LogCaptureFixture
) -> None:
    claims = {
        "x-forwarded-for": "203.0.113.9",
        "x-forwarded-host": "evil.example",
        "x-forwarded-proto": "https",
        "x-forwarded-prefix": "/evil",
        "x-gradio-server": "https://evil.example",
        "x-real-ip": "203.0.113.9",
        "forwarded": "for=203.0.113.9;host=evil.example",
        "x-original-url": "/health/live",
        "x-http-method-override": "DELETE",
    }
    with service.client("") as stranger, service.client() as client:
        assert stranger.get("/documents", headers=claims).status_code == 401
        told = next(record for record in caplog.records if "refused" in record.message)
        assert told.address == "127.0.0.1"
        for path in ("/", "/config", "/docs"):
            response = client.get(path, headers=claims)
            assert response.status_code == 200
            assert "evil" not in response.text
            assert "strict-transport-security" not in response.headers
        for host in ("evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[", ""):
            assert client.get("/documents", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("key", [HALF, "\\udcff" * 100, "x"])
def test_half_a_character_is_no_key(service: Service, key: str) -> None:
    form = f'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\n{key}\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x; charset=raw_unicode_escape"
    with service.client("") as client:
        response = client.post(
            "/login", content=form, headers={"content-type": kind, "origin": service.address}
        )
    assert response.status_code == 401


@pytest.mark.parametrize(
    "accept",
    ["text/plain;version=a", "application/openmetrics-text;version=x;escaping=\xff", ";;,,", "*"],
)
def test_no_wish_for_a_format_fails(service: Service, accept: str) -> None:
    with service.client() as client:
        sent = [(b"accept", accept.encode("latin-1"))]
        assert client.get("/metrics", headers=sent).status_code == 200
