"""The ASGI application: routes, limits and error pages."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from citydip_rag.access import Access
from citydip_rag.library import Library
from citydip_rag.server.boundary import ApiBoundaryMiddleware
from citydip_rag.server.conversations import ConversationMiddleware
from citydip_rag.server.entrance import AccessMiddleware
from citydip_rag.server.headers import SecurityHeadersMiddleware, allow_origins
from citydip_rag.server.hosts import HostMiddleware
from citydip_rag.server.limits import BodyLimitMiddleware
from citydip_rag.server.needs import declare_pages
from citydip_rag.server.problems import install_problem_handlers
from citydip_rag.server.routes import ask, documents, health

DESCRIPTION = """Questions in Indonesian or English, answered from a folder of documents.

Every sentence of an answer carries a citation whose `quote` stands at `[start, end)` of the named
document's text, character for character. A question the documents do not answer gets
`abstained: true` with status 200."""

_ROUTERS = (ask.router, documents.router, health.router)

logger = logging.getLogger(__name__)


def create_app(library: Library) -> FastAPI:
    """The API over a library and its engine, without the page."""
    settings = library.live.current.settings
    access = Access(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with library.live.watching(), library.working():
            yield
        await library.live.current.generators.aclose()
        access.close()

    app: FastAPI = FastAPIOffline(  # its pages under /docs load nothing from other hosts
        title="citydip-rag",
        version=version("citydip-rag"),
        description=DESCRIPTION,
        lifespan=lifespan,
    )
    app.state.library = library
    app.state.access = access
    declare_pages(app)
    install_problem_handlers(app)
    for router in _ROUTERS:
        app.include_router(router)
    own = tuple(route for router in _ROUTERS for route in router.routes)
    app.add_middleware(ApiBoundaryMiddleware, routes=own)
    app.add_middleware(ConversationMiddleware)
    app.add_middleware(BodyLimitMiddleware)
    app.add_middleware(AccessMiddleware, access=access)
    app.add_middleware(HostMiddleware, settings=settings)
    allow_origins(app, settings.cors_origins)
    app.add_middleware(SecurityHeadersMiddleware)  # the last added is the first asked
    return app
