"""A GGUF file in this process, through xllamacpp (llama.cpp)."""

from __future__ import annotations

import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from pydantic import SecretStr

from citydip_rag.errors import MissingDependencyError, ModelError, SettingsError
from citydip_rag.generation.chat import ChatGenerator
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.generation.prompts import Message
from citydip_rag.settings import Settings


class LlamaCppGenerator(ChatGenerator):
    """Runs a model in llama.cpp's own threads.

    llama.cpp answers in this process on a loopback port with a key that nobody else knows. That way
    the event loop is never held up, and who leaves stops the model, as with any other server.
    """

    def __init__(self, settings: Settings) -> None:
        """Load the model, which takes seconds.

        Raises:
            MissingDependencyError: xllamacpp is not installed.
            SettingsError: no model file is named, or there is none.
            ModelError: the file cannot be loaded.
        """
        super().__init__(settings.llm_context_tokens, settings.llm_max_tokens)
        self._server = _load(settings, key := secrets.token_urlsafe(24))
        self._file = settings.llm_gguf.name if settings.llm_gguf else ""
        self._inner = OpenAIGenerator(
            settings.model_copy(
                update={
                    "llm_base_url": f"{self._server.listening_address}/v1",
                    "llm_api_key": SecretStr(key),
                    "llm_model": "",
                }
            )
        )

    @property
    def name(self) -> str:
        """`llamacpp`."""
        return "llamacpp"

    @property
    def model(self) -> str:
        """The file's name."""
        return self._file

    async def chat(
        self, messages: Sequence[Message], *, max_tokens: int
    ) -> AsyncGenerator[str, None]:
        """The answer in pieces; leaving the iterator stops the model."""
        async with aclosing(self._inner.chat(messages, max_tokens=max_tokens)) as said:
            async for piece in said:
                yield piece

    async def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """By the model's own tokenizer."""
        return await self._inner.count_tokens(texts)

    async def aclose(self) -> None:
        """Unload the model."""
        await self._inner.aclose()
        self._server = None


def _load(settings: Settings, key: str) -> Any:
    try:
        import xllamacpp
    except ImportError as error:
        raise MissingDependencyError(
            "The generator llamacpp needs xllamacpp.", "pip install 'citydip-rag[llamacpp]'"
        ) from error
    path = settings.llm_gguf
    if path is None or not path.is_file():
        named = f"The model file {path.name!r} does not exist." if path else "No model is named."
        raise SettingsError(named, "Set CITYDIP_LLM_GGUF to a GGUF file.")
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = settings.llm_context_tokens
    params.n_parallel = 1
    params.api_keys = [key]
    params.verbosity = 0
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise ModelError(
            f"The model file {path.name!r} cannot be loaded.",
            "It must be a GGUF file of a chat model that fits into memory.",
        ) from error
