"""The API's own answers to what none of its routes takes.

The page is mounted at the root and would else answer for the API, with errors of its own kind.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Final

from fastapi.routing import iter_route_contexts
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.limits import own_path
from citydip_rag.server.problems import Problem

READ_ONLY: Final = "GET"
_OF_THE_PAGE: Final = re.compile(
    r"/(config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|(assets|static|svelte)/.+|"
    r"gradio_api/(app_id|info|startup-events|theme\.css|cancel|reset|run/predict|"
    r"queue/(data|join)|heartbeat/[^/]+))?"
)
"""What the page asks its server for. Gradio has more: it takes files, gives them, fetches addresses
and runs functions of components, none of which the page uses."""

_FAILED: Final = 500
_NO_CALL: Final = Problem(
    type="invalid-request",
    title="The request is not valid",
    status=422,
    detail="Only the page itself calls this; /docs says what programs use.",
)

logger = logging.getLogger(__name__)


class ApiBoundaryMiddleware:
    """Answers 404, 405, HEAD and OPTIONS for every path below the API's roots."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        """Wrap an application whose API consists of these routes."""
        self.app = app
        self.routes = [route for route in routes if isinstance(route, Route)]
        self.roots = {_root(route.path) for route in self.routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what a route takes."""
        if scope["type"] != "http" or _root(own_path(scope)) not in self.roots:
            await self.app(scope, receive, send)
            return
        allowed = self._allowed(scope)
        if scope["method"] in allowed:
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD" and READ_ONLY in allowed:
            await self.app({**scope, "method": READ_ONLY}, receive, _without_body(send))
        elif scope["method"] == "OPTIONS" and allowed:
            await Response(status_code=204, headers=_allow(allowed))(scope, receive, send)
        else:
            await _refusal(allowed)(scope, receive, send)

    def _allowed(self, scope: Scope) -> set[str]:
        """Methods that some route takes at this path; empty where there is no such path."""
        return {
            method
            for route in self.routes
            if route.matches(scope)[0] is not Match.NONE
            for method in route.methods or ()
        }


class PageBoundaryMiddleware:
    """Answers 404 to what Gradio would do and the page never asks for, and 422 where it fails.

    Gradio does not check what stands in a call, and fails on what its own page never sends. The
    page's questions are answered in a queue, so what fails in the call itself is the call.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application at whose root the page is mounted, or is not."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what the page asks for, and what is not the page's."""
        if scope["type"] != "http" or not _is_page(scope):
            await self.app(scope, receive, send)
        elif not _OF_THE_PAGE.fullmatch(own_path(scope)):
            await _refusal(set())(scope, receive, send)
        else:
            await self._call(scope, receive, send)

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        guarded = _Guarded(send)
        try:
            await self.app(scope, receive, guarded)
        except Exception as error:
            if scope["method"] != "POST" or guarded.begun:
                raise
            logger.warning("refused a call of the page's: %s", type(error).__name__)
            logger.debug("it failed with", exc_info=error)
            await _NO_CALL.response()(scope, receive, send)
        else:
            await guarded.give()


class _Guarded:
    """Keeps a 500 back, which Gradio sends before it lets an error through."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._kept: list[Message] = []
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if self._kept or message.get("status") == _FAILED:
            self._kept.append(message)
        else:
            self.begun = True
            await self._send(message)

    async def give(self) -> None:
        """Send what was kept."""
        for message in self._kept:
            await self._send(message)


def _is_page(scope: Scope) -> bool:
    """Whether the application mounted at the root answers, and no route before it."""
    routes = iter_route_contexts(scope["app"].routes)
    answering = next((route for route in routes if route.matches(scope)[0] is Match.FULL), None)
    return answering is not None and not (answering.path or "").strip("/")


def _refusal(allowed: set[str]) -> Response:
    if not allowed:
        return Problem(
            type="http",
            title="Not Found",
            status=404,
            detail="The API has no such path; see /docs.",
        ).response()
    use = " or ".join(sorted(allowed))
    response = Problem(
        type="http", title="Method Not Allowed", status=405, detail=f"Use {use}."
    ).response()
    response.headers.update(_allow(allowed))
    return response


def _allow(methods: set[str]) -> dict[str, str]:
    return {"Allow": ", ".join(sorted(methods))}


def _root(path: str) -> str:
    return path.split("/")[1] if "/" in path else path


def _without_body(send: Send) -> Send:
    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head
