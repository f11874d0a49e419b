"""A server's desk for feedback: gives out receipts, takes ratings, logs questions where told to.

Answers never wait for the database: receipts need none, and questions are written down in the
background, in batches. Where the database fails, that is one warning; what could not be written is
lost, and who rates an answer is told.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic
from typing import Final

from citydip_rag.errors import CitydipError, FeedbackOffError, StateError
from citydip_rag.feedback.nouns import Asked, Rated, Rating, Reason
from citydip_rag.feedback.receipts import Seal, today
from citydip_rag.feedback.store import Store
from citydip_rag.questions import without_controls
from citydip_rag.schema import Answer
from citydip_rag.settings import Settings

_SECONDS_BETWEEN_BATCHES: Final = 1.0
_SECONDS_OF_REST: Final = 60.0
"""For which the log leaves a database alone that has failed."""
_SECONDS_BETWEEN_SWEEPS: Final = 24 * 60 * 60.0
_MOST_PENDING: Final = 1_000
"""Questions not yet written; of more the oldest are lost."""
_WRITERS: Final = 2
"""Threads of their own: a database that keeps them waiting must not keep the answers waiting."""
_MOST_WAITING: Final = 32
"""Ratings that wait for a writer."""

logger = logging.getLogger(__name__)


class Desk:
    """Feedback of one server."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet: a server starts and answers whatever the database does."""
        self._settings = settings
        self._seal = Seal(Seal.new_key())  # until the one that all servers share can be had
        self._store: Store | None = None
        self._opening = threading.Lock()
        self._writers = ThreadPoolExecutor(_WRITERS, thread_name_prefix="citydip-feedback")
        self._waiting = 0
        self._pending: deque[Asked] = deque(maxlen=_MOST_PENDING)
        self._failing = False
        self._rests_until = self._sweeps_at = 0.0

    def finish(self, answer: Answer) -> Answer:
        """The answer with its receipt; its question is logged if the settings say so."""
        if self._settings.question_log == "on":
            self._pending.append(Asked.of(answer, today()))
        if self._settings.feedback == "off":
            return answer
        return answer.model_copy(update={"receipt": self._seal.receipt(answer)})

    async def rate(
        self,
        receipt: str,
        rating: Rating | None,
        reasons: Sequence[Reason] = (),
        comment: str = "",
    ) -> str:
        """Keep what a reader thinks of an answer, in place of what they thought before.

        Args:
            receipt: of the answer.
            rating: None takes an earlier one back.
            reasons: what is wrong.
            comment: the reader's own words.

        Returns:
            The answer's id.

        Raises:
            FeedbackOffError: no ratings are taken here.
            ReceiptError: the receipt is none of ours, or too old.
            StateError: the rating could not be kept.
        """
        if self._settings.feedback == "off":
            raise FeedbackOffError("No ratings are taken here.")

        def keep() -> str:
            store = self._opened()
            given = self._seal.opened(receipt)
            if rating is None:
                store.take_back(given.id)
            else:
                said = {"comment": without_controls(comment), "reasons": tuple(reasons)}
                content = {**given.model_dump(), **said, "rating": rating, "day": today()}
                store.rate(Rated.model_validate(content))
            return given.id

        return await self._written(keep)

    async def _written(self, work: Callable[[], str]) -> str:
        """The result of some work with the database, done by a writer."""
        if self._waiting >= _MOST_WAITING:
            raise StateError("Too many ratings wait to be kept.", "Try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._writers, work)
        finally:
            self._waiting -= 1

    @contextmanager
    def working(self) -> Iterator[None]:
        """Log what is asked and forget what is too old, in a thread of its own."""
        ended = threading.Event()

        def work() -> None:
            self._tend()
            while not ended.wait(_SECONDS_BETWEEN_BATCHES):
                self._tend()
            self._tend()

        thread = threading.Thread(target=work, name="citydip-tend-feedback", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=10 * _SECONDS_BETWEEN_BATCHES)
            self.close()

    def close(self) -> None:
        """Take no more ratings, and close the database."""
        self._writers.shutdown(wait=False, cancel_futures=True)
        if self._store is not None:
            self._store.close()

    def _tend(self) -> None:
        """Write down what was asked and, once a day, forget what is too old."""
        if monotonic() < self._rests_until:
            return
        try:
            self._write_and_sweep(self._opened())
        except CitydipError as error:
            self._rests_until = monotonic() + _SECONDS_OF_REST
            if not self._failing:
                logger.warning("feedback and questions cannot be kept: %s", error)
            self._failing = True
        else:
            self._failing = False

    def _write_and_sweep(self, store: Store) -> None:
        asked = [self._pending.popleft() for _ in range(len(self._pending))]
        if asked:
            store.log(asked)
        if monotonic() >= self._sweeps_at:
            keeping = self._settings
            store.forget_ratings(today() - timedelta(days=keeping.feedback_days))
            store.forget_questions(today() - timedelta(days=keeping.question_log_days))
            self._sweeps_at = monotonic() + _SECONDS_BETWEEN_SWEEPS

    def _opened(self) -> Store:
        """The database, opened as soon as that succeeds."""
        with self._opening:
            if self._store is None:
                store = Store.open(self._settings)
                try:
                    self._seal = self._seal.under(store.key())
                except StateError:
                    store.close()
                    raise
                self._store = store
            return self._store
