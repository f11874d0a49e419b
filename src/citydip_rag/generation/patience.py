"""How long an answer is waited for, and when a request is made again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from citydip_rag.errors import GenerationError, GeneratorUnavailableError
from citydip_rag.settings import Settings

T = TypeVar("T")
FIRST_PAUSE: Final = 0.5
LONGEST_PAUSE: Final = 8.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, and attempts after the first."""

    connect: float
    first_token: float
    between_tokens: float
    total: float
    retries: int

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say."""
        return cls(
            settings.llm_connect_seconds,
            settings.llm_first_token_seconds,
            settings.llm_between_tokens_seconds,
            settings.llm_total_seconds,
            settings.llm_retries,
        )


class Patience:
    """The time left for one answer over all attempts at it."""

    def __init__(self, limits: Limits) -> None:
        """The total begins now."""
        self._limits = limits
        self._time = asyncio.get_running_loop().time
        self._end = self._time() + limits.total
        self.begin()

    def begin(self) -> None:
        """A new attempt: wait for its first token."""
        self._spoke = False
        self._quiet_until = self._time() + self._limits.first_token

    def heard(self) -> None:
        """A token came: wait for the next."""
        self._spoke = True
        self._quiet_until = self._time() + self._limits.between_tokens

    def settle(self, seconds: float) -> None:
        """The answer is complete: wait hardly any longer."""
        self._quiet_until = min(self._quiet_until, self._time() + seconds)

    async def wait_for(self, awaitable: Awaitable[T]) -> T:
        """Its result, if that comes in time.

        Raises:
            GenerationError: it does not; names the limit.
        """
        try:
            async with asyncio.timeout_at(min(self._end, self._quiet_until)) as limit:
                return await awaitable
        except TimeoutError:
            if not limit.expired():
                raise
            raise self._too_late() from None

    async def pause(self, attempt: int, error: GeneratorUnavailableError) -> None:
        """Wait before the next attempt: as long as the server asks, else a random while.

        The while grows from attempt to attempt and is taken from all of its range ("full jitter",
        Brooker, AWS Architecture Blog 2015), so that many clients do not come back at once.

        Raises:
            GeneratorUnavailableError: the given one, if there is no time for it.
        """
        seconds = error.retry_after
        if seconds is None:
            most = min(LONGEST_PAUSE, FIRST_PAUSE * 2**attempt)
            seconds = random.uniform(0, most)  # noqa: S311  # spreads load, is no secret
        if self._time() + seconds >= self._end:
            raise error
        await asyncio.sleep(seconds)

    def _too_late(self) -> GenerationError:
        limits = self._limits
        if self._end <= self._quiet_until:
            return GenerationError(
                f"The LLM server did not finish within {limits.total:g} s.",
                "Ask for less, or raise CITYDIP_LLM_TOTAL_SECONDS.",
            )
        if self._spoke:
            return GenerationError(
                f"The LLM server fell silent for {limits.between_tokens:g} s within its answer.",
                "Look into the server's log, or raise CITYDIP_LLM_BETWEEN_TOKENS_SECONDS.",
            )
        return GenerationError(
            f"The LLM server did not begin to answer within {limits.first_token:g} s.",
            "Use a smaller model, or raise CITYDIP_LLM_FIRST_TOKEN_SECONDS.",
        )
