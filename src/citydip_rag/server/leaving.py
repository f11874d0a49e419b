"""Work for somebody who waits for it, and only for as long as they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from starlette.requests import Request
from starlette.responses import Response

T = TypeVar("T")

CLOSED: Final = 499
"""The status that nobody gets; logs know it by this number (nginx)."""


class ClientLeftError(Exception):
    """Nobody waits for the result any more."""


async def closed(_: Request, __: Exception) -> Response:
    """The response to a client that has left, for `ClientLeftError`."""
    return Response(status_code=CLOSED)


async def while_waited_for(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of some work, which is ended when the client leaves.

    Args:
        request: its body has been read.
        work: that the client waits for.

    Raises:
        ClientLeftError: the client has left.
    """
    working = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise ClientLeftError
        return working.result()
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
