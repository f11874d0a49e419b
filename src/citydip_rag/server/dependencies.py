"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from citydip_rag.engine import Engine
from citydip_rag.library import Library


def _library(request: Request) -> Library:
    library: Library = request.app.state.library
    return library


LibraryDep = Annotated[Library, Depends(_library)]


def _engine(library: LibraryDep) -> Engine:
    """The engine of this request: the same until it is answered, whatever is indexed meanwhile."""
    return library.live.current


EngineDep = Annotated[Engine, Depends(_engine)]
