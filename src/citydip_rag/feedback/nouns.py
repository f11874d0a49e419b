"""What a rating and a logged question are. Neither says anything of who gave it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import Field

from citydip_rag.questions import without_controls
from citydip_rag.schema import Answer, Frozen, Language, Policy, Span

MAX_COMMENT_CHARACTERS: Final = 1_000


class Rating(StrEnum):
    """What a reader thinks of an answer."""

    GOOD = "good"
    BAD = "bad"


class Reason(StrEnum):
    """What is wrong with an answer."""

    WRONG = "wrong"
    INCOMPLETE = "incomplete"
    QUOTATION = "quotation"
    NOT_IN_DOCUMENTS = "not-in-documents"
    SHOULD_HAVE_ANSWERED = "should-have-answered"


class Quoted(Span):
    """A citation of a rated answer."""

    document_id: str
    quote: str


class GivenAnswer(Frozen):
    """As much of an answer as its rating is kept with.

    Attributes:
        standalone: the question as it was understood from the conversation, where that differs.
    """

    question: str
    standalone: str
    answer: str
    abstained: bool
    language: Language
    citations: tuple[Quoted, ...]
    generator: str
    model: str
    generation: str
    policy: Policy


class Receipt(GivenAnswer):
    """An answer that this service gave.

    Attributes:
        id: of the answer, unlike any other.
        day: on which it was given, in UTC.
    """

    id: str
    day: date

    @classmethod
    def of(cls, answer: Answer, identity: str, day: date) -> Self:
        """For an answer."""
        return cls(
            id=identity,
            day=day,
            question=answer.question,
            standalone=answer.standalone,
            answer=without_controls(answer.answer),  # which PostgreSQL does not keep
            abstained=answer.abstained,
            language=answer.language,
            citations=tuple(
                Quoted(document_id=c.document_id, start=c.start, end=c.end, quote=c.quote)
                for c in answer.citations
            ),
            generator=answer.generator,
            model=answer.model,
            generation=answer.generation,
            policy=answer.policy,
        )


class Rated(Receipt):
    """A rated answer.

    Attributes:
        day: on which it was rated, in UTC.
        reasons: what is wrong with it.
        comment: the reader's own words; may be empty.
    """

    rating: Rating
    reasons: tuple[Reason, ...] = ()
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARACTERS)] = ""


class Asked(Frozen):
    """A logged question, and how it was answered.

    Attributes:
        day: on which it was asked, in UTC.
        standalone: the question as it was understood from the conversation, where that differs.
        confidence: that the documents hold the answer.
        timings_ms: milliseconds by step.
    """

    day: date
    question: str
    standalone: str
    language: Language
    abstained: bool
    confidence: float
    generator: str
    model: str
    generation: str
    timings_ms: dict[str, float]

    @classmethod
    def of(cls, answer: Answer, day: date) -> Self:
        """For an answer."""
        return cls(
            day=day,
            question=answer.question,
            standalone=answer.standalone,
            language=answer.language,
            abstained=answer.abstained,
            confidence=answer.confidence,
            generator=answer.generator,
            model=answer.model,
            generation=answer.generation,
            timings_ms=answer.timings_ms,
        )
