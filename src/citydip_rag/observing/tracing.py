"""The seam of tracing: spans that record nothing, until traces are switched on.

The names are OpenTelemetry's (https://opentelemetry.io/docs/specs/otel/trace/api/). A span's parent
is always given, never taken from the context: the steps of an async generator run in the contexts
of whoever asks for the next one, which need not be the same.
"""

# ruff: noqa: ARG002  # what does nothing uses nothing
from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from citydip_rag.errors import MissingDependencyError
from citydip_rag.settings import Settings

Attributes = Mapping[str, str | int | float | bool]
NOTHING: Final[Attributes] = {}


class Kind(StrEnum):
    """Which side of a call a span is."""

    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"


class Span:
    """Something that takes time; this one is not recorded.

    Attributes:
        trace_id: 32 hexadecimal digits; empty where nothing is recorded.
    """

    trace_id: str = ""

    def child(
        self,
        name: str,
        attributes: Attributes = NOTHING,
        *,
        kind: Kind = Kind.INTERNAL,
        begun: int | None = None,
    ) -> Span:
        """A span that is a part of this one.

        Args:
            name: one of few.
            attributes: what is known of it.
            kind: which side of a call it is.
            begun: nanoseconds since 1970; default: now.
        """
        return self

    def note(self, attributes: Attributes) -> None:
        """Add to what is known of it."""

    def event(self, name: str, attributes: Attributes = NOTHING) -> None:
        """Something that happens at this moment."""

    def fail(self, error: str) -> None:
        """It comes to nothing.

        Args:
            error: kind of the error, one of few.
        """

    def headers(self) -> dict[str, str]:
        """What to send to another server so that its spans become parts of this one."""
        return {}

    def end(self, ended: int | None = None) -> None:
        """It has ended.

        Args:
            ended: nanoseconds since 1970; default: now.
        """


NO_SPAN: Final = Span()


class Tracer:
    """Begins traces; this one begins none."""

    def begin(
        self,
        name: str,
        attributes: Attributes = NOTHING,
        *,
        kind: Kind = Kind.INTERNAL,
        headers: Mapping[str, str] | None = None,
    ) -> Span:
        """A span without a parent here.

        Args:
            name: one of few.
            attributes: what is known of it.
            kind: which side of a call it is.
            headers: may name the caller's span, as W3C Trace Context has it
                (https://www.w3.org/TR/trace-context/).
        """
        return NO_SPAN

    def close(self) -> None:
        """Send what has not been sent; blocks for a few seconds at most."""


def open_tracer(settings: Settings) -> Tracer:
    """The tracer that the settings ask for.

    Raises:
        MissingDependencyError: traces are switched on, and OpenTelemetry is not installed.
    """
    if not settings.traces:
        return Tracer()
    try:
        from citydip_rag.observing.otel import OtelTracer
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "Traces are switched on, and OpenTelemetry is not installed.",
            "pip install 'citydip-rag[otel]'",
        ) from error
    return OtelTracer.exporting()
