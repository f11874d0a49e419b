"""Any server that speaks OpenAI's chat protocol: OpenAI, Ollama, vLLM, llama.cpp, LM Studio."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

from citydip_rag.errors import GenerationError, GeneratorUnavailableError
from citydip_rag.generation.breaker import CircuitBreaker
from citydip_rag.generation.chat import ChatGenerator
from citydip_rag.generation.connection import Connection, broken
from citydip_rag.generation.faults import BrokenStreamError, UnknownModelError, excerpt
from citydip_rag.generation.patience import Limits, Patience
from citydip_rag.generation.prompts import Message
from citydip_rag.generation.sse import Piece, Reply, Thoughts, lines
from citydip_rag.settings import Settings

MAX_ANSWER: Final = 20_000
"""Characters; a server that writes more does not keep to the tokens it was allowed."""
SURVEY_SECONDS: Final = 2.0
"""For asking what would only make an answer better."""
SETTLING: Final = 0.2
"""Seconds for the end of a stream to come after the end of the answer in it."""
MODELS_SHOWN: Final = 8

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model as its server lists it.

    Attributes:
        name: by which it is asked for.
        tokenizes: whether the server is llama.cpp, which counts tokens.
        context: tokens it can hold, where the server says so.
    """

    name: str
    tokenizes: bool = False
    context: int | None = None


class OpenAIGenerator(ChatGenerator):
    """Asks a chat server over HTTP."""

    def __init__(self, settings: Settings) -> None:
        """Read the settings `llm_*`; nothing is sent yet.

        Raises:
            SettingsError: address or key cannot be used.
        """
        super().__init__(settings.llm_context_tokens, settings.llm_max_tokens)
        self.connection = Connection(settings)
        self.breaker = CircuitBreaker()
        self._limits = Limits.of(settings)
        self._temperature = settings.llm_temperature
        self._wanted = settings.llm_model
        self._served = ServedModel(settings.llm_model) if settings.llm_model else None

    @property
    def name(self) -> str:
        """`openai`."""
        return "openai"

    @property
    def model(self) -> str:
        """The model's name; before the first question it may not be known yet."""
        return shown_name(self._served.name) if self._served else "the server's first model"

    async def chat(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """The answer in pieces; leaving the iterator closes the connection at once."""
        patience = Patience(self._limits)
        with self.breaker.call():
            attempt = 0
            while True:
                begun = False
                try:
                    async with aclosing(self._attempt(messages, max_tokens, patience)) as said:
                        async for piece in said:
                            begun = True
                            yield piece
                except GeneratorUnavailableError as error:
                    if begun or attempt >= self._limits.retries:
                        raise
                    await patience.pause(attempt, error)
                    attempt += 1
                else:
                    return

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """By the server's own tokenizer where it is llama.cpp, else estimated."""
        served = self._served
        if self.breaker.is_open or (self._wanted and not (served and served.tokenizes)):
            return await super().count_tokens(texts)
        patience = Patience(replace(self._limits, first_token=SURVEY_SECONDS))
        try:
            served = self._served = served or await self.survey(patience)
            if served.context:
                self._context_tokens = min(self._context_tokens, served.context)
            if served.tokenizes:
                return [await self._tokens(text, patience) for text in texts]
        except (GenerationError, ValueError, TypeError, LookupError) as error:
            logger.info("tokens are estimated: %s", type(error).__name__)
        return await super().count_tokens(texts)

    async def models(self, patience: Patience | None = None) -> list[ServedModel]:
        """The models that the server lists, in its order.

        Raises:
            GenerationError: it lists none.
        """
        raw = await self.connection.fetch("GET", "models", patience or Patience(self._limits))
        try:
            listed = json.loads(raw)["data"]
            found = [_served(item) for item in listed if isinstance(item.get("id"), str)]
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise BrokenStreamError(
                "The LLM server does not list its models.", "Set CITYDIP_LLM_MODEL to one of them."
            ) from None
        if not found:
            raise UnknownModelError("The LLM server has no model.", "Load one into it.")
        return found

    async def survey(self, patience: Patience) -> ServedModel:
        """The model to ask: the one wanted, or the server's first."""
        if self._wanted:
            return ServedModel(self._wanted)
        return (await self.models(patience))[0]

    async def aclose(self) -> None:
        """Close the connections."""
        await self.connection.aclose()

    async def _attempt(
        self, messages: Sequence[Message], max_tokens: int, patience: Patience
    ) -> AsyncGenerator[str, None]:
        """One request's answer."""
        patience.begin()
        self._served = self._served or await self.survey(patience)
        body = {
            "model": self._served.name,
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": self._temperature,
            "stream": True,
        }
        thoughts, written = Thoughts(), 0
        try:
            async with (
                self.connection.send("POST", "chat/completions", patience, body) as chunks,
                aclosing(pieces(chunks, self.connection.key, patience)) as said,
            ):
                async for piece in said:
                    written += len(piece.text)
                    if written > MAX_ANSWER:
                        raise endless()
                    if shown := thoughts.feed(piece.text):
                        yield shown
            if rest := thoughts.end():
                yield rest
        except UnknownModelError as error:
            self._served = ServedModel(self._wanted) if self._wanted else None
            raise await self._with_models(error) from None

    async def _with_models(self, error: UnknownModelError) -> UnknownModelError:
        """The error, with the models that there are."""
        try:
            found = await self.models(Patience(replace(self._limits, first_token=SURVEY_SECONDS)))
        except GenerationError:
            return error
        names = [excerpt(shown_name(m.name), self.connection.key) for m in found[:MODELS_SHOWN]]
        more = ", …" if len(found) > MODELS_SHOWN else ""
        return UnknownModelError(
            error.message, f"Set CITYDIP_LLM_MODEL to one that it has: {', '.join(names)}{more}."
        )

    async def _tokens(self, text: str, patience: Patience) -> int:
        raw = await self.connection.fetch("POST", "/tokenize", patience, {"content": text})
        return len(json.loads(raw)["tokens"])


async def pieces(
    chunks: AsyncGenerator[bytes, None], key: str, patience: Patience
) -> AsyncGenerator[Piece, None]:
    """The pieces of a reply, up to its end.

    Raises:
        GenerationError: it is none, breaks off, or comes too slowly.
    """
    reply = Reply(key)
    try:
        async with aclosing(lines(chunks)) as read:
            async for line in read:
                for piece in reply.read(line):
                    patience.heard()
                    yield piece
                if reply.ended:
                    patience.settle(SETTLING)
    except GenerationError:
        if not reply.ended:
            raise
    for piece in reply.end():
        yield piece
    if not reply.ended:
        raise broken()


def endless() -> BrokenStreamError:
    """The error where a server does not stop."""
    return BrokenStreamError(
        f"The LLM server wrote more than {MAX_ANSWER:,} characters and did not stop.",
        "Use another model, or a server that keeps to max_tokens.",
    )


def shown_name(model: str) -> str:
    """A model's name for people; where it is a path, its last part only."""
    return model.replace("\\", "/").rstrip("/").rpartition("/")[2] if _is_path(model) else model


def _is_path(model: str) -> bool:
    return model.startswith(("/", "~", ".")) or model[1:3] == ":\\"


def _served(item: dict[str, Any]) -> ServedModel:
    meta = item.get("meta")
    context = meta.get("n_ctx") if isinstance(meta, dict) else None
    return ServedModel(
        item["id"],
        tokenizes=item.get("owned_by") == "llamacpp",
        context=context if isinstance(context, int) and context > 0 else None,
    )
