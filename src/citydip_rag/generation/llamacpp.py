"""A GGUF file in this process, through llama.cpp."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from citydip_rag.errors import GenerationError, MissingDependencyError, SettingsError
from citydip_rag.generation.chat import ChatGenerator, Message
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


class LlamaCppGenerator(ChatGenerator):
    """Loads the model at the first question and asks it as a chat server is asked.

    llama.cpp's own server runs in a thread of this process, on a free port of the loopback
    interface and with a key that nobody else knows: that way a reader who leaves ends the work, and
    every limit on waiting holds here too.
    """

    def __init__(self, settings: Settings) -> None:
        """Look for the library and the file; the model is not loaded yet.

        Raises:
            MissingDependencyError: xllamacpp is not installed.
            SettingsError: there is no such file, or it is no GGUF file.
        """
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingDependencyError(
                "The generator llamacpp needs xllamacpp.", "pip install 'citydip-rag[llamacpp]'"
            ) from error
        self._library: Any = xllamacpp
        self._file = _checked(settings.llm_gguf)
        self.context_tokens = settings.llm_context_tokens - settings.llm_thinking_tokens
        self.answer_tokens = settings.llm_max_tokens
        self.most_passages = settings.llm_passages
        self._settings = settings
        self._server: Any = None
        self._client: OpenAIGenerator | None = None
        self._loading: asyncio.Task[OpenAIGenerator] | None = None

    @property
    def name(self) -> str:
        """`llamacpp`."""
        return "llamacpp"

    @property
    def model(self) -> str:
        """The file's name."""
        return self._file.stem

    async def chat(self, messages: Sequence[Message], max_tokens: int) -> AsyncGenerator[str]:
        """The reply as it comes; the first one waits for the model to be loaded."""
        client = self._client or await self._load()
        async with aclosing(client.chat(messages, max_tokens)) as pieces:
            async for piece in pieces:
                yield piece

    async def _load(self) -> OpenAIGenerator:
        """The model's client, loaded once: who does not wait for it leaves it to the next."""
        if self._loading is None or _failed(self._loading):
            self._loading = asyncio.create_task(asyncio.to_thread(self._loaded))
            self._loading.add_done_callback(_failed)
        self._client = await asyncio.shield(self._loading)
        return self._client

    async def aclose(self) -> None:
        """Stop the model's server."""
        if self._client is not None:
            await self._client.aclose()
        self._client = self._server = self._loading = None

    def _loaded(self) -> OpenAIGenerator:
        key = secrets.token_urlsafe(32)
        parameters = self._library.CommonParams()
        parameters.model.path = str(self._file)
        parameters.n_ctx = self._settings.llm_context_tokens
        parameters.n_parallel = 1
        parameters.hostnames = ["127.0.0.1"]
        parameters.port = 0
        parameters.api_keys = [key]
        parameters.verbosity = -1
        try:
            self._server = self._library.Server(parameters)
        except RuntimeError as error:
            raise GenerationError(
                f"The model file {self._file.name} cannot be loaded.",
                "Set CITYDIP_LLM_GGUF to a GGUF file that llama.cpp reads.",
            ) from error
        address = self._server.listening_address
        return OpenAIGenerator(
            self._settings.model_copy(
                update={
                    "llm_base_url": f"{address}/v1",
                    "llm_api_key": SecretStr(key),
                    "llm_model": self.model,
                }
            )
        )


def _failed(loading: asyncio.Task[OpenAIGenerator]) -> bool:
    return loading.cancelled() or (loading.done() and loading.exception() is not None)


def _checked(file: Path | None) -> Path:
    if file is None:
        raise SettingsError(
            "The generator llamacpp needs a model.", "Set CITYDIP_LLM_GGUF to a GGUF file."
        )
    try:
        with file.open("rb") as opened:
            magic = opened.read(4)
    except OSError as error:
        raise SettingsError(
            f"The model file {file.name} cannot be read: {error.strerror}.",
            "Correct CITYDIP_LLM_GGUF.",
        ) from error
    if magic != b"GGUF":
        raise SettingsError(
            f"{file.name} is no GGUF file.", "Set CITYDIP_LLM_GGUF to a model in that format."
        )
    return file
