"""`GET /health/live` and `GET /health/ready`."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from citydip_rag.server.dependencies import EngineDep

router = APIRouter(prefix="/health", tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: str = "live"


class Ready(BaseModel):
    """The engine answers questions from this index."""

    status: str = "ready"
    generation: str
    documents: int
    passages: int
    embedding_model: str
    generator: str
    generators: list[str]


@router.get("/live", summary="Is the process alive?")
async def live() -> Live:
    """For a supervisor that restarts dead processes."""
    return Live()


@router.get("/ready", summary="Can it answer?")
async def ready(engine: EngineDep) -> Ready:
    """For a load balancer: index and model are loaded."""
    manifest = engine.index.manifest
    return Ready(
        generation=engine.index.generation,
        documents=manifest.documents,
        passages=manifest.passages,
        embedding_model=manifest.embedding_model,
        generator=engine.generator.name,
        generators=engine.generators.names,
    )
