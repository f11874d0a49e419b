"""One question of a reader: shown at once, its answer as it is written, at last as it stands."""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final, Protocol

import gradio as gr

from citydip_rag.errors import CitydipError
from citydip_rag.events import Answered, Checked, Discarded, Event, Written
from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    MAX_TURN_CHARACTERS,
    MAX_TURNS,
    Answer,
    Document,
    DocumentName,
    Turn,
)
from citydip_rag.ui import render
from citydip_rag.ui.words import both

logger = logging.getLogger(__name__)

_TURNS_KEPT: Final = 100
_SECONDS_BETWEEN_DRAWINGS: Final = 0.12
_MARKERS_AHEAD: Final = re.compile(r"[\s.]*(?:\[[\d, ]*\][\s.]*)*")
_TAIL: Final = 24
"""Characters by which a checked sentence's end is found in what was written."""


class EngineLike(Protocol):
    """What the page needs of an engine; all but `document_names` may raise a `CitydipError`."""

    def stream(
        self, question: str, *, history: Sequence[Turn] = (), generator: str | None = None
    ) -> AsyncGenerator[Event]:
        """What happens while a question is answered; the last event is the answer."""
        ...

    def document(self, document_id: str) -> Document:
        """The document of that identifier, as it was indexed."""
        ...

    def document_names(self) -> dict[str, DocumentName]:
        """What all documents are called, by identifier."""
        ...

    def can_answer(self, question: str) -> bool:
        """Whether it would not abstain."""
        ...


class EngineSource(Protocol):
    """Where each question's engine comes from: the newest one, which the question then keeps."""

    @property
    def current(self) -> EngineLike:
        """The engine to answer the next question with."""
        ...


@dataclass(frozen=True)
class Kept:
    """What one reader's session holds.

    Attributes:
        turns: finished turns as HTML, oldest first.
        history: their questions and answers, which follow-ups are understood from.
    """

    turns: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()

    def with_turn(self, turn: str) -> Kept:
        """One turn more."""
        return replace(self, turns=(*self.turns, turn)[-_TURNS_KEPT:])

    def with_answer(self, answer: Answer) -> Kept:
        """One answer more to understand the next question from."""
        turn = Turn(
            question=answer.standalone or answer.question,
            answer=answer.answer[:MAX_TURN_CHARACTERS],
        )
        return replace(self, history=(*self.history, turn)[-MAX_TURNS:])


Shown = tuple[object, Kept, object, str]
"""What an event changes: the question box, what is kept, the conversation, the hint."""


@dataclass
class Writing:
    """An answer that is being written, as far as it has come.

    Attributes:
        sentences: those that are checked, each with what became of it.
        pending: what no check has reached yet.
    """

    sentences: list[tuple[str, str]] = field(default_factory=list)
    pending: str = ""

    def take(self, event: Event) -> None:
        """Follow what happens."""
        match event:
            case Written():
                self.pending += event.text
            case Checked():
                fate = "backed" if event.citation else "doubtful" if event.shown else "left-out"
                self.sentences.append((event.claim.text, fate))
                self.pending = _after(self.pending, event.claim.text)
            case Discarded():
                self.sentences.clear()
                self.pending = ""
            case _:
                pass


async def ask(
    source: EngineSource, question: str, kept: Kept, generator: str | None = None
) -> AsyncIterator[Shown]:
    """Show the question at once, then its answer; a question that cannot be sent stays put."""
    asked = question.strip()
    if hint := _objection(asked):
        yield gr.skip(), kept, gr.skip(), hint
        return
    # What is kept now is what remains if the reader stops it.
    unfinished = kept.with_turn(render.stopped(asked))
    yield "", unfinished, render.conversation((*kept.turns, render.waiting(asked))), ""
    try:
        engine = source.current
        answer: Answer | None = None
        async with aclosing(_drawn(engine, asked, kept, generator)) as drawn:
            async for step in drawn:
                if isinstance(step, Answer):
                    answer = step
                else:
                    yield gr.skip(), unfinished, render.conversation((*kept.turns, step)), ""
        assert answer is not None  # noqa: S101  # the last step is the answer
        turn = render.answered(asked, answer, _documents_behind(engine, answer))
        done = kept.with_turn(turn).with_answer(answer)
    except CitydipError as error:
        logger.warning("question failed", extra={"slug": error.slug, "status": error.status})
        done = kept.with_turn(render.failed(asked, error.slug))
    except Exception:  # the last boundary before the reader: a trace belongs in the log
        logger.exception("question failed unexpectedly")
        done = kept.with_turn(render.failed(asked, "general"))
    yield gr.skip(), done, render.conversation(done.turns), ""


async def _drawn(
    engine: EngineLike, question: str, kept: Kept, generator: str | None
) -> AsyncGenerator[str | Answer]:
    """The turn as the answer grows, not too often, and at last the answer."""
    writing, last = Writing(), monotonic()
    events = engine.stream(question, history=kept.history, generator=generator)
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answered):
                yield event.answer
                return
            writing.take(event)
            if monotonic() - last >= _SECONDS_BETWEEN_DRAWINGS:
                yield render.writing(question, writing.sentences, writing.pending)
                last = monotonic()


def _after(pending: str, sentence: str) -> str:
    """What was written after a sentence, its markers left out."""
    _, found, rest = pending.partition(sentence[-_TAIL:])
    return _MARKERS_AHEAD.sub("", rest, count=1) if found else ""


def _objection(question: str) -> str:
    """Why a question cannot be sent; empty where it can."""
    if not question:
        return both("ui.empty")
    if len(question) > MAX_QUESTION_CHARACTERS:
        return both("ui.too_long", count=len(question), limit=MAX_QUESTION_CHARACTERS)
    return ""


def _documents_behind(engine: EngineLike, answer: Answer) -> Mapping[str, Document]:
    shown = answer.passages if answer.abstained else answer.citations
    return {name: engine.document(name) for name in dict.fromkeys(s.document_id for s in shown)}
