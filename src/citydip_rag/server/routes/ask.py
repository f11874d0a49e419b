"""`POST /ask`, `POST /ask/stream` and `POST /search`."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Body, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sse_starlette import EventSourceResponse, ServerSentEvent

from citydip_rag.errors import CitydipError
from citydip_rag.events import Answered, Event
from citydip_rag.questions import Options
from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    MAX_TOP_K,
    MAX_TURNS,
    Answer,
    Language,
    Policy,
    SearchResult,
    Turn,
)
from citydip_rag.server.dependencies import OVERLOADED, Admitted, EngineDep
from citydip_rag.server.leaving import while_waited_for
from citydip_rag.server.limits import BODY_PROBLEMS
from citydip_rag.server.needs import ACCESS_PROBLEMS, ASKS
from citydip_rag.server.problems import UNEXPECTED, Problem, problem_of, problems

logger = logging.getLogger(__name__)

router = APIRouter(
    tags=["questions"],
    dependencies=[ASKS, Admitted],
    responses={**ACCESS_PROBLEMS, **OVERLOADED},
)

_PROBLEMS: Final = {**BODY_PROBLEMS, **problems({502: "The generator failed"})}
PING_SECONDS: Final = 15
"""A comment keeps the connection open while nothing comes."""
_EVENTS: Final = (
    "`retrieval`, then `token` and `claim` as the answer is written and checked, `discard` where"
    " what was written does not count, and at last `answer`, which is what `/ask` returns; or"
    " `error`, with a problem.\n\n"
    "A marker `[n]` in `token` is the generator's own, unchecked: it means the n-th of the passages"
    " found, the first of which `retrieval` holds. The answer numbers its citations anew, from 1 in"
    " the order in which they are read. So show `answer` at last; until then the `says` of each"
    " `claim` since the last `discard`, which has the answer's numbers already."
)
_EXAMPLES: Final = {
    "Indonesian": {"value": {"question": "Apa tantangan terbesar diplomasi kota?"}},
    "English": {"value": {"question": "What is the greatest challenge of city diplomacy?"}},
    "Not in the documents": {"value": {"question": "Berapa jumlah penduduk Jakarta?"}},
}

Question = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True, min_length=1, max_length=MAX_QUESTION_CHARACTERS, strict=True
    ),
]


class SearchRequest(BaseModel):
    """A question, and where to look."""

    model_config = ConfigDict(extra="forbid")

    question: Annotated[Question, Field(description="In Indonesian or English.")]
    top_k: Annotated[
        int | None, Field(ge=1, le=MAX_TOP_K, strict=True, description="Passages to return.")
    ] = None
    documents: Annotated[
        list[str] | None,
        Field(min_length=1, max_length=1000, description="Ids of the only documents to use."),
    ] = None


class AskRequest(SearchRequest):
    """A question, where to look, and in which language to answer."""

    language: Annotated[
        Language | None, Field(description="Of the answer's own words; default: the question's.")
    ] = None
    history: Annotated[
        list[Turn],
        Field(max_length=MAX_TURNS, description="The conversation so far, oldest first."),
    ] = []
    generator: Annotated[
        str | None,
        Field(min_length=1, max_length=100, description="One of those that `/health/ready` names."),
    ] = None
    policy: Annotated[
        Policy | None,
        Field(
            description="What becomes of a model's sentences that the documents do not bear out:"
            " left out, marked `[?]`, or shown."
        ),
    ] = None


@router.post("/ask", response_model=Answer, responses=_PROBLEMS, summary="Ask a question")
async def ask(
    asked: Annotated[AskRequest, Body(openapi_examples=_EXAMPLES)],
    engine: EngineDep,
    request: Request,
) -> Answer:
    """Answer from the documents with exact citations, or abstain. A client that leaves ends it."""
    return await while_waited_for(request, engine.ask(asked.question, **_options(asked)))


@router.post(
    "/ask/stream",
    responses={
        **_PROBLEMS,
        200: {"content": {"text/event-stream": {}}, "description": _EVENTS},
    },
    response_class=EventSourceResponse,
    summary="Ask a question, and see the answer being written and checked",
)
async def ask_stream(
    asked: Annotated[AskRequest, Body(openapi_examples=_EXAMPLES)],
    engine: EngineDep,
    request: Request,
) -> Response:
    """Like `/ask`, as server-sent events. A client that leaves ends the work."""
    events = engine.stream(asked.question, **_options(asked))
    # What cannot be asked is refused with a status of its own.
    first = await while_waited_for(request, _first(events))
    return EventSourceResponse(_told(first, events), ping=PING_SECONDS)


async def _first(events: AsyncGenerator[Event]) -> Event:
    return await anext(events)


async def _told(first: Event, events: AsyncGenerator[Event]) -> AsyncGenerator[ServerSentEvent]:
    async with aclosing(events):
        yield _sent(first)
        try:
            async for event in events:
                yield _sent(event)
        except CitydipError as error:
            yield _failed(problem_of(error))
        except Exception:  # the last boundary before the client: a trace belongs in the log
            logger.exception("unexpected error")
            yield _failed(UNEXPECTED)


def _sent(event: Event) -> ServerSentEvent:
    """An event; of the last one, the answer itself."""
    data = event.answer if isinstance(event, Answered) else event
    return ServerSentEvent(data.model_dump_json(), event=event.name)


def _failed(problem: Problem) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(problem.content()), event="error")


def _options(request: AskRequest) -> Options:
    return Options(
        language=request.language,
        top_k=request.top_k,
        documents=request.documents,
        history=request.history,
        generator=request.generator,
        policy=request.policy,
    )


@router.post("/search", responses=_PROBLEMS, summary="Find passages")
async def search(
    request: Annotated[SearchRequest, Body(openapi_examples=_EXAMPLES)],
    engine: EngineDep,
) -> SearchResult:
    """The best passages for a question, without an answer."""
    return await engine.search(request.question, top_k=request.top_k, documents=request.documents)
