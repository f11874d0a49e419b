"""The engine of a process that goes on while its index is made anew."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

from citydip_rag.admission import Admission
from citydip_rag.engine import Engine
from citydip_rag.errors import CitydipError, IndexMissingError, IndexUnreachableError
from citydip_rag.index import IndexPlace
from citydip_rag.observing import Observer
from citydip_rag.schema import Answer
from citydip_rag.settings import Settings

POLL_SECONDS = 1.0
"""How often the index' pointer is looked at."""

logger = logging.getLogger(__name__)


class LiveEngine:
    """Always the engine over the newest generation.

    Whoever has taken `current` keeps that engine and its generation for as long as it holds it, so
    that no request in flight notices a change; an engine that nobody holds any more closes itself.

    Attributes:
        admission: hands out the turns in which questions are answered.
    """

    def __init__(self, engine: Engine) -> None:
        """Begin with an opened engine."""
        self._engine = engine
        self.admission = Admission.of(engine.settings)
        self._withdrawn: frozenset[str] = frozenset()
        self._refused: tuple[str, str] | None = None
        self._said = ""
        self._refreshing = threading.Lock()

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Load the model and open the index; raises as `Engine.open` does."""
        return cls(Engine.open(settings))

    @property
    def current(self) -> Engine:
        """The engine to answer the next question with."""
        return self._engine

    @property
    def withdrawn(self) -> frozenset[str]:
        """Ids of documents that are not answered from, whatever the index holds."""
        return self._withdrawn

    def withdraw(self, documents: frozenset[str]) -> None:
        """Answer from these documents no more, from the next generations neither."""
        with self._refreshing:
            self._withdrawn |= documents
            self._engine.withdrawn = self._withdrawn

    def restore(self, documents: frozenset[str]) -> None:
        """Answer from these documents again, if the index holds them."""
        with self._refreshing:
            self._withdrawn -= documents
            self._engine.withdrawn = self._withdrawn

    def observe(self, observer: Observer) -> None:
        """Tell an observer of every question from now on."""
        with self._refreshing:
            self._engine.observer = observer

    def refresh(self) -> bool:
        """Open the newest generation if it is another; blocks while it is verified.

        A generation that cannot be opened is passed over, with a warning, and the one before it
        goes on answering.

        Returns:
            Whether the engine is a new one.
        """
        with self._refreshing:
            place = self._engine.index.place
            try:
                newest = place.current()
                if newest in {self._engine.index.identity, self._refused}:
                    return False
                opened = self._opened(place, newest)
            except IndexMissingError:
                return False
            except CitydipError as error:
                if str(error) != self._said:
                    logger.warning("the index cannot be looked at: %s", error)
                self._said = str(error)
                return False
            self._said = ""
            if opened is None:
                return False
            opened.withdrawn = self._withdrawn
            opened.finish = self._engine.finish
            opened.observer = self._engine.observer
            self._engine = opened
            logger.info("now answering from %s", self._engine.index.generation)
            return True

    def _opened(self, place: IndexPlace, newest: tuple[str, str]) -> Engine | None:
        """An engine over the newest generation, or None where that cannot be used."""
        before = self._engine
        try:
            return Engine.open(before.settings, before.embedder, before.generators, place)
        except IndexUnreachableError:  # not now
            raise
        except CitydipError as error:
            self._refused = newest
            logger.warning("the new index is not taken: %s", error)
            return None

    @contextmanager
    def finishing(self, finish: Callable[[Answer], Answer]) -> Iterator[None]:
        """Let something be done with every answer before it is given."""
        with self._refreshing:
            before, self._engine.finish = self._engine.finish, finish
        try:
            yield
        finally:
            with self._refreshing:
                self._engine.finish = before

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Look for a new generation every second, in a thread of its own."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(POLL_SECONDS):
                self.refresh()

        thread = threading.Thread(target=watch, name="citydip-watch-index", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join(timeout=10 * POLL_SECONDS)
