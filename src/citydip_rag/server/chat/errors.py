"""Errors below `/v1` in the shape that chat clients know, whoever answers them.

Everything here answers with problem details: routes, limits, the boundary, and what guards them.
This one place turns them into OpenAI's `error` objects, so that none needs to know of it.
"""

from __future__ import annotations

import json
import logging
from typing import Any, Final

from pydantic import BaseModel
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.limits import own_path
from citydip_rag.server.problems import MEDIA_TYPE, TYPE_PREFIX, UNEXPECTED, Problem

ROOT: Final = "/v1/"
_BAD_REQUEST: Final = 400
_TYPES: Final = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}

logger = logging.getLogger(__name__)


class ErrorDetail(BaseModel):
    """What went wrong.

    Attributes:
        message: what happened and what to do.
        type: kind of error by its status.
        param: the field that is wrong, if it is one.
        code: stable name of the kind of problem.
    """

    message: str
    type: str
    param: str | None = None
    code: str | None = None


class ErrorBody(BaseModel):
    """The body of every error below `/v1`."""

    error: ErrorDetail


def error_body(problem: dict[str, Any]) -> dict[str, Any]:
    """A problem as OpenAI's error object."""
    status = int(problem["status"])
    fields = problem.get("errors") or [{}]
    slug = str(problem["type"]).removeprefix(TYPE_PREFIX)
    detail = ErrorDetail(
        message=str(problem["detail"]),
        type=_TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error"),
        param=fields[0].get("field"),
        code=slug.replace("-", "_"),
    )
    return ErrorBody(error=detail).model_dump()


def error_status(status: int) -> int:
    """The status that chat clients expect: what is not valid is a bad request."""
    return _BAD_REQUEST if status == 422 else status


class ChatErrorsMiddleware:
    """Rewrites problem details below `/v1`, and answers there for what nobody foresaw."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application; what is wrapped is answered for."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and rewrite what comes back if it is a problem."""
        if scope["type"] != "http" or not own_path(scope).startswith(ROOT):
            await self.app(scope, receive, send)
            return
        rewriting = _Rewriting(send)
        try:
            await self.app(scope, receive, rewriting)
        except Exception:
            if rewriting.begun:
                raise
            logger.exception("unexpected error")
            await _response(UNEXPECTED)(scope, receive, send)


class _Rewriting:
    """Sends a response on, but for a problem, which is kept until it is whole."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_problem(message):
            self._start = message
        elif self._start is None:
            self.begun = True
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._rewritten(self._start)

    async def _rewritten(self, start: Message) -> None:
        body = b""
        if self._body:  # an answer to HEAD has none
            body = json.dumps(error_body(json.loads(self._body))).encode()
        headers = MutableHeaders(raw=list(start["headers"]))
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body))
        self.begun = True
        await self._send({**start, "status": error_status(start["status"]), "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})


def _is_problem(start: Message) -> bool:
    return Headers(raw=start["headers"]).get("content-type", "").startswith(MEDIA_TYPE)


def _response(problem: Problem) -> JSONResponse:
    return JSONResponse(error_body(problem.content()), problem.status)
