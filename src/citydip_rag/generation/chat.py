"""What all chat models have in common: the prompt, its budget, and follow-up questions."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from typing import Final, Literal, TypedDict

from citydip_rag.errors import ContextLengthError
from citydip_rag.generation.base import NO_ANSWER, GenerationRequest, Generator
from citydip_rag.generation.prompts import render_prompt
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Passage, Turn

CHARACTERS_PER_TOKEN: Final = 2.5
"""A careful estimate for Indonesian and English in vocabularies made for English."""
MAX_REWRITTEN_TOKENS: Final = 80
TURNS_TOLD: Final = 3
"""Turns that a follow-up is rewritten from."""
_ANSWER_TOLD: Final = 600
"""Characters of each of their answers."""
_MARKER: Final = re.compile(r"\[(\d+(?:\s*,\s*\d+)*|/?INST)\]", re.IGNORECASE)
_TAG: Final = re.compile(r"<(?=[|/!<a-zA-Z])|(?<=[|>a-zA-Z])>")
_INVISIBLE: Final = re.compile(
    r"[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\U000e0000-\U000e007f]"
)


class Message(TypedDict):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str


class ChatGenerator(Generator):
    """Writes answers with a chat model.

    Attributes:
        context_tokens: what the model takes in and gives out at once.
        answer_tokens: of these, what is kept for the answer.
        most_passages: that are sent.
    """

    context_tokens: int
    answer_tokens: int
    most_passages: int

    @abstractmethod
    def chat(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[str]:
        """The model's reply in pieces; closing the iterator ends the work.

        Raises:
            ContextLengthError: the messages are too long for the model.
            GenerationError: there is no reply.
        """

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        """The answer, from as many passages as the model takes."""
        count = self._affordable(request)
        while True:
            messages = _answer_messages(request, count)
            try:
                async with aclosing(self.chat(messages, self.answer_tokens)) as pieces:
                    async for piece in without_thinking(pieces):
                        yield piece
            except ContextLengthError:
                if count == 1:
                    raise
                count = max(1, count // 2)
            else:
                return

    async def rewrite(self, question: str, turns: Sequence[Turn], language: Language) -> str | None:
        """A follow-up as a question that stands alone; None where the model makes none of it."""
        told = [
            {"question": as_data(t.question), "answer": as_data(t.answer)[:_ANSWER_TOLD]}
            for t in turns[-TURNS_TOLD:]
        ]
        variables = {"question": as_data(question), "turns": told}
        messages = _messages("rewrite", language, variables)
        async with aclosing(self.chat(messages, MAX_REWRITTEN_TOKENS)) as pieces:
            written = "".join([piece async for piece in without_thinking(pieces)])
        return _one_question(written)

    def _affordable(self, request: GenerationRequest) -> int:
        """How many passages the model's context holds; those that do not fit are left out whole."""
        most = min(len(request.passages), self.most_passages)
        for count in range(most, 1, -1):
            characters = sum(len(m["content"]) for m in _answer_messages(request, count))
            if characters / CHARACTERS_PER_TOKEN + self.answer_tokens <= self.context_tokens:
                return count
        return 1


def as_data(text: str) -> str:
    """Text that a prompt may hold: it can close no fence, end no turn and cite nothing."""
    text = _INVISIBLE.sub("", text)
    text = _MARKER.sub(r"(\1)", text)
    return _TAG.sub(lambda sign: "‹" if sign.group() == "<" else "›", text)


async def without_thinking(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The pieces without a model's `<think>…</think>` before its answer."""
    held: str | None = ""
    async for piece in pieces:
        if held is None:
            yield piece
            continue
        held += piece
        start = held.lstrip()
        if start.startswith("<think>"):
            _, ended, start = start.partition("</think>")
            if not ended:
                continue
            start = start.lstrip()
        elif "<think>".startswith(start):
            continue
        held = None
        if start:
            yield start
    if held and not held.lstrip().startswith("<think>"):
        yield held


def _answer_messages(request: GenerationRequest, count: int) -> list[Message]:
    passages = [_told(passage) for passage in request.passages[:count]]
    # A document cannot know this of itself, so it cannot write the line that would end it.
    fence = hashlib.sha256("\0".join(passages).encode()).hexdigest()[:8]
    variables = {
        "question": as_data(request.question),
        "passages": passages,
        "fence": fence,
        "no_answer": NO_ANSWER[request.language],
    }
    return _messages("answer", request.language, variables)


def _told(passage: Passage) -> str:
    text = " ".join(as_data(passage.text).split())
    heading = " ".join(as_data(passage.heading).split())
    return f"{heading}: {text}" if heading else text


def _messages(task: str, language: Language, variables: Mapping[str, object]) -> list[Message]:
    return [
        Message(role=role, content=render_prompt(task, language, role, **variables))
        for role in ("system", "user")
    ]


def _one_question(written: str) -> str | None:
    """The first line as a question; None if it is none."""
    lines = [line.strip() for line in written.strip().splitlines() if line.strip()]
    question = lines[0].strip("\"'“”*` ") if lines else ""
    if not question.endswith("?") or len(question) > MAX_QUESTION_CHARACTERS:
        return None
    return question if sum(map(str.isalnum, question)) > 4 else None
