"""What a proxy in front of the server says of a request: who sent it, and under which path.

Only proxies that the settings name are believed; of others' requests these headers are dropped,
so that nothing further in reads them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from citydip_rag.errors import SettingsError
from citydip_rag.settings import Settings
from citydip_rag.values import ROOT_PATH

PREFIX: Final = "x-forwarded-prefix"
_HEARSAY: Final = (b"x-forwarded-", b"x-gradio-server")


class ForwardedMiddleware:
    """Takes client, scheme and path prefix from a proxy, whether or not it strips the prefix."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wrap an application whose settings say which proxies are believed."""
        self.app = app
        self._root_path = settings.root_path
        self._believing = ProxyHeadersMiddleware(
            self._placed,  # type: ignore[arg-type]  # the same protocol under other names
            list(settings.trusted_proxies),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what is meant for the application, as if no proxy stood between."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        client = scope.get("client")
        if (client[0] if client else None) in self._believing.trusted_hosts:
            await self._believing(scope, receive, send)  # type: ignore[arg-type]  # uvicorn has its own
            return
        headers = [(name, value) for name, value in scope["headers"] if not _is_hearsay(name)]
        await self._placed({**scope, "headers": headers}, receive, send)

    async def _placed(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put a request below the prefix."""
        prefix = self._root_path or _prefix_of(scope)
        if not prefix:
            await self.app(scope, receive, send)
        elif scope["path"] == prefix and scope["type"] == "http":  # the page's links need the slash
            query = scope.get("query_string", b"").decode("latin-1")
            await RedirectResponse(f"{prefix}/?{query}".rstrip("?"))(scope, receive, send)
        else:
            await self.app(below(prefix, scope), receive, send)


def below(prefix: str, scope: Scope) -> Scope:
    """A request as ASGI wants it below a prefix: its path begins with `root_path`.

    Args:
        prefix: begins with a slash and does not end with one.
        scope: its path begins with the prefix, or a proxy has taken that away.
    """
    path = scope["path"]
    if path.startswith(f"{prefix}/"):
        return {**scope, "root_path": prefix}
    raw = scope.get("raw_path")
    return {
        **scope,
        "root_path": prefix,
        "path": prefix + path,
        "raw_path": None if raw is None else prefix.encode() + raw,
    }


def check_root_path(root_path: str, routes: Sequence[BaseRoute]) -> None:
    """Refuse a prefix that could be taken for a path of the application's own.

    Raises:
        SettingsError: names the prefix.
    """
    own = {_first(getattr(route, "path", "")) for route in routes}
    if root_path and _first(root_path) in own:
        raise SettingsError(
            f"root_path {root_path!r} begins as a path of this server's own does.",
            "Choose another, such as /citydip.",
        )


def _first(path: str) -> str:
    return path.split("/")[1] if "/" in path else path


def _prefix_of(scope: Scope) -> str:
    """What the proxy says; nothing where that is no path."""
    said = Headers(scope=scope).get(PREFIX, "").rstrip("/")
    return said if re.fullmatch(ROOT_PATH, said) else ""


def _is_hearsay(name: bytes) -> bool:
    return name.startswith(_HEARSAY)
