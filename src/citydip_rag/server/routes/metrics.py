"""`GET /metrics`, for Prometheus."""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Response

from citydip_rag.observing.observer import ServiceObserver
from citydip_rag.server.dependencies import LibraryDep
from citydip_rag.server.guard import is_loopback
from citydip_rag.server.problems import MEDIA_TYPE, Problem

_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {"text/plain": {}}, "description": "The metrics, as Prometheus reads them"},
    403: {
        "model": Problem,
        "content": {MEDIA_TYPE: {}},
        "description": "Who asks may not see the metrics",
    },
}
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip")
"""Headers by which a proxy on this machine says that it asks for somebody else."""

router = APIRouter(tags=["health"])


def _scraper(request: Request, library: LibraryDep) -> None:
    """Refuse all but this machine and whoever has the API key; the one place that decides it.

    Raises:
        HTTPException: who asks is neither.
    """
    key = library.live.current.settings.api_key
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if key is not None and scheme.lower() == "bearer":
        expected = key.get_secret_value()
        if secrets.compare_digest(given.encode(), expected.encode()):
            return
    proxied = any(name in request.headers for name in _FORWARDED)
    if request.client is None or proxied or not is_loopback(request.client.host):
        raise HTTPException(
            403,
            "The metrics are for this machine, and for whoever has the API key. Send it as:"
            " Authorization: Bearer KEY",
        )


@router.get(
    "/metrics",
    responses=_RESPONSES,
    response_class=Response,
    dependencies=[Depends(_scraper)],
    summary="Metrics for Prometheus",
)
def metrics(request: Request, accept: Annotated[str, Header()] = "") -> Response:
    """What this process has done since it began; each process is scraped by itself."""
    observer: ServiceObserver = request.app.state.observer
    content, media_type = observer.metrics.exposition(accept)
    return Response(content, media_type=media_type, headers={"cache-control": "no-store"})
