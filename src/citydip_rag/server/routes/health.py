"""`GET /health/live` and `GET /health/ready`."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import APIRouter, Request
from pydantic import BaseModel

from citydip_rag.access import Access, Scope
from citydip_rag.server.dependencies import EngineDep
from citydip_rag.server.needs import OPEN, AnyoneDep
from citydip_rag.server.problems import ANYWHERE, MEDIA_TYPE, Problem

router = APIRouter(prefix="/health", tags=["health"], responses=ANYWHERE)

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    503: {
        "model": Problem,
        "content": {MEDIA_TYPE: {}},
        "description": "The database of the index or that of the keys does not answer",
    }
}


class Live(BaseModel):
    """The process answers."""

    status: str = "live"


class Ready(BaseModel):
    """The engine answers questions."""

    status: str = "ready"


class ReadyDetail(Ready):
    """From which index, with what: for those who may ask."""

    generation: str
    documents: int
    passages: int
    embedding_model: str
    generator: str
    generators: list[str]


@router.get("/live", summary="Is the process alive?", dependencies=[OPEN])
async def live() -> Live:
    """For a supervisor that restarts dead processes."""
    return Live()


@router.get("/ready", responses=_PROBLEMS, summary="Can it answer?")
async def ready(request: Request, engine: EngineDep, asker: AnyoneDep) -> ReadyDetail | Ready:
    """For a load balancer: index and model are loaded, and both databases answer.

    Who may ask is told more.
    """
    access: Access = request.app.state.access
    await access.check()
    await asyncio.to_thread(engine.index.place.check)
    if not asker.may(Scope.ASK):
        return Ready()
    manifest = engine.index.manifest
    return ReadyDetail(
        generation=engine.index.generation,
        documents=manifest.documents,
        passages=manifest.passages,
        embedding_model=manifest.embedding_model,
        generator=engine.generator.name,
        generators=engine.generators.names,
    )
