"""`GET /metrics`, for Prometheus."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Request, Response

from citydip_rag.access import Scope
from citydip_rag.observing.observer import ServiceObserver
from citydip_rag.server.needs import ACCESS_PROBLEMS, requires

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    **ACCESS_PROBLEMS,
    200: {"content": {"text/plain": {}}, "description": "The metrics, as Prometheus reads them"},
}

router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    responses=_RESPONSES,
    response_class=Response,
    dependencies=[requires(Scope.ADMIN)],
    summary="Metrics for Prometheus",
)
def metrics(request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """What this process has done since it began; each process is scraped by itself."""
    observer: ServiceObserver = request.app.state.observer
    content, media_type = observer.metrics.exposition(accept)
    return Response(content, media_type=media_type, headers={"cache-control": "no-store"})
