"""`POST /v1/chat/completions` and `GET /v1/models`: any OpenAI client can ask the documents."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from citydip_rag.engine import Engine
from citydip_rag.errors import CitydipError, ModelMissingError
from citydip_rag.events import Answered, Event
from citydip_rag.server.chat.completions import (
    Chunks,
    Completion,
    ModelInfo,
    ModelList,
    Telling,
    Usage,
    completion,
)
from citydip_rag.server.chat.errors import ErrorBody, error_body
from citydip_rag.server.chat.requests import Asked, ChatRequest, asked, models
from citydip_rag.server.citing import in_full
from citydip_rag.server.dependencies import Admitted, EngineDep
from citydip_rag.server.leaving import while_waited_for
from citydip_rag.server.needs import ASKS, READS
from citydip_rag.server.problems import UNEXPECTED, problem_of
from citydip_rag.server.routes.ask import PING_SECONDS

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/v1", tags=["OpenAI"])

_DONE: Final = ServerSentEvent("[DONE]")
_ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorBody, "description": description}
    for status, description in (
        ("default", "Any other error has the same shape"),  # and takes the place of FastAPI's 422
        (400, "A field is not valid or asks for what is not done here; `param` names it"),
        (401, "A key is needed, or the one that was sent is not valid"),
        (403, "The key does not open this"),
        (404, "There is no such model"),
        (413, "The body is larger than 1 MiB"),
        (429, "There were too many questions; `Retry-After` says when to try again"),
        (502, "The generator failed"),
        (503, "Too many questions wait, or index or model cannot be used"),
    )
}
_REFUSED: Final = {status: _ERRORS[status] for status in ("default", 401, 403)}
_NO_MODEL: Final = {**_REFUSED, 404: _ERRORS[404]}


@router.get("/models", responses=_REFUSED, dependencies=[READS], summary="List the models")
def list_models(engine: EngineDep) -> ModelList:
    """`citydip`, which is the default, and one for each generator."""
    return ModelList(data=tuple(_infos(engine)))


@router.get("/models/{model:path}", responses=_NO_MODEL, dependencies=[READS], summary="A model")
def one_model(model: str, engine: EngineDep) -> ModelInfo:
    """One of the models."""
    for info in _infos(engine):
        if info.id == model:
            return info
    raise ModelMissingError("There is no such model here.", "See /v1/models.")


@router.post(
    "/chat/completions",
    response_model=Completion,
    dependencies=[ASKS, Admitted],
    responses={
        **_ERRORS,
        200: {
            "description": "The answer, or with `stream` its chunks as server-sent events, which"
            " end with `[DONE]`.",
            "content": {"text/event-stream": {}},
        },
    },
    summary="Ask a question as a chat client does",
)
async def chat_completions(
    body: ChatRequest, engine: EngineDep, request: Request
) -> Completion | Response:
    """Answer the last user message from the documents, or abstain.

    Earlier messages of user and assistant are the conversation. System messages are ignored: they
    change neither what an answer rests on nor how it is checked. The message ends with a list of
    its sources; `citations`, `claims`, `abstained` and `notice` beside its `content` hold the same
    for programs. A stream gives each sentence as soon as it has been checked, and those fields in
    the `delta` of its last chunk. `usage` counts the tokens of the question, the conversation and
    the message, by the tokenizer of the embedding model.
    """
    question = asked(body, engine.generators.names)
    if not body.stream:
        answer = await while_waited_for(request, engine.ask(question.question, **question.options))
        return completion(answer, body.model, await _usage(question, in_full(answer), engine))
    events = engine.stream(question.question, **question.options)
    first = await while_waited_for(request, _first(events))  # refused with a status of its own
    wanted = body.stream_options is not None and body.stream_options.include_usage
    chunks = Chunks(body.model, engine.index.generation, usage=wanted)
    return EventSourceResponse(
        _streamed(first, events, chunks, question, engine), ping=PING_SECONDS
    )


async def _first(events: AsyncGenerator[Event]) -> Event:
    return await anext(events)


async def _streamed(
    first: Event,
    events: AsyncGenerator[Event],
    chunks: Chunks,
    question: Asked,
    engine: Engine,
) -> AsyncGenerator[ServerSentEvent]:
    telling = Telling()
    async with aclosing(events):
        yield _sent(chunks.first())
        telling.take(first)
        try:
            async for event in events:
                if piece := telling.take(event):
                    yield _sent(chunks.piece(piece))
                if isinstance(event, Answered):
                    yield _sent(chunks.last(event.answer))
            usage = await _usage(question, telling.told, engine)
        except CitydipError as error:
            yield _sent(error_body(problem_of(error).content()))
            return
        except Exception:  # the last boundary before the client: a trace belongs in the log
            logger.exception("unexpected error")
            yield _sent(error_body(UNEXPECTED.content()))
            return
    for chunk in chunks.counted(usage):
        yield _sent(chunk)
    yield _DONE


async def _usage(question: Asked, told: str, engine: Engine) -> Usage:
    counts = await asyncio.to_thread(engine.embedder.count_tokens, [*question.texts, told])
    return Usage.of(sum(counts[:-1]), counts[-1])


def _sent(data: dict[str, Any]) -> ServerSentEvent:
    return ServerSentEvent(json.dumps(data))


def _infos(engine: Engine) -> list[ModelInfo]:
    created = int(engine.index.manifest.created.timestamp())
    return [ModelInfo(id=name, created=created) for name in models(engine.generators.names)]
