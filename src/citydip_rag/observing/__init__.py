"""What the service does, for those who run it: metrics, traces and logs.

Nothing here knows the engine or the server; they tell it what they do. What needs a library of its
own, `metrics`, `observer` and `otel`, is imported by whoever uses it.
"""

from citydip_rag.observing.scope import Scope, calling, current, entered
from citydip_rag.observing.tracing import NO_SPAN, Span, Tracer, open_tracer
from citydip_rag.observing.watching import UNOBSERVED, UNWATCHED, Observer, Watch

__all__ = [
    "NO_SPAN",
    "UNOBSERVED",
    "UNWATCHED",
    "Observer",
    "Scope",
    "Span",
    "Tracer",
    "Watch",
    "calling",
    "current",
    "entered",
    "open_tracer",
]
