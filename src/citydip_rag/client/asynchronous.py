"""The client for programs that do other things meanwhile, on asyncio or trio."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar, Unpack

import anyio
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


class AsyncClient:
    """Asks a running server. Safe to use from many tasks; close it when done.

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
        transport: httpx.AsyncBaseTransport | None = None,
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
        self._http = httpx.AsyncClient(
            base_url=base_url,
            headers=calls.headers(api_key),
            timeout=calls.timeouts(timeout),
            transport=transport,
        )

    async def __aenter__(self) -> Self:
        """Use it as a context, at whose end it is closed."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answer a question from the documents, or abstain."""
        return await self._send(calls.ask(question, options))

    async def stream(self, question: str, **options: Unpack[Options]) -> AsyncGenerator[Event]:
        """Answer a question, telling what happens; the last event holds what `ask` returns.

        Closing the iterator ends the work.
        """
        call = calls.stream(question, options)
        response = await self._tried(call, lambda: self._opened(call))
        try:
            reader = EventReader()
            async for piece in response.aiter_bytes():
                for event in reader.feed(piece):
                    yield event
            reader.finish()
        except httpx.TransportError as error:
            raise connection_error(error, self._address) from error
        finally:
            await response.aclose()

    async def search(
        self, question: str, *, top_k: int | None = None, documents: Sequence[str] | None = None
    ) -> SearchResult:
        """The best passages for a question, without an answer."""
        return await self._send(calls.search(question, top_k, documents))

    async def documents(self) -> DocumentList:
        """Every file of the folder, and how it stands with indexing it."""
        return await self._send(calls.documents())

    async def document(self, document_id: str) -> DocumentDetail:
        """A document without its text."""
        return await self._send(calls.document(document_id))

    async def text(self, document_id: str, start: int = 0, end: int | None = None) -> str:
        """A document's text from start to end, or all of it, however long."""
        pieces = []
        while True:
            part = await self._send(calls.text(document_id, start, end))
            pieces.append(part.text)
            if not part.text or part.end >= part.characters or part.end == end:
                return "".join(pieces)
            start = part.end

    async def add(self, *files: File, replace: bool = False) -> Accepted:
        """Add files to the folder: all of them or, where one is refused, none.

        Args:
            files: paths, or names with contents.
            replace: whether files of those names may be replaced.
        """
        with calls.opened(files) as sent:
            return await self._send(calls.add(sent, replace=replace))

    async def remove(self, document_id: str) -> Accepted:
        """Take a file out of the folder."""
        return await self._send(calls.remove(document_id))

    async def indexing(self) -> Job:
        """The present run of indexing, or the last one."""
        return await self._send(calls.indexing())

    async def wait(self, timeout: float = 600.0, every: float = 0.5) -> Job:
        """Wait until nothing is being indexed.

        Args:
            timeout: seconds to wait at most.
            every: seconds between two looks.

        Raises:
            ServerLateError: it takes longer.
        """
        deadline = time.monotonic() + timeout
        while not calls.is_over(job := await self.indexing()):
            if time.monotonic() >= deadline:
                raise ServerLateError("The indexing is not done yet.", "Wait for it once more.")
            await anyio.sleep(every)
        return job

    async def ready(self) -> Ready:
        """What the server answers from."""
        return await self._send(calls.ready())

    @property
    def _address(self) -> str:
        return calls.shown(self._http.base_url)

    async def _send(self, call: Call[T]) -> T:
        async def send() -> T:
            return call.read(await self._http.send(call.request(self._http)))

        return await self._tried(call, send)

    async def _opened(self, call: Call[T]) -> httpx.Response:
        """A response that is read as it comes; an error's is read whole."""
        response = await self._http.send(call.request(self._http), stream=True)
        if not response.is_success:
            await response.aread()
        return checked(response)

    async def _tried(self, call: Call[T], send: Callable[[], Awaitable[R]]) -> R:
        for attempt in range(self._retries + 1):
            try:
                return await send()
            except httpx.TransportError as error:
                wait = call.wait(error, attempt, self._retries)
                if wait is None:
                    raise connection_error(error, self._address) from error
            except ProblemError as error:
                wait = call.wait(error, attempt, self._retries)
                if wait is None:
                    raise
            await anyio.sleep(wait)
        raise AssertionError("the last attempt returns or raises")
