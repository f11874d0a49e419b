"""Any OpenAI-compatible chat server over HTTP: OpenAI, Ollama, vLLM, llama.cpp, LM Studio."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import httpx

from citydip_rag.errors import (
    AnswerCutError,
    ContextLengthError,
    GenerationError,
    ModelBusyError,
    ModelRefusedError,
)
from citydip_rag.generation.breaker import CircuitBreaker
from citydip_rag.generation.chat import ChatGenerator, Message
from citydip_rag.generation.refusals import Refusal, shown_model
from citydip_rag.generation.server import ChatServer
from citydip_rag.generation.waiting import Waiting
from citydip_rag.generation.wire import (
    BrokenStreamError,
    error_text,
    parsed,
    whole,
)
from citydip_rag.generation.wire import pieces as pieces_of
from citydip_rag.settings import Settings

MAX_ANSWER_CHARACTERS: Final = 20_000
CHARACTERS_PER_TOKEN: Final = 6
_ENDS: Final = frozenset(
    {"stop", "eos", "eos_token", "end_turn", "stop_sequence", "complete", "completed", "done"}
)
"""Reasons to finish that are the end of an answer; what others mean, nobody knows."""
_FULL: Final = frozenset({"length", "max_tokens", "model_length"})
MAX_MODELS: Final = 1_000
MAX_NAME_CHARACTERS: Final = 500
_FIRST_BACK_OFF_SECONDS: Final = 0.5


class OpenAIGenerator(ChatGenerator):
    """Asks a chat server, with limits on every wait, retries and a circuit breaker."""

    def __init__(self, settings: Settings) -> None:
        """Take address, model, key and limits from the settings; nothing is connected yet."""
        self.context_tokens = settings.llm_context_tokens - settings.llm_thinking_tokens
        self.answer_tokens = settings.llm_max_tokens
        self.most_passages = settings.llm_passages
        self._settings = settings
        self._model = settings.llm_model
        self._newer = False
        self._breaker = CircuitBreaker()
        self._server = ChatServer(settings)

    @property
    def name(self) -> str:
        """`openai`."""
        return "openai"

    @property
    def model(self) -> str:
        """As the settings or the server name it."""
        return shown_model(self._model) or "default"

    async def chat(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[str]:
        """The reply as it comes; what fails before its first piece is tried again."""
        if wait := self._breaker.waits():
            raise ModelBusyError(
                "The model server has failed several times in a row.",
                f"It is asked again in {wait:.0f} s.",
            )
        deadline = asyncio.get_running_loop().time() + self._settings.llm_total_seconds
        attempt = 0
        while True:
            try:
                async with aclosing(self._attempt(messages, max_tokens, deadline)) as pieces:
                    async for piece in pieces:
                        yield piece
            except Refusal as error:  # which comes before the first piece
                pause = self._pause(error, attempt, deadline)
            except AnswerCutError as error:
                self._breaker.succeeded()
                raise AnswerCutError(self._server.safe(error.message), error.remedy) from None
            except GenerationError as error:
                self._breaker.failed()
                raise type(error)(self._server.safe(error.message), error.remedy) from None
            else:
                self._breaker.succeeded()
                return
            attempt += 1
            await asyncio.sleep(pause)

    async def models(self) -> list[str]:
        """Names of the server's models.

        Raises:
            GenerationError: the server cannot be asked.
        """
        try:
            now = asyncio.get_running_loop().time()
            return await self._listed(now + self._settings.llm_total_seconds)
        except Refusal as error:
            raise error.reported from error

    async def check(self) -> None:
        """Ask the server for its models, and look for the one that is set."""
        known = [shown_model(name) for name in await self.models()]
        if self._settings.llm_model and shown_model(self._settings.llm_model) not in known:
            raise ModelRefusedError(
                f"The model server does not know the model {self.model!r}.",
                f"Set CITYDIP_LLM_MODEL to one of: {', '.join(known[:10])}." if known else "",
            )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    def _pause(self, error: Refusal, attempt: int, deadline: float) -> float:
        """Seconds until the next attempt.

        Raises:
            GenerationError: there is to be none.
        """
        longest = _FIRST_BACK_OFF_SECONDS * 2**attempt
        pause = max(error.retry_after, random.uniform(0, longest))  # noqa: S311  # no secret
        late = asyncio.get_running_loop().time() + pause >= deadline
        if not error.passing or late or attempt >= self._settings.llm_retries:
            if error.of_server:  # a question counts once, however often it was tried
                self._breaker.failed()
            raise error.reported from error
        return pause

    async def _listed(self, deadline: float) -> list[str]:
        now = asyncio.get_running_loop().time()
        deadline = min(deadline, now + self._settings.llm_connect_seconds)
        async with self._server.response("GET", "/models", None, deadline) as response:
            waiting = Waiting(self._settings, deadline)
            listed = parsed(await waiting.for_(whole(response.aiter_raw()))).get("data")
        entries = listed[:MAX_MODELS] if isinstance(listed, list) else []
        names = (entry.get("id") for entry in entries if isinstance(entry, dict))
        return [name for name in names if isinstance(name, str) and _is_name(name)]

    async def _attempt(
        self, messages: Sequence[Message], max_tokens: int, deadline: float
    ) -> AsyncGenerator[str]:
        """A reply; what breaks off before its first piece is as if it were refused."""
        begun = False
        try:
            async with aclosing(self._reply(messages, max_tokens, deadline)) as pieces:
                async for piece in pieces:
                    begun = True
                    yield piece
        except (BrokenStreamError, ContextLengthError) as error:
            if begun:  # nobody may begin the answer anew
                raise GenerationError(error.message, error.remedy) from error
            broke = isinstance(error, BrokenStreamError)
            raise Refusal(error, passing=broke, of_server=broke) from error
        except Refusal as error:
            self._newer = self._newer or error.of_names
            raise await self._with_names(error, deadline) from error

    def _limits(self, max_tokens: int) -> dict[str, float]:
        """As the server calls them: newer models of OpenAI take no temperature."""
        max_tokens += self._settings.llm_thinking_tokens
        if self._newer:
            return {"max_completion_tokens": max_tokens}
        return {"max_tokens": max_tokens, "temperature": self._settings.llm_temperature}

    async def _with_names(self, error: Refusal, deadline: float) -> Refusal:
        """The same refusal; that of a model names those that there are."""
        if not error.of_model:
            return error
        try:
            known = [shown_model(name) for name in (await self._listed(deadline))[:10]]
        except (Refusal, GenerationError):
            known = []
        if known:
            remedy = f"Set CITYDIP_LLM_MODEL to one of: {', '.join(known)}."
            told = ModelRefusedError(error.reported.message, remedy[:1000])
            return Refusal(told, of_server=False)
        return error

    async def _reply(
        self, messages: Sequence[Message], max_tokens: int, deadline: float
    ) -> AsyncGenerator[str]:
        if not self._model:
            self._model = next(iter(await self._listed(deadline)), "")
        asked = {
            "messages": list(messages),
            **self._limits(max_tokens),
            "stream": True,
            **({"model": self._model} if self._model else {}),
        }
        async with self._server.response(
            "POST", "/chat/completions", asked, deadline, self._model
        ) as response:
            waiting = Waiting(self._settings, deadline)
            async with aclosing(self._told(response, waiting)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _told(self, response: httpx.Response, waiting: Waiting) -> AsyncGenerator[str]:
        """The pieces of a reply, as long as they are not too many."""
        room = MAX_ANSWER_CHARACTERS + CHARACTERS_PER_TOKEN * self._settings.llm_thinking_tokens
        finish, thinks = "", False
        async with aclosing(waiting.each(pieces_of(response.aiter_raw()))) as source:
            async for piece in source:
                thinks = thinks or piece.thinks
                if piece.text or piece.thinks:
                    waiting.heard()
                if piece.text:
                    yield piece.text[:room]
                room -= len(piece.text)
                if piece.finish:
                    finish = finish or piece.finish
                    waiting.settle()
                if room < 0:
                    raise AnswerCutError(
                        "The model does not stop writing.", "Choose another model."
                    )
        _check_end(finish, "THINKING" if thinks else "MAX")


def _is_name(name: str) -> bool:
    """Whether a model can be asked for, and named, by this; what a terminal obeys is no name."""
    return bool(name.strip()) and name.isprintable() and len(name) <= MAX_NAME_CHARACTERS


def _check_end(finish: str, tokens: str) -> None:
    """Refuse an answer that did not come to its end.

    Args:
        finish: why it is complete; empty if it is not.
        tokens: the part of a setting's name that gives a model more of them.

    Raises:
        AnswerCutError: the model was stopped.
        BrokenStreamError: the stream was.
    """
    if not finish:
        raise BrokenStreamError(
            "The model server broke off in the middle of the answer.",
            "Ask again; if it goes on, look at the model server's log.",
        )
    if finish not in _ENDS:
        raise AnswerCutError(
            f"The model stopped before the end of its answer: {error_text(finish)}.",
            f"Raise CITYDIP_LLM_{tokens}_TOKENS." if finish in _FULL else "",
        )
