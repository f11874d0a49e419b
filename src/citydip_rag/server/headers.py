"""What every response tells the browser: to load nothing from elsewhere, and to be framed by none.

The page is Gradio's: it needs inline scripts and styles, and makes functions out of our scripts'
text (`js_on_load`), hence `unsafe-inline` and `unsafe-eval`. What the policy still forbids is that
a page sends anything to another host, or loads anything from one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from citydip_rag.server.credentials import KEY_HEADER

PAGE_POLICY: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
DATA_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"
"""For what is no page: should a browser show it as one, it does nothing."""
_ALWAYS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "SAMEORIGIN",  # for browsers that do not know frame-ancestors
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_ONE_YEAR: Final = "max-age=31536000"
_BANNERS: Final = ("server", "x-powered-by")


class SecurityHeadersMiddleware:
    """Adds them to what has none of its own, and takes away what names the software."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on, and add them to the answer."""
        scheme = scope.get("scheme", "")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                complete(MutableHeaders(scope=message), scheme)
            await send(message)

        await self.app(scope, receive, send_with_headers)


def complete(headers: MutableHeaders, scheme: str) -> None:
    """Add what a response lacks, and take away what names the software."""
    for name in _BANNERS:
        if name in headers:
            del headers[name]
    for name, value in _ALWAYS.items():
        headers.setdefault(name, value)
    page = headers.get("content-type", "").startswith("text/html")
    headers.setdefault("Content-Security-Policy", PAGE_POLICY if page else DATA_POLICY)
    if scheme == "https":
        headers.setdefault("Strict-Transport-Security", _ONE_YEAR)


def allow_origins(app: FastAPI, origins: Sequence[str]) -> None:
    """Let scripts of these origins read answers, and of no others.

    Gradio has a middleware of its own that lets every origin read, with cookies; it steps back
    where it finds this one.
    """
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=("GET", "POST", "DELETE"),
        allow_headers=("Authorization", KEY_HEADER),
        expose_headers=("Retry-After",) if origins else (),
    )
