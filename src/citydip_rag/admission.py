"""How many questions are worked at once, and how many may wait; what is beyond that is refused.

A server that takes in all it is asked answers nobody in time. One place counts every question,
whichever way it comes:

    async with admission.turn():
        answer = await engine.ask(question)

In a route of the API that is one line, `dependencies=[Admitted]` of `server.dependencies`, and
`**OVERLOADED` among its `responses`.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from citydip_rag.errors import OverloadedError
from citydip_rag.settings import Settings

LONGEST_WAIT: Final = 60
"""Seconds after which anybody may ask again, however long answers take."""
_NEWEST_SHARE: Final = 0.1
"""Of the newest turn in the mean of what turns take."""

logger = logging.getLogger(__name__)


class Admission:
    """Hands out turns, first come, first served. For use in one event loop."""

    def __init__(self, at_once: int, waiting: int) -> None:
        """Have so many turns at a time, and so many wait for one."""
        self._at_once = at_once
        self._room = at_once + waiting
        self._turns = asyncio.Semaphore(at_once)
        self._seconds = 0.0
        self.present = 0
        """Questions that are being worked or wait."""

    @classmethod
    def of(cls, settings: Settings) -> Admission:
        """As many as the settings say."""
        return cls(settings.questions_at_once, settings.questions_waiting)

    @property
    def waiting(self) -> int:
        """Questions that wait for a turn."""
        return max(self.present - self._at_once, 0)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            OverloadedError: as many wait as may; at once.
        """
        if self.present >= self._room:
            raise OverloadedError(self._seconds_until_room())
        self.present += 1
        try:
            async with self._turns:
                begun = monotonic()
                try:
                    yield
                finally:
                    self._seconds += _NEWEST_SHARE * (monotonic() - begun - self._seconds)
        finally:
            self.present -= 1

    def _seconds_until_room(self) -> int:
        """When those present may have been answered, by what answers took of late."""
        expected = math.ceil(self._seconds * self.present / self._at_once)
        return min(max(expected, 1), LONGEST_WAIT)
