"""One question of a reader: shown at once, its answer as it is written, at last as it stands."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import AbstractContextManager, aclosing, nullcontext
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final, Protocol

import gradio as gr

from citydip_rag.admission import Admission
from citydip_rag.errors import CitydipError
from citydip_rag.events import Answered, Checked, Event
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
from citydip_rag.writing import Writing

logger = logging.getLogger(__name__)

_TURNS_KEPT: Final = 100
_SECONDS_BETWEEN_DRAWINGS: Final = 0.12


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

    @property
    def admission(self) -> Admission:
        """Hands out the turns in which questions are answered."""
        ...


@dataclass(frozen=True)
class Unfinished:
    """A question, and its answer as far as it has come."""

    question: str
    writing: Writing = field(default_factory=Writing)

    def as_stopped(self, source: EngineSource) -> str:
        """The turn that is left if nothing more is to come: what has been checked."""
        answer = self.writing.so_far()
        try:
            documents = _documents_behind(source.current, answer) if answer else {}
        except CitydipError:  # a document has gone meanwhile; its quotations stand in the answer
            documents = {}
        return render.stopped(self.question, answer, documents)


@dataclass(frozen=True)
class Kept:
    """What one reader's session holds.

    Attributes:
        turns: finished turns as HTML, oldest first.
        history: their questions and answers, which follow-ups are understood from.
        unfinished: what is being answered.
    """

    turns: tuple[str, ...] = ()
    history: tuple[Turn, ...] = ()
    unfinished: Unfinished | None = None

    def settled(self, source: EngineSource) -> Kept:
        """What remains of it once its reader has stopped the answer that is being written."""
        if self.unfinished is None:
            return self
        return replace(self, unfinished=None).with_turn(self.unfinished.as_stopped(source))

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


async def ask(
    source: EngineSource,
    question: str,
    kept: Kept,
    generator: str | None = None,
    share: AbstractContextManager[None] | None = None,
) -> AsyncIterator[Shown]:
    """Show the question at once, then its answer; a question that cannot be sent stays put.

    Args:
        source: answers.
        question: as it was typed.
        kept: what the reader's session holds.
        generator: who is to answer; None: the first.
        share: of the questions that may be asked; entering it refuses who has had theirs.
    """
    asked = question.strip()
    if hint := _objection(asked):
        yield gr.skip(), kept, gr.skip(), hint
        return
    kept = kept.settled(source)
    unfinished = Unfinished(asked)
    begun = replace(kept, unfinished=unfinished)
    yield "", begun, render.conversation((*kept.turns, render.waiting(asked))), ""
    try:
        engine = source.current
        answer: Answer | None = None
        events = engine.stream(asked, history=kept.history, generator=generator)
        drawing = aclosing(_drawn(events, unfinished, share or nullcontext()))
        async with source.admission.turn(), drawing as drawn:
            async for step in drawn:
                if isinstance(step, Answer):
                    answer = step
                else:
                    yield gr.skip(), begun, render.conversation((*kept.turns, step)), ""
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
    events: AsyncGenerator[Event], unfinished: Unfinished, share: AbstractContextManager[None]
) -> AsyncGenerator[str | Answer]:
    """The turn as the answer grows, at every check and else not too often; at last the answer."""
    writing, last = unfinished.writing, monotonic()
    async with aclosing(events):
        with share:
            async for event in events:
                if isinstance(event, Answered):
                    yield event.answer
                    return
                writing.take(event)
                waited = monotonic() - last >= _SECONDS_BETWEEN_DRAWINGS
                if waited or isinstance(
                    event, Checked
                ):  # for what comes next may be long in coming
                    yield render.writing(unfinished.question, writing)
                    last = monotonic()


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
