"""`POST /mcp`: the protocol over HTTP, each request for itself."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from citydip_rag.errors import MissingDependencyError
from citydip_rag.library import Library
from citydip_rag.server.limits import MAX_BODY_BYTES
from citydip_rag.server.mcp.loading import mcp_server
from citydip_rag.server.problems import Problem, problem_of

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

PATH: Final = "/mcp"
_NOT_IMPLEMENTED: Final = 501
_STARTING: Final = Problem(
    type="starting", title="Starting", status=503, detail="The server starts. Ask again."
)
_FOREIGN: Final = Problem(
    type="foreign-origin",
    title="Forbidden",
    status=403,
    detail="A page of another site may not use this server.",
)

logger = logging.getLogger(__name__)


class McpEndpoint:
    """Serves the protocol for as long as the application runs.

    No session is kept: a request says all it needs, and any of several servers can answer it. That
    is also why there is no stream to listen on, and `POST` is the only method. Which host may be
    asked for is `HostMiddleware`'s to say; pages of other sites are refused here, as the protocol
    demands.
    """

    def __init__(self, library: Library) -> None:
        """Serve a library; without the protocol's own library, say that it is missing."""
        self._manager: StreamableHTTPSessionManager | None = None
        self._absence = _STARTING
        try:
            self._server = mcp_server(library)
        except MissingDependencyError as error:
            logger.warning("there is no /mcp: %s", error)
            self._absence = problem_of(error).model_copy(update={"status": _NOT_IMPLEMENTED})

    @property
    def route(self) -> Route:
        """Where it stands."""
        return Route(PATH, self, methods=["POST"])

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Answer for as long as the context lasts."""
        if self._absence is not _STARTING:
            yield
            return
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        manager = StreamableHTTPSessionManager(
            self._server, stateless=True, max_request_body_size=MAX_BODY_BYTES
        )
        async with manager.run():
            self._manager = manager
            try:
                yield
            finally:
                self._manager = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if _is_foreign(Headers(scope=scope)):
            await _FOREIGN.response()(scope, receive, send)
        elif self._manager is None:
            await self._absence.response()(scope, receive, send)
        else:
            await self._manager.handle_request(scope, receive, send)


def _is_foreign(headers: Headers) -> bool:
    """Whether a page that did not come from here sends it; programs name no origin."""
    origin = headers.get("origin")
    try:
        return origin is not None and urlsplit(origin).netloc != headers.get("host")
    except ValueError:  # no address at all
        return True
