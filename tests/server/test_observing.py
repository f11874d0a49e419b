"""Ids, metrics and what they may be: over HTTP, with the real engine."""

from __future__ import annotations

import asyncio
import logging
import random
import string
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.access import Keys, Scope
from citydip_rag.answering import Draft
from citydip_rag.embedding import Embedder
from citydip_rag.errors import GenerationError
from citydip_rag.grounding import Checker
from citydip_rag.library import JobState, Library
from citydip_rag.live import LiveEngine
from citydip_rag.observing import current
from citydip_rag.observing.metrics import Metrics
from citydip_rag.server.app import create_app
from citydip_rag.server.limits import MAX_BODY_BYTES
from citydip_rag.state import State
from citydip_rag.ui.asking import Kept, ask
from citydip_rag.ui.page import mount_page
from scraping import scraped, value
from servers import running

ANSWERED = "Apa tantangan terbesar diplomasi kota?"
ABSTAINED = "Siapa pencipta bahasa Python?"
MINE = "my-request.1"


def own_library(engine: Engine, **changes: object) -> Library:
    """A library of a test's own, over the shipped article."""
    settings = engine.settings.model_copy(update=changes)
    return Library(LiveEngine(Engine(settings, engine.embedder, engine.index, engine.generators)))


def client_of(library: Library, caller: str = "127.0.0.1") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(
        create_app(library), raise_app_exceptions=False, client=(caller, 4711)
    )
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")


@pytest.fixture
async def client(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(own_library(engine)) as made:
        yield made


@pytest.mark.parametrize(
    ("method", "path", "body", "host", "status"),
    [
        ("GET", "/health/live", b"", "127.0.0.1", 200),
        ("HEAD", "/health/live", b"", "127.0.0.1", 200),
        ("OPTIONS", "/ask", b"", "127.0.0.1", 204),
        ("GET", "/nowhere", b"", "127.0.0.1", 404),
        ("GET", "/ask", b"", "127.0.0.1", 405),
        ("POST", "/ask", b"x" * (MAX_BODY_BYTES + 1), "127.0.0.1", 413),
        ("GET", "/health/live", b"", "evil.example", 421),
        ("POST", "/ask", b"{}", "127.0.0.1", 422),
    ],
)
async def test_every_answer_has_the_request_s_id(
    client: httpx.AsyncClient, method: str, path: str, body: bytes, host: str, status: int
) -> None:
    headers = {"X-Request-ID": MINE, "host": host}
    response = await client.request(method, path, content=body, headers=headers)
    assert response.status_code == status
    assert response.headers.get_list("x-request-id") == [MINE]
    if status >= 400:
        assert response.json()["request_id"] == MINE


@pytest.mark.parametrize("given", ["", "a b", "a\tb", "<script>", "a" * 129, "-a", "é"])
async def test_what_is_no_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/health/live", headers={"X-Request-ID": given.encode()})
    made = response.headers["x-request-id"]
    assert made != given
    assert len(made) == 32
    again = await client.get("/health/live", headers={"X-Request-ID": given.encode()})
    assert again.headers["x-request-id"] != made


async def test_an_unexpected_error_has_the_id_and_is_logged_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = own_library(engine)

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(library.live.current, "ask", broken)
    async with client_of(library) as client:
        response = await client.post(
            "/ask", json={"question": "kota"}, headers={"X-Request-ID": MINE}
        )
        assert response.status_code == 500
        assert response.headers["x-request-id"] == MINE
        assert response.json()["request_id"] == MINE
        assert "secret" not in response.text
        assert [r.exc_info is not None for r in caplog.records].count(True) == 1
        samples = await scraped(client)
    assert value(samples, "citydip_http_requests_total", status="500", route="/ask") == 1


async def test_questions_are_counted_by_what_became_of_them(engine: Engine) -> None:
    library = own_library(engine)
    app = mount_page(create_app(library), library.live)
    with running(app) as address:
        async with httpx.AsyncClient(base_url=address, timeout=60) as client:
            for path in ("/ask", "/ask/stream", "/search"):
                response = await client.post(path, json={"question": ANSWERED})
                assert response.status_code == 200
            await client.post("/ask", json={"question": ABSTAINED})
            await client.post("/ask", json={"question": "?!"})
            async for _ in ask(library.live, ANSWERED, Kept()):
                pass
            samples = await scraped(client)
    count = "citydip_questions_total"
    quoted = {"language": "id", "generator": "extractive"}
    for route in ("/ask", "/ask/stream", "page"):
        assert value(samples, count, route=route, outcome="answered", **quoted) == 1
    assert value(samples, count, route="/search", outcome="found") == 1
    assert value(samples, count, route="/ask", outcome="abstained") == 1
    assert value(samples, count, outcome="failed", error="invalid-question") == 1
    assert value(samples, count) == 6
    assert value(samples, "citydip_questions_in_progress") == 0
    assert value(samples, "citydip_claims_total", fate="supported") >= 3
    for stage in ("rewrite", "embed", "retrieve", "rerank", "weigh", "generate", "verify"):
        seen = value(samples, "citydip_stage_duration_seconds_count", stage=stage)
        assert seen >= 3, stage
    assert value(samples, "citydip_first_event_seconds_count", event="retrieval") == 4
    assert value(samples, "citydip_first_event_seconds_count", event="token") == 3
    whole = value(samples, "citydip_question_duration_seconds_sum", route="/ask")
    assert 0 < value(samples, "citydip_stage_duration_seconds_sum", stage="embed") < whole * 6
    assert value(samples, "citydip_http_requests_total", route="/ask", status="200") == 2
    assert value(samples, "citydip_http_requests_total", route="/ask", status="422") == 1
    manifest = library.live.current.index.manifest
    assert value(samples, "citydip_index_passages") == manifest.passages
    assert value(samples, "citydip_index_documents") == manifest.documents
    assert value(samples, "citydip_index_age_seconds") > 0
    assert value(samples, "citydip_index_info", generation=engine.index.generation) == 1
    assert value(samples, "citydip_indexing_state", state="idle") == 1
    assert value(samples, "citydip_indexing_state") == 1
    assert value(samples, "process_resident_memory_bytes") > 10e6


async def test_two_applications_count_for_themselves(engine: Engine) -> None:
    async with client_of(own_library(engine)) as one, client_of(own_library(engine)) as other:
        await one.post("/search", json={"question": ANSWERED})
        counted = [value(await scraped(c), "citydip_questions_total") for c in (one, other)]
    assert counted == [1, 0]


async def test_whatever_paths_are_asked_the_series_are_few(client: httpx.AsyncClient) -> None:
    chance = random.Random(4)  # noqa: S311  # makes words, not secrets

    def word() -> str:
        return "".join(chance.choices(string.ascii_lowercase, k=8))

    before = len(await scraped(client))
    for _ in range(40):
        await client.request(word().upper(), f"/{word()}")
        await client.get(f"/documents/{word()}")
        await client.get(f"/ask/{word()}?{word()}={word()}")
        body = {"question": "a", "generator": word()}
        await client.post("/ask", json=body, headers={"X-Request-ID": word()})
    samples = await scraped(client)
    assert value(samples, "citydip_http_requests_total", route="/documents/{document_id}") == 40
    assert value(samples, "citydip_http_requests_total", route="unmatched") == 80
    assert value(samples, "citydip_http_requests_total", method="other", status="404") == 40
    histogram = 17 + 1  # buckets, count and sum of one more route
    assert len(samples) - before < 8 * histogram


async def test_metrics_are_for_this_machine(engine: Engine) -> None:
    library = own_library(engine, api_key=None)
    async with client_of(library, "10.0.0.9") as far, client_of(library) as near:
        refused = await far.get("/metrics")
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert "citydip_" not in refused.text
        assert (await near.get("/metrics")).status_code == 200
        passed_on = await near.get("/metrics", headers={"X-Forwarded-For": "10.0.0.9"})
        assert passed_on.status_code == 401


async def test_a_key_of_the_scope_admin_opens_the_metrics_from_afar(
    engine: Engine, tmp_path: Path
) -> None:
    state = State.open(tmp_path / "state.sqlite")
    keys = {scope: Keys(state).add(scope.value, [scope]) for scope in Scope}
    state.close()
    library = own_library(engine, state=str(tmp_path / "state.sqlite"))
    async with client_of(library, "10.0.0.9") as far:
        for sent, status in (
            (keys[Scope.ADMIN], 200),
            (keys[Scope.ASK], 403),
            (keys[Scope.ADMIN] + "x", 401),
            ("é", 401),
        ):
            given = {"authorization": f"Bearer {sent}".encode()}
            assert (await far.get("/metrics", headers=given)).status_code == status


async def test_a_scraper_gets_the_format_that_it_takes(client: httpx.AsyncClient) -> None:
    wanted = "application/openmetrics-text;version=1.0.0"
    response = await client.get("/metrics", headers={"accept": wanted})
    assert response.headers["content-type"].startswith("application/openmetrics-text")
    assert response.text.endswith("# EOF\n")
    plain = await client.get("/metrics")
    assert plain.headers["content-type"].startswith("text/plain")


async def test_metrics_are_documented(client: httpx.AsyncClient) -> None:
    told = (await client.get("/openapi.json")).json()["paths"]["/metrics"]["get"]
    assert {"200", "403"} <= told["responses"].keys()
    assert "text/plain" in told["responses"]["200"]["content"]


async def test_indexing_is_counted_and_timed(own_settings: Settings, embedder: Embedder) -> None:
    library = Library(LiveEngine(Engine.open(own_settings, embedder)))
    with library.working():
        async with client_of(library) as client:
            (own_settings.seeds / "baru.txt").write_text("Baru\nKota baru.", encoding="utf-8")
            library.index()
            async with asyncio.timeout(60):
                while library.job.state is JobState.RUNNING:
                    await asyncio.sleep(0.05)
                while not (samples := await scraped(client)) or not value(
                    samples, "citydip_indexing_runs_total"
                ):
                    await asyncio.sleep(0.05)
    assert value(samples, "citydip_indexing_runs_total", outcome="done") == 1
    assert value(samples, "citydip_indexing_duration_seconds_count") == 1
    assert value(samples, "citydip_indexing_state", state="done") == 1
    assert value(samples, "citydip_index_documents") == 2, "of the generation that answers now"


async def test_a_new_generation_is_observed_too(own_settings: Settings, embedder: Embedder) -> None:
    live = LiveEngine(Engine.open(own_settings, embedder))
    async with client_of(Library(live)) as client:
        (own_settings.seeds / "baru.txt").write_text("Baru\nKota baru.", encoding="utf-8")
        await asyncio.to_thread(index_folder, own_settings, embedder)
        assert live.refresh()
        await client.post("/search", json={"question": "kota"})
        assert value(await scraped(client), "citydip_questions_total") == 1


async def test_a_hook_tells_how_many_wait(client: httpx.AsyncClient) -> None:
    metrics: Metrics = client._transport.app.state.observer.metrics
    waiting = [1, 2, 3]
    metrics.waiting.set_function(lambda: float(len(waiting)))
    assert value(await scraped(client), "citydip_questions_waiting") == 3


async def test_a_log_line_of_a_checking_thread_knows_its_request(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []
    check = Checker.check

    def noted(self: Checker, sentence: object) -> object:
        scope = current()
        seen.append((threading.current_thread().name, scope.request_id if scope else ""))
        return check(self, sentence)

    monkeypatch.setattr(Checker, "check", noted)
    async with client_of(own_library(engine)) as client:
        given = {"X-Request-ID": MINE}
        await client.post("/ask/stream", json={"question": ANSWERED}, headers=given)
    assert seen
    assert all(name.startswith("checking") and known == MINE for name, known in seen)


async def test_a_stream_that_fails_half_way_is_logged_as_a_problem(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> AsyncIterator[None]:
        raise GenerationError("It broke.")
        yield  # which makes it a generator

    monkeypatch.setattr(Draft, "write", broken)
    caplog.set_level(logging.INFO, logger="citydip_rag")
    async with client_of(own_library(engine)) as client:
        told = (await client.post("/ask/stream", json={"question": ANSWERED})).text
        samples = await scraped(client)
    assert "event: error" in told
    assert value(samples, "citydip_questions_total", outcome="failed", error="generation") == 1
    problems = [getattr(r, "problem", "") for r in caplog.records if r.name == "citydip_rag.access"]
    assert problems == ["generation", ""]
