"""What was looked up a moment ago need not be looked up again."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Executor
from time import monotonic
from typing import Final, Generic, TypeVar

from citydip_rag.errors import StateError

T = TypeVar("T")

SECONDS: Final = 1.0
"""After which a change, such as a revoked key, is seen at the latest."""
PATIENCE: Final = 5.0
"""Seconds that a look may take."""
MOST: Final = 1024
"""So that nobody fills the memory by asking for what there is not."""


class Recent(Generic[T]):
    """Looks things up in threads, and remembers the newest for a second. For one event loop."""

    def __init__(self, look_up: Callable[[str], T], threads: Executor) -> None:
        """Remember what a function finds.

        Args:
            look_up: may block.
            threads: where it runs.
        """
        self._look_up = look_up
        self._threads = threads
        self._held: OrderedDict[str, tuple[float, T]] = OrderedDict()

    async def get(self, name: str) -> T:
        """What is found under a name.

        Raises:
            StateError: it takes too long; else what the function raises. No failure is remembered.
        """
        held = self._held.get(name)
        if held is not None and monotonic() < held[0]:
            return held[1]
        begun = monotonic()  # what is found may be as old as this
        try:
            async with asyncio.timeout(PATIENCE):
                loop = asyncio.get_running_loop()
                found = await loop.run_in_executor(self._threads, self._look_up, name)
        except TimeoutError as error:
            raise StateError(
                "The database of keys does not answer.", "Try again in a moment."
            ) from error
        self._held[name] = (begun + SECONDS, found)
        self._held.move_to_end(name)
        while len(self._held) > MOST:
            self._held.popitem(last=False)
        return found

    def forget(self, name: str) -> None:
        """Look it up anew next time."""
        self._held.pop(name, None)
