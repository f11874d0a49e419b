"""Only requests that name this server are answered.

A page of another site can have its own name lead to this machine (DNS rebinding), and would then
read what it likes, as a page of ours. The name it asks for gives it away.
"""

from __future__ import annotations

from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from citydip_rag.access import is_loopback, names_us
from citydip_rag.server.problems import Problem
from citydip_rag.settings import Settings

ANY: Final = "*"


class HostMiddleware:
    """Answers 421 to a foreign `Host`, where the server listens on loopback or names are set."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap an application whose settings say where it listens and what it is called."""
        self.app = app
        self._settings = settings
        listed = settings.allowed_hosts
        self._open = ANY in listed or not (listed or is_loopback(settings.host))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what is meant for this server."""
        if (
            self._open
            or scope["type"] not in {"http", "websocket"}
            or names_us(self._settings, HTTPConnection(scope).headers.get("host", ""))
        ):
            await self.app(scope, receive, send)
            return
        problem = Problem(
            type="foreign-host",
            title="Misdirected Request",
            status=421,
            detail="This server does not answer under that name. Use its own address; whoever"
            " runs it behind a proxy can add the name to CITYDIP_ALLOWED_HOSTS.",
        )
        await problem.response()(scope, receive, send)
