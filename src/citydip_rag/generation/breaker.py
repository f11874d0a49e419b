"""A circuit breaker: who has failed several times in a row is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Final

FAILURES: Final = 3
"""In a row, after which it opens."""
REST_SECONDS: Final = 15.0


class CircuitBreaker:
    """Counts failures in a row (Nygard, Release It!, 2007)."""

    def __init__(
        self,
        failures: int = FAILURES,
        rest: float = REST_SECONDS,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """Begin closed.

        Args:
            failures: in a row, after which it opens.
            rest: seconds for which it then stays open; one attempt is let through after them.
            clock: seconds, rising.
        """
        self._limit = failures
        self._rest = rest
        self._clock = clock
        self._failed = 0
        self._opened = 0.0

    def waits(self) -> float:
        """Seconds until the next attempt is allowed; 0 lets this one through."""
        if self._failed < self._limit:
            return 0.0
        left = self._opened + self._rest - self._clock()
        if left > 0:
            return left
        self._opened = self._clock()  # others wait for what becomes of this attempt
        return 0.0

    def succeeded(self) -> None:
        """Close it."""
        self._failed = 0

    def failed(self) -> None:
        """Count a failure."""
        self._failed += 1
        if self._failed >= self._limit:
            self._opened = self._clock()
