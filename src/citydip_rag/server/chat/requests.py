"""What a chat client asks: which question, of which conversation, by which generator.

Of the messages only the conversation is read. What stands in a system message is no instruction
here: an answer rests on the documents, whatever it is told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from citydip_rag.errors import ModelMissingError, QuestionError, UnsupportedError
from citydip_rag.questions import Options, checked_question, without_controls
from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    MAX_TURN_CHARACTERS,
    MAX_TURNS,
    Language,
    Policy,
    Turn,
)
from citydip_rag.server.citing import without_sources

MODEL: Final = "citydip"
"""The model that is the settings' generator; others are `citydip/NAME`."""


class Part(BaseModel):
    """A piece of a message. What else it may hold, such as an image, is refused by its type."""

    type: str
    text: str | None = None
    refusal: str | None = None


class Message(BaseModel):
    """One message of the conversation. Those of other roles than user and assistant are ignored."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Annotated[
        str | list[Part] | None, Field(description="A text, or parts of type `text`.")
    ] = None


class StreamOptions(BaseModel):
    """How the answer is streamed."""

    include_usage: StrictBool = False


class ChatRequest(BaseModel):
    """A conversation whose last user message is the question.

    Fields of OpenAI's protocol that are not listed, such as `temperature` and `max_tokens`, are
    accepted and have no effect.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": MODEL,
                    "messages": [
                        {"role": "user", "content": "Apa tantangan terbesar diplomasi kota?"}
                    ],
                }
            ]
        }
    )

    model: Annotated[str, Field(description="One of those that `/v1/models` lists.")] = MODEL
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    documents: Annotated[
        list[str] | None,
        Field(min_length=1, max_length=1000, description="Ids of the only documents to use."),
    ] = None
    language: Annotated[
        Language | None, Field(description="Of the answer's own words; default: the question's.")
    ] = None
    policy: Annotated[
        Policy | None, Field(description="What becomes of a model's unsupported sentences.")
    ] = None
    n: Annotated[Any, Field(description="1 alone.")] = None
    tools: Annotated[Any, Field(description="Not supported.")] = None
    functions: Annotated[Any, Field(description="Not supported.")] = None
    tool_choice: Annotated[Any, Field(description="`none` or `auto` alone.")] = None
    function_call: Annotated[Any, Field(description="`none` or `auto` alone.")] = None
    logprobs: Annotated[Any, Field(description="Not supported.")] = None
    top_logprobs: Annotated[Any, Field(description="Not supported.")] = None
    response_format: Annotated[Any, Field(description="`text` alone.")] = None
    modalities: Annotated[Any, Field(description="`text` alone.")] = None
    audio: Annotated[Any, Field(description="Not supported.")] = None


_ALLOWED: Final[dict[str, tuple[Any, ...]]] = {
    "n": (1,),
    "tools": ([],),
    "functions": ([],),
    "tool_choice": ("none", "auto"),
    "function_call": ("none", "auto"),
    "logprobs": (False,),
    "top_logprobs": (0,),
    "response_format": ({"type": "text"},),
    "modalities": (["text"],),
    "audio": (),
}
"""What a client that spells out the defaults may say; anything more would silently not happen."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a chat request comes to.

    Attributes:
        question: the last user message.
        options: how it is to be answered, with the conversation before it.
    """

    question: str
    options: Options

    @property
    def texts(self) -> list[str]:
        """All that is read: the question and the turns before it."""
        turns = self.options.get("history", ())
        return [self.question, *(said for turn in turns for said in (turn.question, turn.answer))]


def asked(request: ChatRequest, generators: Sequence[str]) -> Asked:
    """What a request asks.

    Args:
        request: as it came.
        generators: names of those there are.

    Raises:
        ModelMissingError: there is no such model.
        UnsupportedError: it asks for what is not done here.
        QuestionError: there is no question, or it is too long.
    """
    generator = _generator(request.model, generators)
    for name, allowed in _ALLOWED.items():
        value = getattr(request, name)
        if value is not None and value not in allowed:
            raise UnsupportedError(f"{name} is not supported here.", "Leave it out.", field=name)
    spoken = list(_spoken(request.messages))
    last = max((i for i, (role, _) in enumerate(spoken) if role == "user"), default=None)
    if last is None:
        raise QuestionError(
            "There is no user message.", "Send the question as the last one.", field="messages"
        )
    try:
        question = checked_question(spoken[last][1])
    except QuestionError as error:
        raise QuestionError(error.message, error.remedy, field="messages") from error
    options = Options(
        language=request.language,
        documents=request.documents,
        history=_turns(spoken[:last])[-MAX_TURNS:],
        generator=generator,
        policy=request.policy,
    )
    return Asked(question, options)


def models(generators: Sequence[str]) -> list[str]:
    """Names of the models: the default, and one for each generator."""
    return [MODEL, *(f"{MODEL}/{name}" for name in generators)]


def _generator(model: str, generators: Sequence[str]) -> str | None:
    """The generator behind a model; None for the default.

    Raises:
        ModelMissingError: there is none.
    """
    if model not in models(generators):
        raise ModelMissingError(
            "There is no such model here.", f"Choose one of: {', '.join(models(generators))}."
        )
    _, _, name = model.partition("/")
    return name or None


def _spoken(messages: Sequence[Message]) -> Iterator[tuple[str, str]]:
    """Role and text of what user and assistant have said."""
    for number, message in enumerate(messages):
        if message.role in {"user", "assistant"}:
            said = _text(message.content, f"messages.{number}.content")
            yield message.role, without_controls(said)


def _text(content: str | list[Part] | None, field: str) -> str:
    """A message's text.

    Raises:
        UnsupportedError: a part of it is no text.
    """
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.type not in {"text", "refusal"}:
            raise UnsupportedError(
                "Only text can be asked: this message holds something else, such as an image.",
                'Send parts of the type "text".',
                field=field,
            )
    return "\n".join(part.text or part.refusal or "" for part in content)


def _turns(spoken: Sequence[tuple[str, str]]) -> list[Turn]:
    """Questions with their answers, oldest first; what is over the limits is cut, not refused."""
    turns: list[Turn] = []
    for role, said in spoken:
        if role == "user" and said.strip():
            turns.append(Turn(question=said.strip()[:MAX_QUESTION_CHARACTERS]))
        elif role == "assistant" and turns:
            answer = without_sources(said)[:MAX_TURN_CHARACTERS]
            turns[-1] = Turn(question=turns[-1].question, answer=answer)
    return turns
