"""Generators that chat with a language model: what they say to it, and how much.

A prompt is budgeted in the model's tokens. Passages that do not fit are dropped from the end, never
cut: half a passage may say the contrary of the whole one.
"""

from __future__ import annotations

import logging
import re
from abc import abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from math import ceil
from typing import Final

from citydip_rag.generation.base import GenerationRequest, Generator
from citydip_rag.generation.faults import ContextLengthError
from citydip_rag.generation.fencing import fence_for, neutralised, on_one_line
from citydip_rag.generation.prompts import Message, render_messages
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Passage, Turn

NO_ANSWER: Final = {Language.ENGLISH: "NO ANSWER", Language.INDONESIAN: "TIDAK ADA JAWABAN"}
"""What a model is told to write where the passages do not hold the answer."""
TEMPLATE_TOKENS: Final = 64
"""Room for what a chat template puts around two messages."""
REWRITE_TOKENS: Final = 96
TURNS: Final = 3
"""Earlier turns that a follow-up is read with."""
TURN_CHARACTERS: Final = 600
MAX_REWRITTEN: Final = 400
FAMILIAR: Final = 0.6
"""Share of a rewritten question's words that the conversation must know."""

_LETTERS_PER_TOKEN: Final = 2.5
_TOKENS_PER_BYTE: Final = 0.75
_AROUND: Final = re.compile(r"\[\s*\d+(\s*,\s*\d+)*\s*\]|[\W_]+")
_LABEL: Final = re.compile(
    r"^(the |last )?(rewritten |standalone )?(question|pertanyaan)[^:?]{0,40}:\s*", re.IGNORECASE
)
_QUOTES: Final = "\"'`*“”‘’«»„ "

logger = logging.getLogger(__name__)


class ChatGenerator(Generator):
    """Writes with a model that is given messages; how they reach it is the subclass' concern."""

    def __init__(self, context_tokens: int, max_tokens: int) -> None:
        """Fit prompts and answers of at most `max_tokens` into so many tokens."""
        self._context_tokens = context_tokens
        self._max_tokens = max_tokens

    @abstractmethod
    def chat(self, messages: Sequence[Message], *, max_tokens: int) -> AsyncGenerator[str, None]:
        """What the model writes next, in pieces as they come.

        Raises:
            ContextLengthError: the messages are too long for the model.
            GenerationError: no answer could be made.
        """

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text; by default an estimate that is rather too high."""
        return [estimated_tokens(text) for text in texts]

    async def stream(self, request: GenerationRequest) -> AsyncGenerator[str, None]:
        """The answer in pieces; whoever refuses the length is asked with half as many passages."""
        passages = await self._fitting(request)
        begun = False
        while True:
            try:
                messages = answer_messages(request, passages)
                async with aclosing(self.chat(messages, max_tokens=self._room())) as said:
                    async for piece in said:
                        begun = True
                        yield piece
            except ContextLengthError:
                if begun or len(passages) <= 1:
                    raise
                passages = passages[: len(passages) // 2]
                logger.warning("the context is too short; %d passages are sent", len(passages))
            else:
                return

    async def rewrite(self, question: str, turns: Sequence[Turn], language: Language) -> str | None:
        """A follow-up as a question that stands alone; None where the model wrote no such thing.

        Raises:
            GenerationError: the model could not be asked.
        """
        if not turns:
            return None
        messages = rewrite_messages(question, turns, language)
        written = ""
        async with aclosing(self.chat(messages, max_tokens=REWRITE_TOKENS)) as said:
            async for piece in said:
                written += piece
                if len(written) > 2 * MAX_REWRITTEN or "\n" in written.lstrip():
                    break
        known = [question, *(text for turn in turns for text in (turn.question, turn.answer))]
        return sensible_question(written, known)

    def _room(self) -> int:
        """Tokens for an answer: never more than half of the context."""
        return min(self._max_tokens, self._context_tokens // 2)

    def _reserved(self) -> int:
        return self._room() + TEMPLATE_TOKENS

    async def _fitting(self, request: GenerationRequest) -> Sequence[Passage]:
        """As many of the first passages as there is room for, and at least one."""
        if len(request.passages) <= 1:
            return request.passages
        bare = "\n".join(m["content"] for m in answer_messages(request, []))
        blocks = [_alone(passage) for passage in request.passages]
        if sum(map(estimated_tokens, [bare, *blocks])) <= self._context_tokens - self._reserved():
            return request.passages
        base, *sizes = await self.count_tokens([bare, *blocks])
        room = self._context_tokens - self._reserved() - base
        fitting = 0
        for size in sizes:
            room -= size
            if room < 0:
                break
            fitting += 1
        return request.passages[: max(1, fitting)]


def answer_messages(request: GenerationRequest, passages: Sequence[Passage]) -> list[Message]:
    """The prompt that asks a request's question over these passages."""
    texts = [(on_one_line(p.heading), neutralised(p.text).strip()) for p in passages]
    question = on_one_line(request.question)
    fence = fence_for([question, *(part for text in texts for part in text)])
    return render_messages(
        "answer", request.language, fence=fence, passages=texts, question=question
    )


def rewrite_messages(question: str, turns: Sequence[Turn], language: Language) -> list[Message]:
    """The prompt that asks for a follow-up to be rewritten, from the last turns."""
    said = [
        (on_one_line(turn.question)[:TURN_CHARACTERS], on_one_line(turn.answer)[:TURN_CHARACTERS])
        for turn in turns[-TURNS:]
    ]
    question = on_one_line(question)
    fence = fence_for([question, *(part for turn in said for part in turn)])
    return render_messages("rewrite", language, fence=fence, turns=said, question=question)


def declines(raw: str) -> bool:
    """Whether an answer consists of nothing but the phrase for "the passages do not hold it"."""
    words = _AROUND.sub(" ", raw).split()
    return " ".join(words).upper() in NO_ANSWER.values()


def sensible_question(written: str, known: Sequence[str]) -> str | None:
    """The question in what a model wrote, or None.

    A follow-up is completed with words of its conversation. Most of what stands in it must come
    from there; else the model made something up.
    """
    line = next((line for line in written.splitlines() if line.strip()), "")
    line = " ".join(_LABEL.sub("", line.strip(_QUOTES)).strip(_QUOTES).split())
    if not line or len(line) > min(MAX_REWRITTEN, MAX_QUESTION_CHARACTERS) or declines(line):
        return None
    familiar = {_stem(word) for text in known for word in _words(text)}
    words = [_stem(word) for word in _words(line)]
    if not words or sum(word in familiar for word in words) < FAMILIAR * len(words):
        return None
    return line


def estimated_tokens(text: str) -> int:
    """Tokens of a text without the model's tokenizer, rather too many than too few.

    Measured with SmolLM2's, which was made for English: Indonesian has 2.7 letters a token, English
    3.2, digits and signs one token each, other scripts up to 0.75 tokens a byte.
    """
    letters = sum(c.isascii() and (c.isalpha() or c.isspace()) for c in text)
    others = [c for c in text if not c.isascii()]
    signs = len(text) - letters - len(others)
    foreign = len("".join(others).encode("utf-8", "replace")) * _TOKENS_PER_BYTE
    return ceil(letters / _LETTERS_PER_TOKEN + signs + foreign)


def _alone(passage: Passage) -> str:
    """What one passage adds to a prompt, a little too much of it."""
    return f"<<<{'0' * 10} akhir bagian 10>>>\n" * 2 + f"({passage.heading})\n{passage.text}\n\n"


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"\w+", text.lower()) if len(word) > 3 or word.isdigit()]


def _stem(word: str) -> str:
    return word if word.isdigit() else word[:5]
