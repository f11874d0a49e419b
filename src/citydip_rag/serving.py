"""API and page as one application, and the server that runs it."""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from citydip_rag.engine import Engine
from citydip_rag.settings import Settings


def build_app(settings: Settings) -> FastAPI:
    """Open the engine and mount API and page.

    Raises:
        CitydipError: model or index are not usable; says what to do.
    """
    from citydip_rag.server.app import create_app
    from citydip_rag.ui.page import mount_page

    engine = Engine.open(settings)
    return mount_page(create_app(engine), engine)


def serve(settings: Settings) -> None:
    """Serve until interrupted."""
    config = uvicorn.Config(
        build_app(settings),
        host=settings.host,
        port=settings.port,
        log_level="info",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    uvicorn.Server(config).run()
