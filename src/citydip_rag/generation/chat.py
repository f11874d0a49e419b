"""What all chat models have in common: the prompt, its budget, and follow-up questions."""

from __future__ import annotations

import hashlib
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from math import ceil
from typing import Final, Literal, TypedDict

from citydip_rag.corpus.signs import visible
from citydip_rag.errors import AnswerCutError, ContextLengthError
from citydip_rag.generation.base import NO_ANSWER, GenerationRequest, Generator
from citydip_rag.generation.prompts import render_prompt
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Passage, Turn

LETTERS_PER_TOKEN: Final = 2.5
"""A careful estimate for Indonesian and English in vocabularies made for English: measured with
SmolLM2's, 2.7 and 3.2. Of digits and signs each is a token."""
TOKENS_PER_BYTE: Final = 0.75
"""Likewise for other scripts: up to .75 measured."""
MAX_REWRITTEN_TOKENS: Final = 80
TURNS_TOLD: Final = 3
"""Turns that a follow-up is rewritten from."""
_ANSWER_TOLD: Final = 600
"""Characters of each of their answers."""
_LONGEST_LOOP: Final = 80
"""Characters that a model may repeat before it is stopped, if it repeats them"""
_ROUNDS: Final = 4
"""times, and fewer characters as much oftener."""
_MARKER: Final = re.compile(
    r"[\[【［]\s*((?:passage\s|bagian\s)?\s*\d+(?:\s*[,;–-]\s*\d+)*|/?INST)\s*[\]】］]",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"[<＜](?=[|｜/!<＜a-zA-Z])|(?<=[|｜>＞a-zA-Z])[>＞]")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
"""Reach a model while no reader sees them, as invisible signs do."""
_QUOTES: Final = "\"'“”*` "
_LABEL: Final = re.compile(
    r"(?:(?:last|rewritten|standalone)\s+)?(?:question|pertanyaan)(?:\s+[a-z ]{2,20})?:\s*",
    re.IGNORECASE,
)
"""What small models write before a question."""
_REQUEST: Final = re.compile(
    r"(?:please\s+|tolong\s+)?(?:tell|explain|describe|list|give|name|show|compare|summari[sz]e"
    r"|jelaskan|ceritakan|sebutkan|uraikan|bandingkan|rangkum\w*|berikan)\b",
    re.IGNORECASE,
)
"""Begins a question that has no question mark."""


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
                    async for piece in until_it_loops(without_thinking(pieces)):
                        yield piece
            except ContextLengthError:
                if count == 1:
                    raise
                count = max(1, count // 2)
            else:
                return

    async def rewrite(self, question: str, turns: Sequence[Turn], language: Language) -> str | None:
        """A follow-up as the model makes it stand alone; None where it writes no question."""
        told = [
            {"question": _on_one_line(t.question), "answer": _on_one_line(t.answer)[:_ANSWER_TOLD]}
            for t in turns[-TURNS_TOLD:]
        ]
        said = [_on_one_line(question), *(text for turn in told for text in turn.values())]
        variables = {"question": said[0], "turns": told, "fence": _fence(said)}
        messages = _messages("rewrite", language, variables)
        async with aclosing(self.chat(messages, MAX_REWRITTEN_TOKENS)) as pieces:
            written = ""
            async for piece in without_thinking(pieces):
                written += piece
                if "\n" in written.strip():
                    break  # what comes behind the first line is not needed
        return _one_question(written)

    def _affordable(self, request: GenerationRequest) -> int:
        """How many passages the model's context holds; those that do not fit are left out whole."""
        most = min(len(request.passages), self.most_passages)
        for count in range(most, 1, -1):
            tokens = sum(estimated_tokens(m["content"]) for m in _answer_messages(request, count))
            if tokens + self.answer_tokens <= self.context_tokens:
                return count
        return 1


def as_data(text: str) -> str:
    """Text that a prompt may hold: it can close no fence, end no turn and cite nothing."""
    text = _CONTROL.sub("", visible(text))
    text = _MARKER.sub(r"(\1)", text)
    return _TAG.sub(lambda sign: "‹" if sign.group() in "<＜" else "›", text)


def estimated_tokens(text: str) -> int:
    """Tokens of a text, rather too many than too few; a server's own tokenizer is not asked."""
    letters = sum(c.isascii() and (c.isalpha() or c.isspace()) for c in text)
    others = "".join(c for c in text if not c.isascii())
    signs = len(text) - letters - len(others)
    foreign = len(others.encode("utf-8", "replace")) * TOKENS_PER_BYTE
    return ceil(letters / LETTERS_PER_TOKEN + signs + foreign)


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


async def until_it_loops(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The pieces, up to where a model does nothing but repeat itself, as small ones do.

    Raises:
        AnswerCutError: it does.
    """
    end = ""
    async for piece in pieces:
        yield piece
        end = (end + piece)[-_LONGEST_LOOP * _ROUNDS :]
        if _loops(end):
            raise AnswerCutError("The model repeats itself.", "Choose another model.")


def _loops(end: str) -> bool:
    for size in range(1, _LONGEST_LOOP + 1):
        rounds = max(_ROUNDS, ceil(_LONGEST_LOOP / size))
        if end.endswith(end[-size:] * rounds):
            return True
    return False


def _answer_messages(request: GenerationRequest, count: int) -> list[Message]:
    passages = [_told(passage) for passage in request.passages[:count]]
    variables = {
        "question": as_data(request.question),
        "passages": passages,
        "fence": _fence(passages),
        "no_answer": NO_ANSWER[request.language],
    }
    return _messages("answer", request.language, variables)


def _told(passage: Passage) -> str:
    text, heading = _on_one_line(passage.text), _on_one_line(passage.heading)
    return f"{heading}: {text}" if heading else text


def _on_one_line(text: str) -> str:
    """As data; several lines could look like several speakers."""
    return " ".join(as_data(text).split())


def _fence(texts: Sequence[str]) -> str:
    """A word that none of the texts can know, so that none can write the line that would end it."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "replace")).hexdigest()[:8]


def _messages(task: str, language: Language, variables: Mapping[str, object]) -> list[Message]:
    return [
        Message(role=role, content=render_prompt(task, language, role, **variables))
        for role in ("system", "user")
    ]


def _one_question(written: str) -> str | None:
    """The first line as a question; None if it is none."""
    lines = [line.strip() for line in written.strip().splitlines() if line.strip()]
    question = _LABEL.sub("", lines[0].strip(_QUOTES)).strip(_QUOTES) if lines else ""
    asks = question.endswith("?") or _REQUEST.match(question)
    if not asks or len(question) > MAX_QUESTION_CHARACTERS:
        return None
    return question if sum(map(str.isalnum, question)) > 4 else None
