"""The API's own answers to what none of its routes takes.

The page is mounted at the root and would else answer for the API, with errors of its own kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.limits import own_path
from citydip_rag.server.problems import Problem

READ_ONLY: Final = "GET"


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
