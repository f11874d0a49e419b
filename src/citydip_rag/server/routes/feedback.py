"""`POST /feedback`: what a reader thinks of an answer."""

from __future__ import annotations

from typing import Annotated, Final, Self

from fastapi import APIRouter, Body, Depends, Request
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from citydip_rag.feedback import (
    MAX_COMMENT_CHARACTERS,
    MAX_RECEIPT_CHARACTERS,
    Desk,
    Rating,
    Reason,
)
from citydip_rag.server.limits import BODY_PROBLEMS
from citydip_rag.server.needs import ACCESS_PROBLEMS, READS
from citydip_rag.server.problems import problems

router = APIRouter(tags=["feedback"], dependencies=[READS])

_PROBLEMS: Final = {
    **ACCESS_PROBLEMS,
    **BODY_PROBLEMS,
    **problems(
        {
            403: "No ratings are taken here, or the key does not open this",
            404: "The receipt is of no answer from here",
            410: "The answer was given too long ago",
            503: "The rating could not be kept just now",
        }
    ),
}
_EXAMPLES: Final = {
    "Good": {"value": {"receipt": "…", "rating": "good"}},
    "Bad": {
        "value": {
            "receipt": "…",
            "rating": "bad",
            "reasons": ["incomplete"],
            "comment": "The second condition is missing.",
        }
    },
    "Taken back": {"value": {"receipt": "…", "rating": None}},
}


class FeedbackRequest(BaseModel):
    """What a reader thinks of an answer."""

    model_config = ConfigDict(extra="forbid")

    receipt: Annotated[
        str,
        Field(
            min_length=1,
            max_length=MAX_RECEIPT_CHARACTERS,
            strict=True,
            description="The answer's own `receipt`, exactly as it came.",
        ),
    ]
    rating: Annotated[
        Rating | None, Field(description="`null` takes an earlier rating of the answer back.")
    ]
    reasons: Annotated[
        list[Reason],
        Field(
            max_length=len(Reason),
            description="What is wrong: it is `wrong`, `incomplete`, a `quotation` does not fit,"
            " the answer is `not-in-documents`; or a declined question `should-have-answered`.",
        ),
    ] = []
    comment: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=MAX_COMMENT_CHARACTERS, strict=True),
        Field(description="In the reader's own words."),
    ] = ""

    @model_validator(mode="after")
    def _reasons_are_of_a_bad_answer(self) -> Self:
        if self.reasons and self.rating is not Rating.BAD:
            raise ValueError("only a bad rating has reasons")
        return self


class FeedbackKept(BaseModel):
    """The rating is kept, or taken back.

    Attributes:
        id: of the answer; `citydip feedback list` shows it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    rating: Rating | None


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


@router.post("/feedback", responses=_PROBLEMS, summary="Rate an answer")
async def feedback(
    given: Annotated[FeedbackRequest, Body(openapi_examples=_EXAMPLES)],
    desk: Annotated[Desk, Depends(_desk)],
) -> FeedbackKept:
    """Keep a rating, in place of an earlier one of the same answer.

    Kept are the question, the answer and its citations, what is sent here, and the day; nothing of
    who sent it. An answer can be rated for 30 days, at any server that shares the database.
    """
    reasons = tuple(dict.fromkeys(given.reasons))
    identity = await desk.rate(given.receipt, given.rating, reasons, given.comment)
    return FeedbackKept(id=identity, rating=given.rating)
