"""A server that ends well: it takes nothing new, finishes what it has begun, and is gone."""

from __future__ import annotations

import asyncio
import signal
import socket
from types import FrameType

import uvicorn
from sse_starlette.sse import AppStatus
from uvicorn.server import HANDLED_SIGNALS

from citydip_rag.admission import Admission
from citydip_rag.server.connections import GuardedProtocol

_LOOK_SECONDS = 0.1


class EndingServer(uvicorn.Server):
    """Ends at a signal with status 0, when all is answered or after a while; at a second, at once.

    uvicorn waits for every connection alike, and an open page never closes its own. Here the wait
    is for requests and questions; connections that only listen have uvicorn's time at last.
    """

    def __init__(self, config: uvicorn.Config, admission: Admission, seconds: float) -> None:
        """Serve as the configuration says, and end within so many seconds."""
        super().__init__(config)
        self._admission = admission
        self._seconds = seconds
        # Else streams would be broken off at the signal.
        AppStatus.enable_automatic_graceful_drain = False

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002  # the signal's
        """Begin to end; the next signal is the system's to handle, which ends the process."""
        self.should_exit = True
        for number in HANDLED_SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new, wait for what is being answered, then close all that is left."""
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self._seconds):
                while self._is_answering():
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            pass  # uvicorn says what it breaks off
        await super().shutdown(sockets)

    def _is_answering(self) -> bool:
        return self._admission.present > 0 or any(
            isinstance(connection, GuardedProtocol) and connection.is_answering
            for connection in self.server_state.connections
        )
