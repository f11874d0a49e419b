"""Every request has an id, is counted, timed, traced and logged; whoever else answers it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Final

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as AsgiScope

from citydip_rag.library import JobState, Library
from citydip_rag.observing import Scope, Tracer, entered, open_tracer
from citydip_rag.observing.facts import IndexFacts, JobFacts
from citydip_rag.observing.metrics import Metrics
from citydip_rag.observing.observer import ServiceObserver
from citydip_rag.observing.scope import PAGE, request_id_of
from citydip_rag.observing.tracing import Kind
from citydip_rag.server.leaving import CLOSED
from citydip_rag.server.problems import UNEXPECTED

HEADER: Final = "X-Request-ID"
UNMATCHED: Final = "unmatched"
"""The route of what nothing answers; paths that people make up are not told apart."""
_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})

access = logging.getLogger("citydip_rag.access")
logger = logging.getLogger(__name__)


def install_observing(
    app: FastAPI, library: Library, routes: Sequence[BaseRoute], tracer: Tracer | None = None
) -> None:
    """Observe an application and the questions that its library's engine answers.

    The middleware is to be the last one added, so that every answer of the others passes it.

    Args:
        app: gets `state.observer`.
        library: belongs to this application alone.
        routes: of the API.
        tracer: begins the traces; default: the one that the settings ask for.

    Raises:
        MissingDependencyError: traces are switched on, and OpenTelemetry is not installed.
    """
    settings = library.live.current.settings
    observer = ServiceObserver(
        Metrics(), tracer or open_tracer(settings), text=settings.observe_text
    )
    admission = library.live.admission
    observer.metrics.waiting.set_function(lambda: admission.waiting)
    observer.metrics.follow(lambda: _index_facts(library), lambda: _job_facts(library))
    library.live.observe(observer)
    app.state.observer = observer

    def template(scope: AsgiScope) -> str:
        return _template(scope, (*routes, *app.routes))

    app.add_middleware(ObservingMiddleware, observer=observer, template=template)


class ObservingMiddleware:
    """Gives a request its id, and the response too, and tells what became of it."""

    def __init__(
        self, app: ASGIApp, observer: ServiceObserver, template: Callable[[AsgiScope], str]
    ) -> None:
        """Wrap an application.

        Args:
            app: answers.
            observer: is told.
            template: gives the route of a request, one of few.
        """
        self.app = app
        self._observer = observer
        self._template = template

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Hand the request on; an error that nobody caught is answered here, with the id."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = _Request(scope, self._observer, self._template(scope))
        self._observer.metrics.requests_in_progress.inc()
        try:
            with entered(request.scope):
                await self._answer(request, scope, receive, send)
        finally:
            self._observer.metrics.requests_in_progress.dec()
            request.end()

    async def _answer(
        self, request: _Request, scope: AsgiScope, receive: Receive, send: Send
    ) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                request.status = message["status"]
                message.setdefault("headers", [])
                MutableHeaders(scope=message)[HEADER] = request.scope.request_id
            await send(message)

        try:
            await self.app(scope, receive, sending)
        except Exception as error:  # the last boundary before the client
            logger.exception("unexpected error")
            request.scope.span.fail(type(error).__name__)
            if request.status:
                raise  # half a response is out: only breaking the connection off tells so
            await UNEXPECTED.response()(scope, receive, sending)


class _Request:
    """One request, from its first line to the end of its response."""

    def __init__(self, scope: AsgiScope, observer: ServiceObserver, route: str) -> None:
        headers = Headers(scope=scope)
        self.method = method_of(scope)
        self.status = 0
        self._observer = observer
        self._state = scope.setdefault("state", {})
        self._begun = perf_counter()
        span = observer.tracer.begin(
            f"{self.method} {route}",
            {"http.request.method": self.method, "http.route": route},
            kind=Kind.SERVER,
            headers=headers,
        )
        request_id = request_id_of(headers.get(HEADER, ""))
        span.note({"citydip.request_id": request_id})
        self.scope = Scope(request_id, route, span=span)

    def end(self) -> None:
        """Count, log and end the span."""
        seconds = perf_counter() - self._begun
        status, scope = self.status or CLOSED, self.scope
        if status == 404 and scope.route == PAGE:
            scope.route = UNMATCHED
        principal = self._state.get("principal")
        scope.key = principal.id if principal else ""
        metrics = self._observer.metrics
        metrics.requests.labels(self.method, scope.route, str(status)).inc()
        metrics.request_seconds.labels(self.method, scope.route).observe(seconds)
        with entered(scope):
            access.info(
                "%s %s %d",
                self.method,
                scope.route,
                status,
                extra={
                    "method": self.method,
                    "status": status,
                    "duration_ms": round(seconds * 1000, 3),
                    **({"problem": scope.problem} if scope.problem else {}),
                },
            )
        scope.span.note({"http.response.status_code": status})
        if status >= 500:
            scope.span.fail(scope.problem or str(status))
        scope.span.end()


def method_of(scope: AsgiScope) -> str:
    """The method of a request, one of few: people make methods up, too."""
    return scope["method"] if scope["method"] in _METHODS else "other"


def _template(scope: AsgiScope, routes: Sequence[BaseRoute]) -> str:
    """The path as its route has it, with names in place of what differs."""
    for route in routes:
        if not isinstance(route, Route | Mount) or route.matches(scope)[0] is Match.NONE:
            continue
        return route.path or PAGE
    return UNMATCHED


def _index_facts(library: Library) -> IndexFacts:
    index = library.live.current.index
    manifest = index.manifest
    return IndexFacts(
        generation=index.generation,
        embedding_model=manifest.embedding_model,
        documents=manifest.documents,
        passages=manifest.passages,
        created=manifest.created.timestamp(),
    )


def _job_facts(library: Library) -> JobFacts:
    job = library.job
    return JobFacts(job.state.value, tuple(JobState), job.done, job.total)
