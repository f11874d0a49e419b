"""Spans with OpenTelemetry; this module needs `citydip-rag[otel]`.

Where they are sent, which are kept and what the service is called, the standard variables say:
`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_TRACES_SAMPLER`,
`OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES` and the rest of them
(https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/).
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from threading import Thread
from typing import Final, Self

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import (
    SERVICE_NAME,
    SERVICE_VERSION,
    OTELResourceDetector,
    Resource,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from citydip_rag.observing.tracing import NOTHING, Attributes, Kind, Span, Tracer

NAME: Final = "citydip-rag"
_KINDS: Final = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
}
_CLOSE_SECONDS: Final = 3.0
_W3C: Final = TraceContextTextMapPropagator()


class OtelSpan(Span):
    """A span of OpenTelemetry."""

    def __init__(self, tracer: trace.Tracer, span: trace.Span) -> None:
        """Wrap a span that has begun."""
        self._tracer = tracer
        self._span = span
        self._context = trace.set_span_in_context(span, Context())
        known = span.get_span_context()
        self.trace_id = trace.format_trace_id(known.trace_id) if known.is_valid else ""

    def child(
        self,
        name: str,
        attributes: Attributes = NOTHING,
        *,
        kind: Kind = Kind.INTERNAL,
        begun: int | None = None,
    ) -> Span:
        """A span that is a part of this one."""
        made = self._tracer.start_span(
            name, self._context, _KINDS[kind], attributes=dict(attributes), start_time=begun
        )
        return OtelSpan(self._tracer, made)

    def note(self, attributes: Attributes) -> None:
        """Add to what is known of it."""
        self._span.set_attributes(dict(attributes))

    def event(self, name: str, attributes: Attributes = NOTHING) -> None:
        """Something that happens at this moment."""
        self._span.add_event(name, dict(attributes))

    def fail(self, error: str) -> None:
        """It comes to nothing."""
        self._span.set_attribute("error.type", error)
        self._span.set_status(trace.StatusCode.ERROR)

    def headers(self) -> dict[str, str]:
        """`traceparent`, and `tracestate` where the caller sent one."""
        carrier: dict[str, str] = {}
        _W3C.inject(carrier, self._context)
        return carrier

    def end(self, ended: int | None = None) -> None:
        """It has ended."""
        self._span.end(ended)


class OtelTracer(Tracer):
    """Begins traces with a provider of its own; the process' global one is left alone."""

    def __init__(self, provider: TracerProvider) -> None:
        """Use a provider, which `close` shuts down."""
        self._provider = provider
        self._tracer = provider.get_tracer(NAME, version(NAME))

    @classmethod
    def exporting(cls) -> Self:
        """Send spans over OTLP/HTTP, in the background."""
        known = OTELResourceDetector().detect()
        own = Resource({SERVICE_NAME: NAME, SERVICE_VERSION: version(NAME)})
        resource = Resource.create().merge(own).merge(known)
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    def begin(
        self,
        name: str,
        attributes: Attributes = NOTHING,
        *,
        kind: Kind = Kind.INTERNAL,
        headers: Mapping[str, str] | None = None,
    ) -> Span:
        """A span whose parent, if any, is the caller's."""
        parent = _W3C.extract(headers or {}, Context())
        begun = self._tracer.start_span(name, parent, _KINDS[kind], attributes=dict(attributes))
        return OtelSpan(self._tracer, begun)

    def close(self) -> None:
        """Send what has not been sent; a collector that does not answer is not waited for."""
        closing = Thread(target=self._provider.shutdown, name="citydip-traces", daemon=True)
        closing.start()
        closing.join(_CLOSE_SECONDS)
