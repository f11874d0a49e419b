"""Any OpenAI-compatible chat server over HTTP: OpenAI, Ollama, vLLM, llama.cpp, LM Studio."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Final

import httpx

from citydip_rag.errors import GenerationError
from citydip_rag.generation.breaker import CircuitBreaker
from citydip_rag.generation.chat import ChatGenerator, Message
from citydip_rag.generation.refusals import Refusal
from citydip_rag.generation.server import ChatServer
from citydip_rag.generation.wire import event_data, lines, parsed, piece_of, whole
from citydip_rag.settings import Settings

MAX_ANSWER_CHARACTERS: Final = 20_000
_OTHER_FIELDS: Final = (":", "event", "id", "retry")
_FIRST_BACK_OFF_SECONDS: Final = 0.5


class OpenAIGenerator(ChatGenerator):
    """Asks a chat server, with limits on every wait, retries and a circuit breaker."""

    def __init__(self, settings: Settings) -> None:
        """Take address, model, key and limits from the settings; nothing is connected yet."""
        self.context_tokens = settings.llm_context_tokens
        self.answer_tokens = settings.llm_max_tokens
        self.most_passages = settings.llm_passages
        self._settings = settings
        self._model = settings.llm_model
        self._breaker = CircuitBreaker()
        self._server = ChatServer(settings)

    @property
    def name(self) -> str:
        """`openai`."""
        return "openai"

    @property
    def model(self) -> str:
        """As the settings or the server name it."""
        return self._model or "default"

    async def chat(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[str]:
        """The reply as it comes; what fails before its first piece is tried again."""
        if wait := self._breaker.waits():
            raise GenerationError(
                "The model server has failed several times in a row.",
                f"It is asked again in {wait:.0f} s.",
            )
        deadline = asyncio.get_running_loop().time() + self._settings.llm_total_seconds
        attempt = 0
        while True:
            try:
                async with aclosing(self._reply(messages, max_tokens, deadline)) as pieces:
                    async for piece in pieces:
                        yield piece
            except Refusal as error:  # which comes before the first piece
                pause = self._pause(error, attempt, deadline)
            except GenerationError:
                self._breaker.failed()
                raise
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
            return await self._listed()
        except Refusal as error:
            raise error.reported from error

    async def aclose(self) -> None:
        """Close the connections."""
        await self._server.aclose()

    def _pause(self, error: Refusal, attempt: int, deadline: float) -> float:
        """Seconds until the next attempt.

        Raises:
            GenerationError: there is to be none.
        """
        if error.of_server:
            self._breaker.failed()
        longest = _FIRST_BACK_OFF_SECONDS * 2**attempt
        pause = max(error.retry_after, random.uniform(0, longest))  # noqa: S311  # no secret
        late = asyncio.get_running_loop().time() + pause >= deadline
        if not error.passing or late or attempt >= self._settings.llm_retries:
            raise error.reported from error
        return pause

    async def _listed(self) -> list[str]:
        deadline = asyncio.get_running_loop().time() + self._settings.llm_connect_seconds
        async with self._server.response("GET", "/models", None, deadline) as response:
            listed = parsed(await whole(response.aiter_bytes())).get("data")
        entries = listed if isinstance(listed, list) else []
        return [str(entry["id"]) for entry in entries if isinstance(entry, dict) and "id" in entry]

    async def _reply(
        self, messages: Sequence[Message], max_tokens: int, deadline: float
    ) -> AsyncGenerator[str]:
        if not self._model:
            self._model = next(iter(await self._listed()), "")
        body = {
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": self._settings.llm_temperature,
            "stream": True,
            **({"model": self._model} if self._model else {}),
        }
        async with self._server.response(
            "POST", "/chat/completions", body, deadline, self._model
        ) as response:
            if response.headers.get("content-type", "").startswith("application/json"):
                text, _ = piece_of((await whole(response.aiter_bytes())).decode("utf-8", "replace"))
                yield text[:MAX_ANSWER_CHARACTERS]
                return
            async with aclosing(self._streamed(response, deadline)) as pieces:
                async for piece in pieces:
                    yield piece

    async def _streamed(self, response: httpx.Response, deadline: float) -> AsyncGenerator[str]:
        """The pieces of an event stream."""
        now = asyncio.get_running_loop().time
        written, complete = 0, False
        patience = self._settings.llm_first_token_seconds
        until = now() + patience
        source = lines(response.aiter_bytes())
        while (line := await _next(source, until, deadline, patience)) is not None:
            text, ended = _piece(line)
            complete = complete or ended
            if text:
                yield text
                written += len(text)
                patience = self._settings.llm_between_tokens_seconds
                until = now() + patience  # comments keep the connection alive, not the answer
            if written > MAX_ANSWER_CHARACTERS:
                raise GenerationError("The model does not stop writing.", "Choose another model.")
        if not complete:
            raise GenerationError(
                "The model server broke off in the middle of the answer.",
                "Ask again; if it goes on, look at the model server's log.",
            )


def _piece(line: str) -> tuple[str, bool]:
    """The text of a line of the stream, and whether it says that the reply is complete."""
    data = event_data(line)
    if data is not None:
        return piece_of(data)
    if line.strip() and not line.startswith(_OTHER_FIELDS):
        parsed(line)  # says that this is no event stream
    return "", False


async def _next(
    source: AsyncIterator[str], until: float, deadline: float, patience: float
) -> str | None:
    """The next line; None at the end.

    Raises:
        GenerationError: it does not come in time, or the connection broke.
    """
    try:
        async with asyncio.timeout_at(min(until, deadline)):
            return await anext(source, None)
    except TimeoutError as error:
        late = (
            "has not finished the answer in the time it is given"
            if deadline <= until
            else f"has sent nothing for {patience:g} s"
        )
        raise GenerationError(
            f"The model server {late}.",
            "Ask again, choose a smaller model, or raise CITYDIP_LLM_FIRST_TOKEN_SECONDS,"
            " CITYDIP_LLM_BETWEEN_TOKENS_SECONDS or CITYDIP_LLM_TOTAL_SECONDS.",
        ) from error
    except httpx.HTTPError as error:
        raise GenerationError(
            "The connection to the model server broke in the middle of the answer.",
            "Ask again; if it goes on, look at the model server's log.",
        ) from error
