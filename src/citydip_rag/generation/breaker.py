"""A circuit breaker: a server that keeps failing is left alone for a while.

After Nygard, Release It! (2007): closed while all is well, open after several failures in a row,
and then half open: one call is let through, and what becomes of it decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from citydip_rag.errors import GenerationError, GeneratorUnavailableError
from citydip_rag.generation.faults import RefusedError


class CircuitBreaker:
    """Counts failures in a row. For one event loop."""

    def __init__(
        self, failures: int = 3, seconds: float = 15.0, clock: Callable[[], float] = monotonic
    ) -> None:
        """Open for so many seconds after so many failures in a row."""
        self._limit = failures
        self._seconds = seconds
        self._clock = clock
        self._failures = 0
        self._closed_at = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether a call would be refused now."""
        waiting = self._clock() < self._closed_at
        return self._failures >= self._limit and (waiting or self._probing)

    @contextmanager
    def call(self) -> Iterator[None]:
        """Around one call.

        A call that was refused by a server that works, or that nobody waits for any more, says
        nothing about the server's health.

        Raises:
            GeneratorUnavailableError: the breaker is open.
        """
        self._refuse_if_open()
        probe = self._failures >= self._limit
        self._probing = self._probing or probe
        try:
            yield
        except RefusedError:
            self._failures = 0
            raise
        except GenerationError:
            self._failures += 1
            self._closed_at = self._clock() + self._seconds
            raise
        else:
            self._failures = 0
        finally:
            if probe:
                self._probing = False

    def _refuse_if_open(self) -> None:
        if not self.is_open:
            return
        wait = max(1.0, self._closed_at - self._clock())
        raise GeneratorUnavailableError(
            f"The LLM server failed {self._failures} times in a row and is left alone for now.",
            f"It is tried again in {wait:.0f} s; ask again then.",
            retry_after=wait,
        )
