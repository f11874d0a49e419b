"""The metrics of one application, in a registry of its own.

Labels have few values, whatever people ask or send: `docs/observing.md` lists them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from citydip_rag.observing.facts import FactsCollector, IndexFacts, JobFacts

_STEPS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 120)
"""Seconds: a search takes a few hundredths, a language model up to `llm_total_seconds`."""
_RUNS: Final = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)
"""Seconds that indexing takes, from a file to an archive."""


class Metrics:
    """What is counted and timed.

    Attributes:
        collectors: holds all of them, and those of the process.
    """

    def __init__(self) -> None:
        """Begin at zero."""
        self.collectors = CollectorRegistry()
        own: Any = {"registry": self.collectors}
        self.questions = Counter(
            "citydip_questions",
            "Questions, by what became of them.",
            ("route", "outcome", "error", "language", "generator"),
            **own,
        )
        self.in_progress = Gauge(
            "citydip_questions_in_progress", "Questions being answered.", **own
        )
        self.waiting = Gauge(
            "citydip_questions_waiting", "Questions that wait to be answered.", **own
        )
        self.seconds = Histogram(
            "citydip_question_duration_seconds",
            "From the question to the whole answer.",
            ("route", "outcome"),
            buckets=_STEPS,
            **own,
        )
        self.stages = Histogram(
            "citydip_stage_duration_seconds",
            "Time in one step of answering; `verify` is a part of `generate`.",
            ("stage",),
            buckets=_STEPS,
            **own,
        )
        self.first = Histogram(
            "citydip_first_event_seconds",
            "From the question to the first event of a kind.",
            ("event",),
            buckets=_STEPS,
            **own,
        )
        self.claims = Counter(
            "citydip_claims",
            "Sentences of answers, by what became of them.",
            ("policy", "fate"),
            **own,
        )
        self.model_failures = Counter(
            "citydip_model_failures",
            "Answers during which a language model failed.",
            ("error",),
            **own,
        )
        self.requests = Counter(
            "citydip_http_requests",
            "HTTP requests answered.",
            ("method", "route", "status"),
            **own,
        )
        self.request_seconds = Histogram(
            "citydip_http_request_duration_seconds",
            "From the request to the end of its response.",
            ("method", "route"),
            buckets=_STEPS,
            **own,
        )
        self.requests_in_progress = Gauge(
            "citydip_http_requests_in_progress", "HTTP requests being answered.", **own
        )
        self.runs = Counter(
            "citydip_indexing_runs", "Runs of indexing that ended.", ("outcome",), **own
        )
        self.run_seconds = Histogram(
            "citydip_indexing_duration_seconds",
            "Time that a run of indexing took.",
            buckets=_RUNS,
            **own,
        )
        Info("citydip_build", "The program.", **own).info({"version": version("citydip-rag")})
        ProcessCollector(**own)
        PlatformCollector(**own)
        GCCollector(**own)

    def follow(self, index: Callable[[], IndexFacts], job: Callable[[], JobFacts]) -> None:
        """Tell of the index and its making, as they are when somebody scrapes."""
        self.collectors.register(FactsCollector(index, job))

    def exposition(self, accept: str) -> tuple[bytes, str]:
        """All metrics as Prometheus reads them, and the content type.

        Args:
            accept: formats that the scraper takes, as the HTTP header has them.
        """
        try:
            encoder, content_type = choose_encoder(accept)
        except TypeError:  # of a version that is no number
            encoder, content_type = choose_encoder("")
        return encoder(self.collectors), content_type
