"""The protocol over standard input and output, for a program that starts this one."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

from citydip_rag.library import Library

if TYPE_CHECKING:
    import anyio
    from mcp.server.lowlevel import Server

_MOUTHFUL: Final = 64 * 1024


async def serve_stdio(server: Server[Any], library: Library, stdin: int = 0) -> None:
    """Serve until standard input ends.

    While it does, standard output belongs to the protocol: what anything else writes there goes to
    standard error.

    Args:
        server: speaks the protocol.
        library: whose newest index is answered from.
        stdin: number of the file to read.
    """
    from mcp.server.stdio import stdio_server

    lines = cast("anyio.AsyncFile[str]", StandardInput(stdin))
    with library.live.watching():
        async with stdio_server(stdin=lines) as (reading, writing):
            await server.run(reading, writing, server.create_initialization_options())
    await library.live.current.generators.aclose()


class StandardInput:
    """Lines of a file, for whoever must be able to stop waiting for the next.

    A thread of its own reads them, and is not waited for when the program ends: Ctrl-C would else
    have to wait for one more line.
    """

    def __init__(self, number: int) -> None:
        """Read the file of this number."""
        self._number = number
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[str]:
        """The lines."""
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="citydip-stdin", daemon=True).start()
        rest = b""
        while piece := await self._pieces.get():
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield line.decode("utf-8", "replace")
        if rest.strip():
            yield rest.decode("utf-8", "replace")

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        """Pass on what comes; an empty piece is the end."""
        piece = b"-"
        while piece:
            try:
                piece = os.read(self._number, _MOUTHFUL)
            except OSError:
                piece = b""
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(self._pieces.put_nowait, piece)
