"""Connections that send nothing, or next to nothing, keep nobody else from being served.

The server under us waits for ever for the head of a request, and takes connections until the system
has no more of them to give. Here the head has a time to arrive in, and where there are too many
connections, those go that have said nothing for longest.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES: Final = 32 * 1024
"""Of a request's line and headers that are waited for."""
ENDLESS: Final = ("/gradio_api/heartbeat/", "/gradio_api/queue/data")
"""Begin the paths of what an open page listens to: it ends when the page is closed."""
_LATE: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_FULL: Final = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Doors:
    """How many connections there may be, and which of them wait for a request.

    Attributes:
        limit: connections at a time.
        seconds: that the head of a request may take to arrive.
        silent: those from which a request is to come, the one that has waited longest first.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        """Have room for so many connections."""
        self.limit = limit
        self.seconds = seconds
        self.silent: dict[GuardedProtocol, None] = {}


class GuardedProtocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it, to clients that keep it waiting for only so long."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        doors: Doors,
    ) -> None:
        """Speak on one connection; uvicorn makes one of these for each."""
        super().__init__(config, server_state, app_state, _loop)
        self._doors = doors
        self._patience: asyncio.TimerHandle | None = None

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered, of those that come to an end by themselves."""
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return False
        return not cycle.scope["path"].startswith(ENDLESS)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in another's place."""
        super().connection_made(transport)
        if len(self.connections) > self._doors.limit:
            if not self._doors.silent:
                self._leave(_FULL)
                return
            next(iter(self._doors.silent)).give_way()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self._stop_waiting()

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that do not complete the head of a request buy no time."""
        super().data_received(data)
        if self.conn.their_state is h11.IDLE:
            self._wait()
        elif not self._owes_unread_body():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, or for the rest of one that was answered before its end."""
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE or self._owes_unread_body():
            self._wait()

    def give_way(self) -> None:
        """Make room for another connection."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _owes_unread_body(self) -> bool:
        return self.conn.their_state is h11.SEND_BODY and self.cycle.response_complete

    def _wait(self) -> None:
        """Begin to wait for the client, or go on with it."""
        if self._patience is None and not self.transport.is_closing():
            self._patience = self.loop.call_later(self._doors.seconds, self._give_up)
            self._doors.silent[self] = None

    def _stop_waiting(self) -> None:
        self._doors.silent.pop(self, None)
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _give_up(self) -> None:
        """Close; a client in the middle of a request is told why."""
        self._stop_waiting()
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        self._leave(_LATE if begun else b"")

    def _leave(self, words: bytes) -> None:
        self.transport.write(words)
        self.transport.close()
