"""How long the parts of a reply are waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from typing import Final, TypeVar

import httpx

from citydip_rag.errors import GenerationError, ModelLateError
from citydip_rag.generation.wire import BrokenStreamError
from citydip_rag.settings import Settings

SETTLING_SECONDS: Final = 0.2
"""For the end of a stream to come once the answer in it is complete."""

T = TypeVar("T")


class Waiting:
    """The limits on one reply: its first piece, the next piece, and all of it."""

    def __init__(self, settings: Settings, deadline: float) -> None:
        """Begin to wait for the first piece; the deadline is in the event loop's time."""
        self._between = settings.llm_between_tokens_seconds
        self._deadline = deadline
        self._now = asyncio.get_running_loop().time
        self._settled = False
        self._patience = settings.llm_first_token_seconds
        self._until = self._now() + self._patience

    def heard(self) -> None:
        """A piece came. Comments are none: they keep the connection alive, not the answer."""
        if not self._settled:
            self._patience = self._between
            self._until = self._now() + self._patience

    def settle(self) -> None:
        """The answer is complete: what comes behind it is hardly waited for."""
        if not self._settled:
            self._until = self._now() + SETTLING_SECONDS
        self._settled = True

    async def each(self, source: AsyncIterator[T]) -> AsyncGenerator[T]:
        """What comes from a source in time.

        Raises:
            GenerationError: it does not, or the connection breaks, before the answer is complete.
        """
        while True:
            try:
                item = await self.for_(anext(source, None))
            except GenerationError:
                if self._settled:
                    return
                raise
            if item is None:
                return
            yield item

    async def for_(self, awaitable: Awaitable[T]) -> T:
        """The result, if it comes in time.

        Raises:
            GenerationError: it does not, or the connection breaks.
        """
        try:
            async with asyncio.timeout_at(min(self._until, self._deadline)):
                return await awaitable
        except TimeoutError as error:
            late = (
                "has not finished the answer in the time it is given"
                if self._deadline <= self._until
                else f"has sent nothing for {self._patience:g} s"
            )
            raise ModelLateError(
                f"The model server {late}.",
                "Ask again, choose a smaller model, or raise CITYDIP_LLM_FIRST_TOKEN_SECONDS,"
                " CITYDIP_LLM_BETWEEN_TOKENS_SECONDS or CITYDIP_LLM_TOTAL_SECONDS.",
            ) from error
        except httpx.HTTPError as error:
            raise BrokenStreamError(
                "The connection to the model server broke in the middle of the answer.",
                "Ask again; if it goes on, look at the model server's log.",
            ) from error
