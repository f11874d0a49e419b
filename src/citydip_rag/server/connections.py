"""Connections that send nothing, or next to nothing, keep nobody else from being served.

The server under us waits for ever for the head of a request, and takes connections until the system
has no more of them to give. Here the head has a time to arrive in, and where there are too many
connections, those go that have said nothing for longest. An answer, too, has only so long to be
taken in: what nobody reads would else be kept for ever.
"""

from __future__ import annotations

import asyncio
import json
import logging
import select
import sys
from http import HTTPStatus
from itertools import islice
from time import monotonic
from typing import Any, Final

import h11
from uvicorn import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from citydip_rag.server.problems import MEDIA_TYPE, Problem

MAX_HEAD_BYTES: Final = 32 * 1024
"""Of a request's line and headers that are waited for."""
ENDLESS: Final = ("/gradio_api/heartbeat/", "/gradio_api/queue/data")
"""Begin the paths of what an open page listens to: it ends when the page is closed."""
_SECONDS_BETWEEN_WARNINGS: Final = 60.0
_HEAD_TOO_LARGE: Final = 431


def _response(problem: Problem, *headers: str) -> bytes:
    """A whole response, for a connection that is closed behind it."""
    body = json.dumps(problem.content()).encode()
    lines = (
        f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}",
        f"Content-Type: {MEDIA_TYPE}",
        f"Content-Length: {len(body)}",
        "Connection: close",
        *headers,
    )
    return "\r\n".join((*lines, "", "")).encode() + body


_LATE: Final = _response(
    Problem(
        type="head-late",
        title="The request is not complete",
        status=408,
        detail="Its head did not arrive in time; send it again, all at once.",
    )
)
_FULL: Final = _response(
    Problem(
        type="overloaded",
        title="Overloaded",
        status=503,
        detail="There are too many connections. Try again in a moment.",
    ),
    "Retry-After: 1",
)
_NO_HTTP: Final = _response(
    Problem(
        type="no-http", title="Bad Request", status=400, detail="This is no request of HTTP/1.1."
    )
)
_LARGE: Final = _response(
    Problem(
        type="head-too-large",
        title="The head of the request is too large",
        status=_HEAD_TOO_LARGE,
        detail=f"Its line and headers may have {MAX_HEAD_BYTES // 1024} KiB.",
    )
)

_LOOKED_AT: Final = 32
"""Silent connections among which one is sought that has sent nothing."""

logger = logging.getLogger(__name__)


class Doors:
    """How many connections there may be, and which of them wait for a request.

    Attributes:
        limit: connections at a time.
        seconds: that the head of a request may take to arrive.
        silent: those from which a request is to come, which do not take their answer, or which
            only listen; the one that has been so for longest first.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        """Have room for so many connections."""
        self.limit = limit
        self.seconds = seconds
        self.silent: dict[GuardedProtocol, None] = {}
        self._warned = -_SECONDS_BETWEEN_WARNINGS

    def longest_silent(self) -> GuardedProtocol | None:
        """Who is to go for another; None where all are being served.

        Whoever has sent what is not read yet is spared, if another is found soon: in a rush many
        connections are taken before any of them is read.
        """
        first = next(iter(self.silent), None)
        near = islice(self.silent, _LOOKED_AT)
        return next((silent for silent in near if not silent.has_unread), first)

    def warn(self) -> None:
        """Tell now and then that there are too many connections."""
        if monotonic() - self._warned >= _SECONDS_BETWEEN_WARNINGS:
            self._warned = monotonic()
            logger.warning(
                "more than %d connections: those go that have said nothing for longest", self.limit
            )


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
        self._taking: asyncio.TimerHandle | None = None

    @property
    def has_unread(self) -> bool:
        """Whether bytes have arrived that nobody has read yet; Windows does not say."""
        if not hasattr(select, "poll"):
            return False
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))

    @property
    def is_answering(self) -> bool:
        """Whether a request is being answered, of those that come to an end by themselves."""
        return self._is_busy and not self._only_listens

    @property
    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def _only_listens(self) -> bool:
        return self._is_busy and self.cycle.scope["path"].startswith(ENDLESS)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, if need be in another's place."""
        super().connection_made(transport)
        if len(self.connections) > self._doors.limit:
            self._doors.warn()
            longest = self._doors.longest_silent()
            if longest is None:
                self._leave(_FULL)
                return
            longest.give_way()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self._forget()

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
        if self.transport.is_closing():
            self._watch()

    def pause_writing(self) -> None:
        """Begin to look whether the client takes what it asked for."""
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        """Watch no more: it has taken nearly all."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_watching()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's, which says no more
        """Refuse what is no HTTP; where an answer is under way, break it off."""
        logger.info("what came from %s is no HTTP", self.client)
        hint = getattr(sys.exception(), "error_status_hint", None)
        begun = self.cycle is not None and self.cycle.response_started
        if begun and not self.cycle.response_complete:
            self._leave(b"")
        else:
            self._leave(_LARGE if hint == _HEAD_TOO_LARGE else _NO_HTTP)

    def give_way(self) -> None:
        """Make room for another connection."""
        self._forget()
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
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        self._settle()

    def _give_up(self) -> None:
        """Close; a client in the middle of a request is told why."""
        self._stop_waiting()
        begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
        if begun:
            logger.info("the head of a request from %s did not arrive", self.client)
        self._leave(_LATE if begun else b"")

    def _watch(self) -> None:
        """Begin to watch whether the client takes its answer, or go on with it."""
        if self._taking is None:
            self._look_again()

    def _look_again(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._taking = self.loop.call_later(self._doors.seconds, self._look, left)
        self._doors.silent.setdefault(self)

    def _look(self, before: int) -> None:
        """Close on a client that has taken nothing of its answer since we looked last."""
        if self.transport.get_write_buffer_size() < before:
            self._look_again()
            return
        logger.info("%s did not take its answer", self.client)
        self.give_way()

    def _stop_watching(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None
        self._settle()

    def _settle(self) -> None:
        if self._patience is not None or self._taking is not None:
            return
        if self._only_listens:
            self._doors.silent.setdefault(self)
        else:
            self._doors.silent.pop(self, None)

    def _forget(self) -> None:
        self._stop_waiting()
        self._stop_watching()
        self._doors.silent.pop(self, None)

    def _should_upgrade(self) -> bool:
        """Never: there are no sockets here, and whoever asks for one is answered over HTTP."""
        return False

    def _leave(self, words: bytes) -> None:
        """Close as soon as the client has taken all that is for it."""
        self.transport.write(words)
        self.transport.close()
        self._watch()
