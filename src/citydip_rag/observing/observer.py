"""What is counted, traced and logged of a question, seen from its events."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Iterator
from contextlib import aclosing, contextmanager
from time import perf_counter, time_ns
from typing import Final

from citydip_rag.errors import CitydipError
from citydip_rag.events import Answered, Checked, Discarded, Event, Retrieved, Written
from citydip_rag.observing.metrics import Metrics
from citydip_rag.observing.scope import PAGE, Scope, current, entered, request_id_of
from citydip_rag.observing.tracing import NO_SPAN, Attributes, Span, Tracer
from citydip_rag.observing.watching import Observer, Watch
from citydip_rag.schema import Answer, SearchResult

TOTAL: Final = "total"
_UNFORESEEN: Final = CitydipError.slug
_FIRSTS: Final = (Retrieved, Written)
"""Events whose first is timed: what was found, and what is written."""

logger = logging.getLogger("citydip_rag.question")


class ServiceObserver(Observer):
    """Counts into metrics and traces with a tracer."""

    def __init__(self, metrics: Metrics, tracer: Tracer, *, text: bool) -> None:
        """Observe one application.

        Args:
            metrics: of the application.
            tracer: of the application.
            text: whether logs and traces hold what was asked and answered.
        """
        self.metrics = metrics
        self.tracer = tracer
        self.text = text

    def question(self, name: str, question: str) -> Watch:
        """Watch a question."""
        return QuestionWatch(self, name, question)

    def indexed(self, outcome: str, seconds: float) -> None:
        """A run of indexing has ended."""
        self.metrics.runs.labels(outcome).inc()
        self.metrics.run_seconds.observe(seconds)

    def close(self) -> None:
        """Send what has not been sent."""
        self.tracer.close()


class QuestionWatch(Watch):
    """Watches one question; what happens between two of its events is one step of its stream."""

    def __init__(self, observer: ServiceObserver, name: str, question: str) -> None:
        """Nothing is counted before the question is worked on."""
        self._observer = observer
        self._metrics = observer.metrics
        self._name = name
        self._question = question
        self._scope = Scope("")
        self._span: Span = NO_SPAN
        self._step: Span = NO_SPAN
        self._part: Span = NO_SPAN
        self._part_ended = 0
        self._begun = 0.0
        self._seen: set[type[Event]] = set()
        self._fates: Counter[str] = Counter()
        self._language = ""
        self._error = ""
        self._outcome = "left"
        self._answer: Answer | None = None

    async def over(self, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The same events, each counted; the scope is entered for one step at a time."""
        with self._watching():
            async with aclosing(events):
                while True:
                    with entered(self._scope):
                        event = await anext(events, None)
                    if event is None:
                        return
                    self._see(event)
                    yield event

    async def of(self, work: Awaitable[SearchResult]) -> SearchResult:
        """The same result, counted."""
        with self._watching(), entered(self._scope):
            result = await work
            self._outcome, self._language = "found", result.language.value
            self._span.note({"citydip.generation": result.generation})
            self._time(result.timings_ms)
            return result

    def step(self, name: str) -> None:
        """A step begins; what is called meanwhile is a part of it."""
        self._end_step()
        self._step = self._scope.span = self._span.child(name)

    def part(self, name: str, seconds: float) -> None:
        """Something within the step took so long."""
        now = time_ns()
        if self._part is NO_SPAN:  # all of a kind are one span, from the first to the last
            self._part = self._step.child(name, begun=now - int(seconds * 1e9))
        self._part_ended = now

    def note(self, attributes: Attributes) -> None:
        """Something is known of the step that goes on."""
        self._step.note(attributes)

    @contextmanager
    def _watching(self) -> Iterator[None]:
        self._begin()
        try:
            yield
        except CitydipError as error:
            self._fail(error.slug)
            raise
        except Exception:
            self._fail(_UNFORESEEN)
            raise
        finally:
            self._end()

    def _begin(self) -> None:
        around = current()
        if around is None or around.route == PAGE:  # whose queue may keep an old request's scope
            around = Scope(request_id_of(""))
        parent = around.span
        known: Attributes = {"citydip.route": around.route}
        if self._observer.text:
            known = {**known, "citydip.question": self._question}
        begin = self._observer.tracer.begin if parent is NO_SPAN else parent.child
        self._span = begin(self._name, known)
        self._scope = Scope(around.request_id, around.route, around.key, span=self._span)
        self._begun = perf_counter()
        self._metrics.in_progress.inc()

    def _see(self, event: Event) -> None:
        kind = type(event)
        if kind in _FIRSTS and kind not in self._seen:
            self._seen.add(kind)
            self._metrics.first.labels(event.name).observe(perf_counter() - self._begun)
        if isinstance(event, Retrieved):
            self._language = event.language.value
        elif isinstance(event, Checked):
            self._check(event)
        elif isinstance(event, Discarded):
            self._fates = Counter(discarded=self._fates.total())
        elif isinstance(event, Answered):
            self._answer = event.answer
            self._outcome = "abstained" if event.answer.abstained else "answered"
            self._language = event.answer.language.value
            self._time(event.answer.timings_ms)

    def _check(self, event: Checked) -> None:
        supported = "supported" if event.claim.supported else "unsupported"
        fate = supported if event.shown else "removed"
        self._fates[fate] += 1
        self._part.event("claim", {"citydip.fate": fate, "citydip.support": event.claim.support})

    def _fail(self, slug: str) -> None:
        """Nothing comes of it, unless the answer was there already."""
        if self._answer is None:
            self._outcome, self._error = "failed", slug
            self._span.fail(slug)

    def _time(self, timings_ms: dict[str, float]) -> None:
        for stage, milliseconds in timings_ms.items():
            if stage != TOTAL:
                self._metrics.stages.labels(stage).observe(milliseconds / 1000)

    def _end(self) -> None:
        seconds = perf_counter() - self._begun
        metrics, answer, route = self._metrics, self._answer, self._scope.route
        generator = answer.generator if answer else ""
        labels = (route, self._outcome, self._error, self._language, generator)
        metrics.in_progress.dec()
        metrics.questions.labels(*labels).inc()
        metrics.seconds.labels(route, self._outcome).observe(seconds)
        if answer is not None:
            self._count(answer)
        self._end_step()
        self._scope.span = self._span
        with entered(self._scope):
            self._log(round(seconds * 1000, 3))
        self._span.note(self._described())
        self._span.end()

    def _count(self, answer: Answer) -> None:
        """What is only counted of whole answers."""
        for fate, number in self._fates.items():
            self._metrics.claims.labels(answer.policy.value, fate).inc(number)
        if answer.failure:
            self._metrics.model_failures.labels(answer.failure).inc()

    def _log(self, milliseconds: float) -> None:
        logger.info(
            "question %s",
            self._outcome,
            extra={**self._told(), "duration_ms": milliseconds, "claims": dict(self._fates)},
        )

    def _described(self) -> Attributes:
        counted = {f"citydip.claims.{fate}": number for fate, number in self._fates.items()}
        return {**{f"citydip.{name}": value for name, value in self._told().items()}, **counted}

    def _told(self) -> dict[str, str | int | float]:
        """What logs and spans say alike."""
        told: dict[str, str | int | float] = {"outcome": self._outcome}
        if self._language:
            told["language"] = self._language
        if self._error:
            told["problem"] = self._error
        if self._answer is not None:
            told |= _of(self._answer)
        if self._observer.text:
            told["question"] = self._question
            if self._answer is not None:
                told["answer"] = self._answer.answer
        return told

    def _end_step(self) -> None:
        self._part.end(self._part_ended)
        self._step.end()
        self._part = self._step = NO_SPAN


def _of(answer: Answer) -> dict[str, str | int | float]:
    told: dict[str, str | int | float] = {
        "generator": answer.generator,
        "model": answer.model,
        "policy": answer.policy.value,
        "generation": answer.generation,
        "confidence": round(answer.confidence, 4),
        "passages": len(answer.passages),
        "citations": len(answer.citations),
    }
    return told | ({"failure": answer.failure} if answer.failure else {})
