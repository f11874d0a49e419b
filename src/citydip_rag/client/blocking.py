"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self, TypeVar, Unpack

import httpx
from pydantic import BaseModel

from citydip_rag.client import calls
from citydip_rag.client.calls import Call, File, Options
from citydip_rag.client.errors import ProblemError, ServerLateError, checked, connection_error
from citydip_rag.client.models import Accepted, DocumentDetail, DocumentList, Job, Ready
from citydip_rag.client.streaming import EventReader
from citydip_rag.events import Event
from citydip_rag.schema import Answer, SearchResult

T = TypeVar("T", bound=BaseModel)
R = TypeVar("R")


class Client:
    """Asks a running server. Safe to use from many threads; close it when done.

    Every method raises a `ProblemError` where the server refuses, a `ServerUnreachableError` or a
    `ServerLateError` where it does not answer, and an `UnexpectedResponseError` where something
    else does.
    """

    def __init__(
        self,
        base_url: str = calls.BASE_URL,
        *,
        api_key: str | None = None,
        timeout: float | httpx.Timeout | None = calls.TIMEOUT,
        retries: int = calls.RETRIES,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Open a client; nothing is sent yet.

        Args:
            base_url: of the server, with the path below which it is reached, if any.
            api_key: sent as a bearer token; default: the variable `CITYDIP_CLIENT_KEY`.
            timeout: seconds between two pieces of a response; None for any.
            retries: how often a call is sent again if that can do no harm: one that only reads, or
                one that the server was too busy to take on.
            transport: another way to the server, as in tests.
        """
        self._retries = retries
        self._http = httpx.Client(
            base_url=base_url,
            headers=calls.headers(api_key),
            timeout=calls.timeouts(timeout),
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Use it as a context, at whose end it is closed."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answer a question from the documents, or abstain."""
        return self._send(calls.ask(question, options))

    def stream(self, question: str, **options: Unpack[Options]) -> Iterator[Event]:
        """Answer a question, telling what happens; the last event holds what `ask` returns.

        Closing the iterator ends the work.
        """
        call = calls.stream(question, options)
        response = self._tried(call, lambda: self._opened(call))
        try:
            reader = EventReader()
            for piece in response.iter_bytes():
                yield from reader.feed(piece)
            reader.finish()
        except httpx.TransportError as error:
            raise connection_error(error, self._address) from error
        finally:
            response.close()

    def search(
        self, question: str, *, top_k: int | None = None, documents: Sequence[str] | None = None
    ) -> SearchResult:
        """The best passages for a question, without an answer."""
        return self._send(calls.search(question, top_k, documents))

    def documents(self) -> DocumentList:
        """Every file of the folder, and how it stands with indexing it."""
        return self._send(calls.documents())

    def document(self, document_id: str) -> DocumentDetail:
        """A document without its text."""
        return self._send(calls.document(document_id))

    def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """A document's text from start to end, or all of it, however long."""
        pieces = []
        while True:
            part = self._send(calls.text(document_id, start, end))
            pieces.append(part.text)
            if not part.text or part.end >= part.characters or part.end == end:
                return "".join(pieces)
            start = part.end

    def add(self, *files: File, replace: bool = False) -> Accepted:
        """Add files to the folder: all of them or, where one is refused, none.

        Args:
            files: paths, or names with contents.
            replace: whether files of those names may be replaced.
        """
        with calls.opened(files) as sent:
            return self._send(calls.add(sent, replace=replace))

    def remove(self, document_id: str) -> Accepted:
        """Take a file out of the folder."""
        return self._send(calls.remove(document_id))

    def indexing(self) -> Job:
        """The present run of indexing, or the last one."""
        return self._send(calls.indexing())

    def wait(self, timeout: float = 600.0, every: float = 0.5) -> Job:
        """Wait until nothing is being indexed.

        Args:
            timeout: seconds to wait at most.
            every: seconds between two looks.

        Raises:
            ServerLateError: it takes longer.
        """
        deadline = time.monotonic() + timeout
        while not calls.is_over(job := self.indexing()):
            if time.monotonic() >= deadline:
                raise ServerLateError("The indexing is not done yet.", "Wait for it once more.")
            time.sleep(every)
        return job

    def ready(self) -> Ready:
        """What the server answers from."""
        return self._send(calls.ready())

    @property
    def _address(self) -> str:
        return calls.shown(self._http.base_url)

    def _send(self, call: Call[T]) -> T:
        return self._tried(call, lambda: call.read(self._http.send(call.request(self._http))))

    def _opened(self, call: Call[T]) -> httpx.Response:
        """A response that is read as it comes; an error's is read whole."""
        response = self._http.send(call.request(self._http), stream=True)
        if not response.is_success:
            response.read()
        return checked(response)

    def _tried(self, call: Call[T], send: Callable[[], R]) -> R:
        for attempt in range(self._retries + 1):
            try:
                return send()
            except httpx.TransportError as error:
                wait = call.wait(error, attempt, self._retries)
                if wait is None:
                    raise connection_error(error, self._address) from error
            except ProblemError as error:
                wait = call.wait(error, attempt, self._retries)
                if wait is None:
                    raise
            time.sleep(wait)
        raise AssertionError("the last attempt returns or raises")
