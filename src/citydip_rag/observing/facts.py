"""What is read when somebody scrapes, not counted as it happens: the index and its making."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """The generation that answers.

    Attributes:
        created: seconds since 1970.
    """

    generation: str
    embedding_model: str
    documents: int
    passages: int
    created: float


@dataclass(frozen=True, slots=True)
class JobFacts:
    """The last or present run of indexing.

    Attributes:
        state: one of `states`.
        done, total: how far its stage is.
    """

    state: str
    states: tuple[str, ...]
    done: int
    total: int


class FactsCollector(Collector):
    """Reads the facts anew for every scrape."""

    def __init__(self, index: Callable[[], IndexFacts], job: Callable[[], JobFacts]) -> None:
        """Take them from whoever knows them."""
        self._index = index
        self._job = job

    def collect(self) -> Iterator[Metric]:
        """All of them as gauges."""
        yield from _of_index(self._index())
        yield from _of_job(self._job())

    def describe(self) -> list[Metric]:
        """Nothing in advance: the registry need not read them to learn their names."""
        return []


def _of_index(index: IndexFacts) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "citydip_index_info",
        "Always 1; its labels name the generation that answers.",
        labels=("generation", "embedding_model"),
    )
    info.add_metric((index.generation, index.embedding_model), 1)
    yield info
    yield GaugeMetricFamily("citydip_index_documents", "Documents in the index.", index.documents)
    yield GaugeMetricFamily("citydip_index_passages", "Passages in the index.", index.passages)
    yield GaugeMetricFamily(
        "citydip_index_age_seconds",
        "Since the generation that answers was made.",
        max(0.0, time.time() - index.created),
    )


def _of_job(job: JobFacts) -> Iterator[Metric]:
    state = GaugeMetricFamily(
        "citydip_indexing_state", "1 for the state that indexing is in.", labels=("state",)
    )
    for name in job.states:
        state.add_metric((name,), float(name == job.state))
    yield state
    yield GaugeMetricFamily(
        "citydip_indexing_progress_ratio",
        "Share of the present stage that is done.",
        job.done / job.total if job.total else 0.0,
    )
