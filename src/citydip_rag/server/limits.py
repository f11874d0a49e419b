"""Bodies too large, too slow, compressed or of two lengths are refused unread."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.problems import Problem, problems
from citydip_rag.settings import Settings

PLAIN: Final = "identity"
"""The name of no encoding (RFC 9110, 12.5.3)."""
MAX_BODY_BYTES: Final = 64 * 1024
MAX_PAGE_BODY_BYTES: Final = 1024 * 1024
"""For the page's own calls, which carry what the page keeps, and for chat clients, which send the
whole conversation each time."""
PAGE_CALLS: Final = "/gradio_api/"
CONVERSATIONS: Final = "/v1/chat/"
MAX_UPLOAD_BYTES: Final = 512 * 1024 * 1024
"""For files that are sent; each of them has a limit of its own too."""
UPLOADS: Final = "/documents"
BODY_PROBLEMS: Final = problems(
    {
        400: "The length of the body is told in two ways",
        408: "The body did not arrive in time",
        413: "The body is too large: it may have 64 KiB, files 512 MiB",
        415: "The body is compressed",
    }
)
"""For the `responses` of routes that take a body."""
SLOWEST_UPLOAD: Final = 64 * 1024
"""Bytes a second that a file comes in at least."""


class LengthMiddleware:
    """Answers 400 to a body whose end is told in two ways, and closes the connection.

    A proxy that goes by the other one would take a part of the body for a request, or a request for
    a part of the body (RFC 9112, 6.1 and 11.2).
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what has one length at most."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        if "content-length" in headers and "transfer-encoding" in headers:
            problem = Problem(
                type="two-lengths",
                title="The length of the request is not clear",
                status=400,
                detail="Send either Content-Length or Transfer-Encoding.",
            )
            await problem.response({"Connection": "close"})(scope, receive, send)
        else:
            await self.app(scope, receive, send)


class BodyLimitMiddleware:
    """Answers 413 to a larger body, announced or not, 408 to a late and 415 to a compressed one.

    A few compressed bytes can stand for gigabytes, so that no limit would hold.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap an application whose settings say how long a body may take."""
        self.app = app
        self._seconds = settings.request_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a body up to the limit, then hand it on."""
        if scope["type"] != "http" or scope["method"] in {"GET", "HEAD", "OPTIONS"}:
            await self.app(scope, receive, send)
            return
        path = own_path(scope)
        if Request(scope).headers.get("content-encoding", PLAIN).lower() != PLAIN:
            await _compressed()(scope, receive, send)
        elif path == UPLOADS and scope["method"] == "POST":
            # Goes to disk as it comes; the server holds it to its length.
            await self._upload(scope, receive, send)
        else:
            large = path.startswith((PAGE_CALLS, CONVERSATIONS))
            limit = MAX_PAGE_BODY_BYTES if large else MAX_BODY_BYTES
            await self._whole(limit, scope, receive, send)

    async def _whole(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Read a body of at most so many bytes, then hand it on; of a client that left nothing."""
        try:
            async with asyncio.timeout(self._seconds):
                body = await _read(receive, limit)
        except TimeoutError:
            await _too_slow()(scope, receive, send)
            return
        except ClientDisconnect:
            return
        if body is None:
            await _too_large(limit)(scope, receive, send)
        else:
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
            seconds = self._seconds + int(length) / SLOWEST_UPLOAD
            await self.app(scope, _until(seconds, receive), send)


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


def _too_slow() -> Response:
    return Problem(
        type="body-late",
        title="The request is not complete",
        status=408,
        detail="The body did not arrive in time; send it again, all at once.",
    ).response()


def _compressed() -> Response:
    response = Problem(
        type="content-encoding",
        title="The request is compressed",
        status=415,
        detail="Send the body as it is, without Content-Encoding.",
    ).response()
    response.headers["Accept-Encoding"] = PLAIN
    return response


def _until(seconds: float, receive: Receive) -> Receive:
    """A receive channel that fails, in the one way that FastAPI lets through, if a body is late."""
    deadline = asyncio.get_running_loop().time() + seconds
    whole = False

    async def receive_in_time() -> Message:
        nonlocal whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, "The file did not arrive in time.") from error
        whole = not message.get("more_body", False)
        return message

    return receive_in_time


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or None as soon as it is over the limit.

    Raises:
        ClientDisconnect: the client left before it was whole.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
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
