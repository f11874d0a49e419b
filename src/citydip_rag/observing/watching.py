"""The seam of watching a question: told what happens, and by default deaf to it."""

# ruff: noqa: ARG002  # what does nothing uses nothing
from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable
from typing import Final

from citydip_rag.events import Event
from citydip_rag.observing.tracing import Attributes
from citydip_rag.schema import SearchResult


class Watch:
    """One question being answered; this one is not watched."""

    def over(self, events: AsyncGenerator[Event]) -> AsyncGenerator[Event]:
        """The same events, watched."""
        return events

    async def of(self, work: Awaitable[SearchResult]) -> SearchResult:
        """The same result, watched."""
        return await work

    def step(self, name: str) -> None:
        """A step begins, and the one before it ends."""

    def part(self, name: str, seconds: float) -> None:
        """Something within the step took so long, up to now."""

    def note(self, attributes: Attributes) -> None:
        """Something is known of the step that goes on."""


class Observer:
    """Begins watches; this one begins none."""

    def question(self, name: str, question: str) -> Watch:
        """Watch a question.

        Args:
            name: of what is done with it: `answer` or `search`.
            question: as it came.
        """
        return UNWATCHED

    def indexed(self, outcome: str, seconds: float) -> None:
        """A run of indexing has ended.

        Args:
            outcome: one of few.
            seconds: it took.
        """

    def close(self) -> None:
        """Send what has not been sent; blocks for a few seconds at most."""


UNWATCHED: Final = Watch()
UNOBSERVED: Final = Observer()
