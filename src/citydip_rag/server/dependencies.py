"""What routes are given."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated, Any, Final

from fastapi import Depends, Request

from citydip_rag.engine import Engine
from citydip_rag.library import Library
from citydip_rag.server.leaving import while_waited_for
from citydip_rag.server.problems import MEDIA_TYPE, Problem


def _library(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


LibraryDep = Annotated[Library, Depends(_library)]


def _engine(library: LibraryDep) -> Engine:
    """The engine of this request: the same until it is answered, whatever is indexed meanwhile."""
    return library.live.current


EngineDep = Annotated[Engine, Depends(_engine)]


async def _turn(request: Request, library: LibraryDep) -> AsyncIterator[None]:
    """A turn until the response has been sent, all of a stream too.

    Raises:
        OverloadedError: as many questions wait as may.
        ClientLeftError: the client has left while it waited.
    """
    async with AsyncExitStack() as stack:
        waiting = stack.enter_async_context(library.live.admission.turn())
        await while_waited_for(request, waiting)
        yield


Admitted: Final = Depends(_turn)
"""For the routes that ask the engine: `dependencies=[Admitted]`, after whatever else may refuse."""

OVERLOADED: Final[dict[int | str, dict[str, Any]]] = {
    503: {
        "model": Problem,
        "content": {MEDIA_TYPE: {}},
        "description": "Too many questions wait, or index or model cannot be used",
        "headers": {
            "Retry-After": {
                "description": "Seconds after which it is worth asking again",
                "schema": {"type": "integer"},
            }
        },
    }
}
"""What those routes may answer besides."""
