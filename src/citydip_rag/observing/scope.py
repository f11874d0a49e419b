"""For whom something is done: a request, or a question that no request carries.

Found by a context variable, so that threads and tasks which copy their context know it too. It is
set for one step at a time, never across the `yield` of a generator, whose next step may run in
another context.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from citydip_rag.observing.tracing import NO_SPAN, NOTHING, Attributes, Kind, Span

REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""What is taken for a request's id from outside: it goes into logs and back to the caller."""
PAGE: Final = "page"
"""The route of what no request of the API asks: the page's queue does its work by itself."""


@dataclass(slots=True, eq=False)
class Scope:
    """What logs and spans say of the work that goes on.

    Attributes:
        request_id: also in the response.
        route: template of the path, one of few, or `page`.
        key: id of the key that was sent; empty for none.
        problem: kind of the problem that was answered; empty for none.
        span: that what happens next is a part of.
    """

    request_id: str
    route: str = PAGE
    key: str = ""
    problem: str = ""
    span: Span = NO_SPAN


_scope: ContextVar[Scope | None] = ContextVar("citydip_scope", default=None)


def current() -> Scope | None:
    """The scope of the work that goes on here, if it has one."""
    return _scope.get()


@contextmanager
def entered(scope: Scope) -> Iterator[None]:
    """Work for a scope; not to be held across a `yield`."""
    token = _scope.set(scope)
    try:
        yield
    finally:
        _scope.reset(token)


def request_id_of(given: str) -> str:
    """An id for a request: the caller's if it is one, else a new one."""
    return given if REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


@contextmanager
def calling(name: str, attributes: Attributes = NOTHING) -> Iterator[Span]:
    """A span for a call to another server, as a part of the work that goes on here."""
    scope = current()
    span = (scope.span if scope else NO_SPAN).child(name, attributes, kind=Kind.CLIENT)
    try:
        yield span
    except Exception as error:
        span.fail(type(error).__name__)
        raise
    finally:
        span.end()
