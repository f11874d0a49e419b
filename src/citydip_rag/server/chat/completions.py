"""Answers in the form that chat clients read, whole and in chunks.

What has been streamed cannot be taken back, so only sentences that have been checked are, each as
soon as it is. Where a model declines after all, of what was shown unchecked, the stream says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal
from uuid import uuid4

from pydantic import BaseModel, Field

from citydip_rag.events import Answered, Checked, Discarded, Event
from citydip_rag.schema import Answer, Citation, Claim
from citydip_rag.server.citing import below, in_full, noticed


class Usage(BaseModel):
    """Tokens as the embedding model's tokenizer counts them; a language model's are others."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, read: int, written: int) -> Usage:
        """Of tokens read and written."""
        return cls(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class Grounds(BaseModel):
    """What an answer rests on; these fields are not part of OpenAI's protocol.

    Attributes:
        citations: exact quotations, as in `/ask`.
        claims: each sentence, and how well the documents bear it out.
        abstained: the documents do not hold the answer.
        notice: what a reader should know of how the answer came about.
    """

    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    abstained: bool = False
    notice: str = ""

    @classmethod
    def of(cls, answer: Answer) -> dict[str, Any]:
        """The fields of an answer that say it."""
        return {name: getattr(answer, name) for name in Grounds.model_fields}


class CompletionMessage(Grounds):
    """The answer, with its sources below it."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The only one."""

    index: Literal[0] = 0
    message: CompletionMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Completion(BaseModel):
    """An answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int = Field(description="Seconds since 1970.")
    model: str
    system_fingerprint: str = Field(description="The index generation that was read.")
    choices: tuple[Choice]
    usage: Usage


class ModelInfo(BaseModel):
    """A model that can be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "citydip"


class ModelList(BaseModel):
    """All of them, the default first."""

    object: Literal["list"] = "list"
    data: tuple[ModelInfo, ...]


def completion(answer: Answer, model: str, usage: Usage) -> Completion:
    """An answer as a chat completion."""
    message = CompletionMessage(content=in_full(answer), **Grounds.of(answer))
    return Completion(
        id=_new_id(),
        created=int(time.time()),
        model=model,
        system_fingerprint=answer.generation,
        choices=(Choice(message=message),),
        usage=usage,
    )


@dataclass
class Telling:
    """An answer told in pieces, and what has been told of it.

    Attributes:
        told: all of it so far.
    """

    told: str = ""
    _taken_back: bool = False

    def take(self, event: Event) -> str:
        """What an event adds to the text; empty for nothing."""
        added = self._added(event)
        self.told += added
        return added

    def _added(self, event: Event) -> str:
        match event:
            case Checked():
                return event.says
            case Discarded() if self.told:
                self._taken_back = True
                return f"{noticed(event.notice)}\n\n"
            case Answered():
                return self._end(event.answer)
            case _:
                pass
        return ""

    def _end(self, answer: Answer) -> str:
        """What is still to be told."""
        rest = answer.answer if answer.abstained else ""
        return rest + below(answer) + ("" if self._taken_back else noticed(answer.notice))


class Chunks:
    """The chunks of one streamed answer."""

    def __init__(self, model: str, fingerprint: str, *, usage: bool) -> None:
        """Begin.

        Args:
            model: as the client named it.
            fingerprint: name of the index generation.
            usage: whether the client wants the tokens counted.
        """
        self._usage = usage
        self._head = {
            "id": _new_id(),
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
            "system_fingerprint": fingerprint,
        }

    def first(self) -> dict[str, Any]:
        """Says who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> dict[str, Any]:
        """Adds to the text."""
        return self._chunk({"content": text})

    def last(self, answer: Answer) -> dict[str, Any]:
        """Ends the text, and says what it rests on."""
        grounds = Grounds(**Grounds.of(answer)).model_dump(mode="json")
        return self._chunk(grounds, "stop")

    def counted(self, usage: Usage) -> Iterator[dict[str, Any]]:
        """The tokens, for a client that wants them."""
        if self._usage:
            yield {**self._head, "choices": [], "usage": usage.model_dump()}

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}
        usage = {"usage": None} if self._usage else {}
        return {**self._head, "choices": [choice], **usage}


def _new_id() -> str:
    return f"chatcmpl-{uuid4().hex}"
