"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from citydip_rag.engine import Engine


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


EngineDep = Annotated[Engine, Depends(_engine)]
