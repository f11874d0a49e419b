"""Every request is looked at here first: who sends it, and whether they may have what they ask."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import Final

from fastapi.routing import iter_route_contexts
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from citydip_rag.access import Access, Visitor, claimed_id
from citydip_rag.errors import CitydipError, UnauthenticatedError
from citydip_rag.observing import current
from citydip_rag.server.credentials import check_origin, sent_with
from citydip_rag.server.needs import Anyone, Need, Open, need_of
from citydip_rag.server.observing import UNMATCHED, method_of
from citydip_rag.server.problems import refusal_of

SIGN_IN: Final = "/login"
"""Where a browser is sent that shows no key, if the application has such a route."""
SIGN_OUT: Final = "/logout"
_CHANGES_NOTHING: Final = {"GET", "HEAD", "OPTIONS"}
_POLICY_VIOLATION: Final = 1008

logger = logging.getLogger(__name__)


class AccessMiddleware:
    """Refuses what a request may not have, before its body is read."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Wrap an application whose routes say what they need."""
        self.app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand on what may be had, with the visitor in its state."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        with ExitStack() as shares:
            try:
                need = need_of(scope)
                visitor = await self._visitor(connection, need)
                scope.setdefault("state", {}).update(visitor=visitor, principal=visitor.principal)
                need.check(connection, visitor)
                shares.enter_context(need.share(visitor))
            except CitydipError as error:
                log_refusal(connection, error)
                await _refuse(connection, error, receive, send)
                return
            await self.app(scope, receive, send)

    async def _visitor(self, connection: HTTPConnection, need: Need) -> Visitor:
        address = _address(connection)
        if isinstance(need, Open) and not isinstance(need, Anyone):
            return self._access.nobody(address)
        try:
            visitor = await self._access.visitor(sent_with(connection), address)
        except CitydipError:
            if isinstance(need, Anyone):
                return self._access.nobody(address)
            raise
        if visitor.principal.signed_in and connection.scope.get("method") not in _CHANGES_NOTHING:
            check_origin(connection)
        return visitor


async def _refuse(
    connection: HTTPConnection, error: CitydipError, receive: Receive, send: Send
) -> None:
    if connection.scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _POLICY_VIOLATION})
        return
    signs_in = isinstance(error, UnauthenticatedError) and _can_sign_in(connection)
    response = _to_sign_in(connection) if signs_in else refusal_of(error)
    await response(connection.scope, receive, send)


def _can_sign_in(connection: HTTPConnection) -> bool:
    """Whether a person looks at this, who can be shown where to enter a key."""
    scope = connection.scope
    wants_page = scope["method"] == "GET" and "text/html" in connection.headers.get("accept", "")
    routes = iter_route_contexts(scope["app"].routes)
    return wants_page and any(route.path == SIGN_IN for route in routes)


def _to_sign_in(connection: HTTPConnection) -> Response:
    root = connection.scope.get("root_path", "")
    return RedirectResponse(root + SIGN_IN, 303, {"Cache-Control": "no-store"})


def _address(connection: HTTPConnection) -> str:
    return connection.client.host if connection.client else ""


def log_refusal(connection: HTTPConnection, error: CitydipError) -> None:
    """Tell of a refusal: of a key no more than its id, and of a path no more than its route."""
    scope, observed = connection.scope, current()
    visitor = scope.get("state", {}).get("visitor")
    key = visitor.principal.id if visitor else ""
    told = {
        "reason": error.slug,
        "key": key or _claimed(connection),
        "address": _address(connection),
        "method": method_of(scope) if scope["type"] == "http" else "WEBSOCKET",
        "route": observed.route if observed else UNMATCHED,
    }
    logger.warning(
        "refused %(method)s %(route)s to %(address)r, key %(key)r: %(message)s",
        {**told, "message": error.message},
        extra=told,
    )


def _claimed(connection: HTTPConnection) -> str:
    _, _, text = connection.headers.get("authorization", "").partition(" ")
    return claimed_id(text or connection.headers.get("x-api-key", ""))
