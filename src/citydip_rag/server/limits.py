"""Bodies over the limit are refused before they are read into memory."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.problems import Problem

MAX_BODY_BYTES: Final = 64 * 1024
MAX_PAGE_BODY_BYTES: Final = 1024 * 1024
"""For the page's own calls, which carry what the page keeps."""
PAGE_CALLS: Final = "/gradio_api/"
MAX_UPLOAD_BYTES: Final = 512 * 1024 * 1024
"""For files that are sent; each of them has a limit of its own too."""
UPLOADS: Final = "/documents"


class BodyLimitMiddleware:
    """Answers 413 to a larger body, whether or not its length is announced."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a body up to the limit, then hand it on."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        path = own_path(scope)
        if (
            path == UPLOADS and scope["method"] == "POST"
        ):  # goes to disk as it comes; the server holds it to its length
            await self._upload(scope, receive, send)
            return
        of_page = path.startswith(PAGE_CALLS)
        limit = MAX_PAGE_BODY_BYTES if of_page else MAX_BODY_BYTES
        body = await _read(receive, limit)
        if body is None:
            await _too_large(limit)(scope, receive, send)
            return
        await self.app(scope, replay(body, receive), send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on an upload whose length is known and allowed."""
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            problem = Problem(
                type="length-required",
                title="Length Required",
                status=411,
                detail="Send its length.",
            )
            await problem.response()(scope, receive, send)
        elif int(length) > MAX_UPLOAD_BYTES:
            await _too_large(MAX_UPLOAD_BYTES)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def own_path(scope: Scope) -> str:
    """The path below the prefix that a proxy may have put before it."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


def _too_large(limit: int) -> Response:
    return Problem(
        type="body-too-large",
        title="The request is too large",
        status=413,
        detail=f"A request may have {limit // 1024:,} KiB.",
    ).response()


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is over the limit."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":  # the client has gone
            return bytes(body)
        body += message.get("body", b"")
        if len(body) > limit:
            return None
        if not message.get("more_body", False):
            return bytes(body)


def replay(body: bytes, receive: Receive) -> Receive:
    """A receive channel that gives the body once and then what the server has."""
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return pending.pop() if pending else await receive()

    return replay
