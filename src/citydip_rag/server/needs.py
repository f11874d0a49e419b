"""What a route needs of whoever asks: nothing, a scope, or a scope and a share of the questions.

A need is said once, beside the route, and holds before the body is read:

    @router.get("/metrics", dependencies=[requires(Scope.ADMIN)])

An application that is mounted is named where it is mounted:

    protect(app, "/mcp", Asks())

What says nothing needs `admin`.
"""

# No postponed annotations here: FastAPI reads those of an object that is called as they stand.

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, FastAPI, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import RouteContext, iter_route_contexts
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPBearer
from starlette.requests import HTTPConnection
from starlette.routing import Match
from starlette.types import Scope as Asked

from citydip_rag.access import Principal, Scope, Visitor, visitor_of
from citydip_rag.errors import MissingScopeError, UnauthenticatedError
from citydip_rag.server.credentials import COOKIE, KEY_HEADER
from citydip_rag.server.guard import check_change
from citydip_rag.server.problems import ANYWHERE, problems

ACCESS_PROBLEMS: Final = {
    **ANYWHERE,
    **problems(
        {
            401: "A key is needed, or the one that was sent is not valid",
            403: "The key does not open this",
            503: "The database of keys does not answer",
            429: "There were too many; `Retry-After` says when to try again",
        }
    ),
}
"""For the `responses` of routes that need something."""

_PAGES: Final = (
    *("/", "/docs", "/docs/oauth2-redirect", "/redoc", "/static-offline-docs", "/openapi.json"),
)
_KEY: Final = "A key that `citydip keys add` made."
_bearer = HTTPBearer(auto_error=False, description=_KEY)
_header = APIKeyHeader(name=KEY_HEADER, auto_error=False, description=_KEY)
_cookie = APIKeyCookie(name=COOKIE, auto_error=False, description="Of the page, after signing in.")


class Need(Protocol):
    """What is needed of a visitor."""

    def check(self, connection: HTTPConnection, visitor: Visitor) -> None:
        """Refuse who has it not, with an error of ours."""
        ...

    def share(self, visitor: Visitor) -> AbstractContextManager[None]:
        """What the request takes of what is limited, while it lasts; refuses if there is none."""
        ...


class Open:
    """Nothing: nobody looks who asks, so that it is answered whatever else fails."""

    def check(self, connection: HTTPConnection, visitor: Visitor) -> None:
        """Refuse nobody."""

    def share(self, visitor: Visitor) -> AbstractContextManager[None]:  # noqa: ARG002  # the seam
        """Nothing is limited."""
        return nullcontext()

    def __call__(self, connection: HTTPConnection) -> Principal:
        """Who asks, as a FastAPI dependency."""
        return _visitor(connection).principal


class Anyone(Open):
    """Nothing, but who asks may be told more."""


class Requires:
    """A scope."""

    def __init__(self, scope: Scope) -> None:
        """Need this scope, or `admin`."""
        self.scope = scope

    def check(self, connection: HTTPConnection, visitor: Visitor) -> None:  # noqa: ARG002  # the seam
        """Refuse who may not.

        Raises:
            UnauthenticatedError: nobody knows who asks.
            MissingScopeError: their key does not open this.
        """
        if visitor.principal.may(self.scope):
            return
        if visitor.principal.id:
            raise MissingScopeError(
                f"This key does not have the scope `{self.scope}`.",
                "Use one that has; whoever runs this server makes it with:"
                f" citydip keys add NAME --scope {self.scope}",
            )
        raise UnauthenticatedError(
            "This needs a key.",
            "Send it as: Authorization: Bearer KEY. Whoever runs this server makes keys with:"
            " citydip keys add NAME",
        )

    def share(self, visitor: Visitor) -> AbstractContextManager[None]:  # noqa: ARG002  # the seam
        """Nothing is limited."""
        return nullcontext()

    def __call__(
        self,
        connection: HTTPConnection,
        _bearer: Annotated[object, Security(_bearer)] = None,
        _header: Annotated[object, Security(_header)] = None,
        _cookie: Annotated[object, Security(_cookie)] = None,
    ) -> Principal:
        """Who asks, as a FastAPI dependency; the parameters say in OpenAPI how."""
        visitor = _visitor(connection)
        self.check(connection, visitor)
        return visitor.principal


class Asks(Requires):
    """The scope `ask`, and one of the questions that a key and an address have."""

    def __init__(self) -> None:
        """Need what a question needs."""
        super().__init__(Scope.ASK)

    def share(self, visitor: Visitor) -> AbstractContextManager[None]:
        """One question."""
        return visitor.asking()


class Changes(Requires):
    """The scope `documents`, where documents may be changed at all."""

    def __init__(self) -> None:
        """Need what a change of the documents needs."""
        super().__init__(Scope.DOCUMENTS)

    def check(self, connection: HTTPConnection, visitor: Visitor) -> None:
        """Refuse who may not.

        Raises:
            UnauthenticatedError: nobody knows who asks.
            DocumentsLockedError: says what is missing.
        """
        if not visitor.principal.scopes:
            super().check(connection, visitor)
        settings = connection.scope["app"].state.library.live.current.settings
        check_change(settings, connection, visitor.principal)


def requires(scope: Scope) -> Any:
    """A scope as a FastAPI dependency, which gives a route's function the `Principal`."""
    return Depends(Requires(scope))


def protect(app: FastAPI, path: str, need: Need) -> None:
    """Say what a path needs that is no route of FastAPI's.

    Args:
        app: that has it, or will.
        path: as it was mounted; what is below it needs the same.
        need: what.
    """
    needs: dict[str, Need] = getattr(app.state, "needs", {})
    app.state.needs = {**needs, path.rstrip("/"): need}


def declare_pages(app: FastAPI) -> None:
    """The page and the documentation are for those who may ask."""
    for path in _PAGES:
        protect(app, path, Requires(Scope.ASK))


def need_of(asked: Asked) -> Need:
    """What the route that takes a request needs."""
    app: FastAPI = asked["app"]
    if asked.get("method") == "HEAD":
        asked = {**asked, "method": "GET"}
    of_another_method: RouteContext | None = None
    for route in iter_route_contexts(app.routes):
        match, _ = route.matches(asked)
        if match is Match.FULL:
            return _said(app, route)
        if match is Match.PARTIAL:
            of_another_method = of_another_method or route
    return _UNSAID if of_another_method is None else _said(app, of_another_method)


def _said(app: FastAPI, route: RouteContext) -> Need:
    dependant: Dependant | None = getattr(route, "dependant", None)
    said = next(_needs_in(dependant), None) if dependant is not None else None
    needs: dict[str, Need] = getattr(app.state, "needs", {})
    return said or needs.get((route.path or "").rstrip("/"), _UNSAID)


def _needs_in(dependant: Dependant) -> Iterator[Need]:
    for inner in dependant.dependencies:
        if isinstance(inner.call, Open | Requires):
            yield inner.call
        yield from _needs_in(inner)


def _visitor(connection: HTTPConnection) -> Visitor:
    """Who asks, as the middleware found out; without it nobody is let in."""
    visitor = visitor_of(connection.scope)
    if visitor is None:
        raise UnauthenticatedError("Nobody has looked who asks.", "Add the AccessMiddleware.")
    return visitor


_UNSAID: Final = Requires(Scope.ADMIN)


OPEN: Final = Depends(Open())
"""For the `dependencies` of routes that everybody may use."""
READS: Final = requires(Scope.ASK)
ASKS: Final = Depends(Asks())
CHANGES: Final = Depends(Changes())
AnyoneDep = Annotated[Principal, Depends(Anyone())]
ReaderDep = Annotated[Principal, READS]
