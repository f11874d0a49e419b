"""Traces of real questions: kept in memory, and sent to a collector on loopback."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from citydip_rag import Engine
from citydip_rag.errors import MissingDependencyError
from citydip_rag.generation import Generators
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.observing import NO_SPAN, Scope, Tracer, calling, entered, open_tracer
from citydip_rag.observing.otel import OtelTracer
from citydip_rag.server.app import create_app
from citydip_rag.settings import load_settings
from citydip_rag.ui.asking import Kept, ask

sys.path.insert(0, str(Path(__file__).parent.parent / "generation"))
from chat_servers import END, STREAM, Call, event, faulty

from servers import running

QUESTION = "Apa tantangan terbesar diplomasi kota?"
FOLLOWING = "Kenapa?"
TRUE = "Meskipun memiliki banyak keuntungan, diplomasi kota juga menghadapi tantangan."
TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = f"00-{TRACE}-b7ad6b7169203331-01"


class Ended(InMemorySpanExporter):
    """What was ended, as a tree."""

    def named(self, name: str) -> ReadableSpan:
        (span,) = [span for span in self.get_finished_spans() if span.name == name]
        return span

    def tree(self, root: ReadableSpan) -> Any:
        """A span's name, and the trees of its children in the order in which they began."""
        spans = sorted(self.get_finished_spans(), key=lambda s: s.start_time or 0)
        own = root.get_span_context()
        children = [s for s in spans if s.parent and own and s.parent.span_id == own.span_id]
        return (root.name, [self.tree(child) for child in children]) if children else root.name


@pytest.fixture
def kept() -> Ended:
    return Ended()


def tracer_into(kept: Ended) -> OtelTracer:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(kept))
    return OtelTracer(provider)


def own_library(engine: Engine, **changes: object) -> Library:
    settings = engine.settings.model_copy(update=changes)
    own = Engine(settings, engine.embedder, engine.index, Generators(settings))
    return Library(LiveEngine(own))


def client_of(library: Library, tracer: Tracer) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(create_app(library, tracer))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", timeout=60)


@pytest.fixture
async def client(engine: Engine, kept: Ended) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(own_library(engine), tracer_into(kept)) as made:
        yield made


@pytest.mark.parametrize("path", ["/ask", "/ask/stream"])
async def test_a_question_is_a_tree_of_spans_below_the_caller_s(
    client: httpx.AsyncClient, kept: Ended, path: str
) -> None:
    headers = {"traceparent": CALLER, "X-Request-ID": "mine"}
    response = await client.post(path, json={"question": QUESTION}, headers=headers)
    assert response.status_code == 200
    root = kept.named(f"POST {path}")
    steps = ["rewrite", "embed", "retrieve", "rerank", "weigh", ("generate", ["verify"])]
    assert kept.tree(root) == (f"POST {path}", [("answer", steps)])
    assert root.parent is not None
    assert f"{root.parent.span_id:016x}" == CALLER.split("-")[2]
    assert {f"{s.context.trace_id:032x}" for s in kept.get_finished_spans()} == {TRACE}
    assert root.attributes is not None
    assert root.attributes["http.route"] == path
    assert root.attributes["http.response.status_code"] == 200
    assert root.attributes["citydip.request_id"] == "mine"
    answer = kept.named("answer").attributes or {}
    assert answer["citydip.outcome"] == "answered"
    assert answer["citydip.language"] == "id"
    assert answer["citydip.claims.supported"] == len(kept.named("verify").events)
    assert "citydip.generation" in answer
    for span in kept.get_finished_spans():
        assert (span.start_time or 0) <= (span.end_time or 0)
        assert span.status.is_unset


async def test_nothing_that_was_asked_or_written_is_in_a_trace(
    client: httpx.AsyncClient, kept: Ended
) -> None:
    await client.post("/ask", json={"question": QUESTION})
    await client.post("/search", json={"question": QUESTION})
    told = "".join(span.to_json() for span in kept.get_finished_spans())
    assert "extractive" in told
    assert "diplomasi" not in told.lower()


async def test_what_was_asked_is_there_once_it_is_switched_on(engine: Engine, kept: Ended) -> None:
    async with client_of(own_library(engine, observe_text=True), tracer_into(kept)) as client:
        answer = (await client.post("/ask", json={"question": QUESTION})).json()
    attributes = kept.named("answer").attributes or {}
    assert attributes["citydip.question"] == QUESTION
    assert attributes["citydip.answer"] == answer["answer"]


async def test_a_failure_is_an_error_of_the_question_s_span(
    client: httpx.AsyncClient, kept: Ended
) -> None:
    await client.post("/ask", json={"question": "?!"})
    failed = kept.named("answer")
    assert failed.status.status_code.name == "ERROR"
    assert (failed.attributes or {})["error.type"] == "invalid-question"
    assert kept.named("POST /ask").status.is_unset, "the caller's mistake is no error of ours"


async def test_the_model_server_gets_the_context(engine: Engine, kept: Ended) -> None:
    async def script(call: Call, number: int) -> None:
        words = event(QUESTION) if number == 1 else event(f"{TRUE} [1]")
        await call.send(STREAM, words, END)

    async with faulty(script) as server:
        library = own_library(
            engine, generator="openai", llm_base_url=server.address, llm_model="m"
        )
        async with client_of(library, tracer_into(kept)) as client:
            turn = {"question": QUESTION, "answer": TRUE}
            body = {"question": FOLLOWING, "history": [turn]}
            response = await client.post("/ask", json=body, headers={"traceparent": CALLER})
            assert response.json()["generator"] == "openai"
        await library.live.current.generators.aclose()
    calls = [s for s in kept.get_finished_spans() if s.name == "POST /chat/completions"]
    assert len(calls) == len(server.calls) == 2
    parents = {s.context.span_id: s.name for s in kept.get_finished_spans()}
    assert [parents[s.parent.span_id] for s in calls if s.parent] == ["rewrite", "generate"]
    for span, call in zip(calls, server.calls, strict=True):
        sent = call.headers["traceparent"].split("-")
        assert sent[1:3] == [TRACE, f"{span.context.span_id:016x}"]
        assert (span.attributes or {})["gen_ai.request.model"] == "m"


async def test_a_question_of_the_page_is_a_trace_of_its_own(engine: Engine, kept: Ended) -> None:
    library = own_library(engine)
    create_app(library, tracer_into(kept))
    stale = tracer_into(kept).begin("POST page")
    with entered(Scope("old", span=stale)):  # as the page's queue may keep it from its beginning
        async for _ in ask(library.live, QUESTION, Kept()):
            pass
    root = kept.named("answer")
    assert root.parent is None
    assert (root.attributes or {})["citydip.route"] == "page"


async def test_a_stream_that_is_closed_early_ends_its_spans(engine: Engine, kept: Ended) -> None:
    library = own_library(engine)
    create_app(library, tracer_into(kept))
    events = library.live.current.stream(QUESTION)
    await anext(events)
    await asyncio.create_task(events.aclose())  # in another context than the first step
    assert (kept.named("answer").attributes or {})["citydip.outcome"] == "left"
    assert kept.named("generate").end_time is not None


async def test_a_call_that_fails_says_so(kept: Ended) -> None:
    root = tracer_into(kept).begin("work")
    with entered(Scope("a", span=root)), pytest.raises(OSError, match="gone"), calling("call"):
        raise OSError("gone")
    assert (kept.named("call").attributes or {})["error.type"] == "OSError"
    assert "gone" not in kept.named("call").to_json()


def test_off_means_off() -> None:
    assert type(open_tracer(load_settings())) is Tracer
    span = open_tracer(load_settings()).begin("a", headers={"traceparent": CALLER})
    assert span is NO_SPAN
    assert span.child("b") is NO_SPAN
    assert (span.trace_id, span.headers()) == ("", {})
    with calling("c") as call:
        assert call is NO_SPAN


def test_without_the_library_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "citydip_rag.observing.otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingDependencyError, match=r"citydip-rag\[otel\]"):
        open_tracer(load_settings(traces=True))


class Collector(BaseHTTPRequestHandler):
    """Takes spans over OTLP/HTTP."""

    received: list[tuple[str, str, ExportTraceServiceRequest]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        request = ExportTraceServiceRequest.FromString(body)
        self.received.append((self.path, self.headers["x-tenant"], request))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def collecting() -> Iterator[tuple[str, Sequence[tuple[str, str, ExportTraceServiceRequest]]]]:
    handler = type("Own", (Collector,), {"received": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", handler.received
        server.shutdown()


async def test_spans_are_sent_to_a_collector(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with collecting() as (address, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=city")
        monkeypatch.setenv("OTEL_SERVICE_NAME", "kota")
        with running(create_app(own_library(engine, traces=True))) as served:
            async with httpx.AsyncClient(base_url=served, timeout=60) as client:
                await client.post("/ask", json={"question": QUESTION})
        # The server has ended, and has sent what it had.
    assert {path for path, _, _ in received} == {"/v1/traces"}
    assert {tenant for _, tenant, _ in received} == {"city"}
    resources = [r for _, _, request in received for r in request.resource_spans]
    named = {a.key: a.value.string_value for r in resources for a in r.resource.attributes}
    assert named["service.name"] == "kota"
    assert named["service.version"]
    spans = [s.name for r in resources for scope in r.scope_spans for s in scope.spans]
    steps = ["rewrite", "embed", "retrieve", "rerank", "weigh", "generate", "verify"]
    assert sorted(spans) == sorted(["POST /ask", "answer", *steps])


def test_a_collector_that_is_away_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    tracer = open_tracer(load_settings(traces=True))
    tracer.begin("a").end()
    begun = time.monotonic()
    tracer.close()
    assert time.monotonic() - begun < 5
