"""The API through the library's own in-memory transport, with the real engine."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from citydip_rag import Engine, Language, SearchResult
from citydip_rag.client import AsyncClient
from citydip_rag.library import Library
from citydip_rag.server.app import create_app
from citydip_rag.server.limits import MAX_BODY_BYTES, MAX_PAGE_BODY_BYTES
from citydip_rag.ui.page import mount_page

PROBLEM = "application/problem+json"


@pytest.fixture
async def client(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    # The lifespan is not run: it would close the engine that other tests share.
    transport = httpx.ASGITransport(app=create_app(library))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.fixture
async def typed(library: Library) -> AsyncIterator[AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(library))
    async with AsyncClient("http://127.0.0.1", transport=transport) as opened:
        yield opened


async def test_ask_returns_an_answer(typed: AsyncClient, engine: Engine) -> None:
    answer = await typed.ask("Apa tantangan terbesar diplomasi kota?")
    assert answer.citations
    for citation in answer.citations:
        text = engine.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote


async def test_abstaining_is_an_answer(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json={"question": "Siapa pencipta bahasa Python?"})
    assert response.status_code == 200
    assert response.json()["abstained"] is True
    assert response.json()["citations"] == []


async def test_options_of_ask(typed: AsyncClient, engine: Engine) -> None:
    answer = await typed.ask(
        "Resep donat?", language=Language.ENGLISH, top_k=2, documents=engine.document_ids()
    )
    assert answer.language is Language.ENGLISH
    assert len(answer.passages) == 2


async def test_search_returns_passages_alone(client: httpx.AsyncClient) -> None:
    response = await client.post("/search", json={"question": "perjanjian Paris", "top_k": 3})
    result = SearchResult.model_validate(response.json())
    assert len(result.passages) == 3
    assert "Paris" in result.passages[0].text
    assert "answer" not in response.json()


@pytest.mark.parametrize("path", ["/ask", "/search"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "question"),
        ({"question": ""}, "question"),
        ({"question": "  \n "}, "question"),
        ({"question": "\x00\x07"}, "question"),
        ({"question": "?!"}, "question"),
        ({"question": "a" * 2_001}, "question"),
        ({"question": 7}, "question"),
        ({"question": None}, "question"),
        ({"question": ["a"]}, "question"),
        ({"question": "kota", "top_k": 0}, "top_k"),
        ({"question": "kota", "top_k": 21}, "top_k"),
        ({"question": "kota", "top_k": "5"}, "top_k"),
        ({"question": "kota", "documents": []}, "documents"),
        ({"question": "kota", "documents": ["nowhere"]}, "documents"),
        ({"question": "kota", "nonsense": 1}, "nonsense"),
        ([], "body"),
    ],
)
async def test_bad_input_names_the_field(
    client: httpx.AsyncClient, path: str, body: Any, field: str
) -> None:
    response = await client.post(path, json=body)
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    problem = response.json()
    assert problem["type"].startswith("urn:citydip-rag:invalid-")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert "input" not in str(problem["errors"][0].keys())


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe\x00", b"question=kota"])
async def test_what_is_not_json_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    response = await client.post(
        "/ask", content=content, headers={"content-type": "application/json"}
    )
    assert response.status_code == 422
    assert response.headers["content-type"] == PROBLEM
    assert response.json()["errors"][0]["field"] == "body"


async def test_longest_question_is_answered(client: httpx.AsyncClient) -> None:
    response = await client.post("/ask", json={"question": "k" * 2_000})
    assert response.status_code == 200


@pytest.mark.parametrize("announced", [True, False])
async def test_large_body_is_refused(client: httpx.AsyncClient, *, announced: bool) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b"a" * (MAX_BODY_BYTES // 8)

    content = b"a" * (MAX_BODY_BYTES + 1) if announced else pieces()
    response = await client.post("/ask", content=content)
    assert response.status_code == 413
    assert response.json()["type"] == "urn:citydip-rag:body-too-large"
    assert "64 KiB" in response.json()["detail"]


async def test_unknown_path_and_method_are_problems(client: httpx.AsyncClient) -> None:
    missing = await client.get("/nowhere")
    wrong = await client.get("/ask")
    assert (missing.status_code, wrong.status_code) == (404, 405)
    assert {missing.headers["content-type"], wrong.headers["content-type"]} == {PROBLEM}
    assert wrong.headers["allow"] == "POST"


async def test_health(client: httpx.AsyncClient, typed: AsyncClient, engine: Engine) -> None:
    assert (await client.get("/health/live")).json() == {"status": "live"}
    ready = await typed.ready()
    assert ready.generation == engine.index.generation
    assert (ready.documents, ready.passages) == (1, 8)


async def test_openapi_has_examples_and_problems(client: httpx.AsyncClient) -> None:
    schema = (await client.get("/openapi.json")).json()
    ask = schema["paths"]["/ask"]["post"]
    assert "Indonesian" in ask["requestBody"]["content"]["application/json"]["examples"]
    assert {"200", "413", "422", "502"} <= ask["responses"].keys()
    assert "Answer" in str(ask["responses"]["200"])


async def test_the_docs_load_nothing_from_other_hosts(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    for source in sources:
        assert source.startswith("/")
        assert (await client.get(source)).status_code == 200


async def test_unexpected_error_tells_nothing(
    engine: Engine,
    library: Library,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret at /root/.ssh/key")

    monkeypatch.setattr(engine, "ask", broken)
    transport = httpx.ASGITransport(app=create_app(library), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        response = await client.post("/ask", json={"question": "kota"})
    assert response.status_code == 500
    assert response.headers["content-type"] == PROBLEM
    assert "secret" not in response.text
    assert "secret" in caplog.text


@pytest.fixture
async def whole(library: Library) -> AsyncIterator[httpx.AsyncClient]:
    """API and page together: the page must not answer for the API."""
    app = mount_page(create_app(library), library.live)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as opened:
        yield opened


@pytest.mark.parametrize(
    ("method", "path", "status", "allow"),
    [
        ("HEAD", "/health/ready", 200, None),
        ("HEAD", "/ask", 405, "POST"),
        ("GET", "/search", 405, "POST"),
        ("OPTIONS", "/ask", 204, "POST"),
        ("POST", "/health/live", 405, "GET"),
        ("GET", "/ask/", 404, None),
        ("GET", "/health/nothing", 404, None),
        ("BREW", "/ask", 405, "POST"),
        ("GET", "/mcp", 405, "POST"),
        ("OPTIONS", "/v1/chat/completions", 204, "POST"),
    ],
)
async def test_the_api_answers_for_itself(
    whole: httpx.AsyncClient, method: str, path: str, status: int, allow: str | None
) -> None:
    response = await whole.request(method, path)
    assert response.status_code == status
    assert response.headers.get("allow") == allow
    if status >= 400:
        assert response.headers["content-type"] == PROBLEM
    if method == "HEAD" and status == 200:
        assert response.content == b""
        assert int(response.headers["content-length"]) > 0


async def test_the_page_s_calls_are_bounded_too(whole: httpx.AsyncClient) -> None:
    body = b"x" * (MAX_PAGE_BODY_BYTES + 1)
    response = await whole.post("/gradio_api/queue/join", content=body)
    assert response.status_code == 413
    assert (await whole.get("/")).status_code == 200
