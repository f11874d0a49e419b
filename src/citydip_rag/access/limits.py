"""How much one key, and one address, may ask: in a minute, and at once.

Counted in this process' memory; several servers each grant as much.
"""

from __future__ import annotations

import math
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Final

from citydip_rag.access.addresses import counted_as
from citydip_rag.access.principals import Principal
from citydip_rag.errors import TooManyRequestsError
from citydip_rag.settings import Settings

FAILURES_A_MINUTE: Final = 10
"""Keys that are not valid, from one address."""
MOST_BUCKETS: Final = 10_000
_SECONDS_TO_WAIT_FOR_ONE: Final = 1


class Buckets:
    """A token bucket for each name; of more names than may be kept, those longest idle are full.

    Source: the token bucket as in Tanenbaum, Computer Networks, “Traffic Shaping”.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        """Have so many tokens come in a minute, and as many be saved up; 0: without end."""
        self._size = per_minute
        self._clock = clock
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, name: str) -> int:
        """Seconds until there is a token; 0 where there is one."""
        lacking = 1 - self._tokens(name)
        return math.ceil(lacking * 60 / self._size) if self._size and lacking > 0 else 0

    def take(self, name: str) -> None:
        """Use a token; where there is none, the bucket stays empty."""
        if not self._size:
            return
        self._held[name] = (max(self._tokens(name) - 1, 0.0), self._clock())
        self._held.move_to_end(name)
        if len(self._held) > MOST_BUCKETS:
            self._held.popitem(last=False)

    def __len__(self) -> int:
        return len(self._held)

    def _tokens(self, name: str) -> float:
        tokens, since = self._held.get(name, (float(self._size), self._clock()))
        return min(tokens + (self._clock() - since) * self._size / 60, self._size)


class Slots:
    """How much goes on at once under each name."""

    def __init__(self, most: int) -> None:
        """Have so much go on; 0: without end."""
        self._most = most
        self._taken: Counter[str] = Counter()

    def full(self, name: str) -> bool:
        """Whether no more may go on."""
        return 0 < self._most <= self._taken[name]

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """Something that goes on as long as the context lasts."""
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]


class Share:
    """What one kind of asker may."""

    def __init__(self, who: str, per_minute: int, at_once: int) -> None:
        """Grant each so many questions a minute and at once.

        Args:
            who: what is counted, for the message: `key` or `address`.
            per_minute: 0: without end.
            at_once: likewise.
        """
        self._who = who
        self._per_minute, self._at_once = per_minute, at_once
        self._buckets, self._slots = Buckets(per_minute), Slots(at_once)

    def check(self, name: str) -> None:
        """Refuse who has had their share.

        Raises:
            TooManyRequestsError: says when there is more.
        """
        if self._slots.full(name):
            raise TooManyRequestsError(
                f"This {self._who} may ask {self._at_once} questions at once.",
                _SECONDS_TO_WAIT_FOR_ONE,
            )
        if seconds := self._buckets.wait(name):
            raise TooManyRequestsError(
                f"This {self._who} may ask {self._per_minute} questions a minute.", seconds
            )

    @contextmanager
    def one(self, name: str) -> Iterator[None]:
        """One question, for as long as it is answered."""
        self._buckets.take(name)
        with self._slots.one(name):
            yield


class Limits:
    """What every key and every address may."""

    def __init__(self, settings: Settings) -> None:
        """Grant what the settings say."""
        self._keys = Share("key", settings.key_questions_per_minute, settings.key_questions_at_once)
        self._addresses = Share(
            "address", settings.address_questions_per_minute, settings.address_questions_at_once
        )
        self._failures = Buckets(FAILURES_A_MINUTE)

    @contextmanager
    def asking(self, principal: Principal, address: str) -> Iterator[None]:
        """One question, for as long as it is answered.

        Raises:
            TooManyRequestsError: the key or the address has had its share.
        """
        counted = [(self._addresses, counted_as(address))]
        if principal.id:
            counted.append((self._keys, principal.id))
        for share, name in counted:
            share.check(name)
        with ExitStack() as stack:
            for share, name in counted:
                stack.enter_context(share.one(name))
            yield

    def check_failures(self, address: str) -> None:
        """Refuse an address that has shown too many keys that are not valid.

        Raises:
            TooManyRequestsError: says when another is looked at.
        """
        if seconds := self._failures.wait(counted_as(address)):
            raise TooManyRequestsError("Too many keys were not valid.", seconds)

    def note_failure(self, address: str) -> None:
        """Count a key that is not valid."""
        self._failures.take(counted_as(address))
