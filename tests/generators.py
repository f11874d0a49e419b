"""Generators that write what a test tells them, or never end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from citydip_rag.errors import GenerationError
from citydip_rag.generation import GenerationRequest, Generator


class Scripted(Generator):
    """Writes a text in pieces of five characters."""

    def __init__(
        self, text: str, name: str = "scripted", *, fails_after: int | None = None
    ) -> None:
        self._text = text
        self._name = name
        self._fails_after = fails_after

    @property
    def name(self) -> str:
        return self._name

    @property
    def model(self) -> str:
        return "script"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        for start in range(0, len(self._text), 5):
            if self._fails_after is not None and start >= self._fails_after:
                raise GenerationError("The server broke off.", "Ask again.")
            yield self._text[start : start + 5]
            await asyncio.sleep(0)


class Endless(Generator):
    """Writes one text and then nothing for ever, and knows when it is stopped."""

    def __init__(self, text: str, name: str = "endless") -> None:
        self._text = text
        self._name = name
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    @property
    def name(self) -> str:
        return self._name

    @property
    def model(self) -> str:
        return "none"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        self.begun.set()
        try:
            yield self._text
            await asyncio.sleep(3600)
        finally:
            self.ended.set()
