"""The ASGI application: routes, limits and error pages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from citydip_rag.access import Access
from citydip_rag.feedback import Desk
from citydip_rag.library import Library
from citydip_rag.observing import Tracer
from citydip_rag.server.boundary import ApiBoundaryMiddleware, PageBoundaryMiddleware
from citydip_rag.server.chat.errors import ChatErrorsMiddleware
from citydip_rag.server.conversations import ConversationMiddleware
from citydip_rag.server.entrance import AccessMiddleware
from citydip_rag.server.forwarded import ForwardedMiddleware, check_root_path
from citydip_rag.server.headers import SecurityHeadersMiddleware, allow_origins
from citydip_rag.server.hosts import HostMiddleware
from citydip_rag.server.leaving import ClientLeftError, closed
from citydip_rag.server.limits import BodyLimitMiddleware, LengthMiddleware
from citydip_rag.server.mcp.endpoint import McpEndpoint
from citydip_rag.server.needs import Asks, declare_pages, protect
from citydip_rag.server.observing import install_observing
from citydip_rag.server.problems import install_problem_handlers
from citydip_rag.server.routes import ask, chat, documents, feedback, health, metrics

DESCRIPTION = """Questions in Indonesian or English, answered from a folder of documents.

Every sentence of an answer carries a citation whose `quote` stands at `[start, end)` of the named
document's text, character for character. A question the documents do not answer gets
`abstained: true` with status 200.

`/v1` speaks OpenAI's chat protocol, and `POST /mcp` the Model Context Protocol."""

_ROUTERS = (
    ask.router,
    chat.router,
    documents.router,
    feedback.router,
    health.router,
    metrics.router,
)

logger = logging.getLogger(__name__)


def create_app(library: Library, tracer: Tracer | None = None) -> FastAPI:
    """The API over a library and its engine, without the page.

    Args:
        library: belongs to this application alone.
        tracer: begins the traces; default: the one that the settings ask for.

    Raises:
        MissingDependencyError: traces are switched on, and OpenTelemetry is not installed.
    """
    settings = library.live.current.settings
    access = Access(settings)
    desk = Desk(settings)
    mcp = McpEndpoint(library)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with (
            library.live.watching(),
            library.working(),
            desk.working(),
            library.live.finishing(desk.finish),
        ):
            async with mcp.running():
                yield
        await library.live.current.generators.aclose()
        await asyncio.to_thread(app.state.observer.close)
        access.close()

    app: FastAPI = FastAPIOffline(  # its pages under /docs load nothing from other hosts
        title="citydip-rag",
        version=version("citydip-rag"),
        description=DESCRIPTION,
        lifespan=lifespan,
    )
    app.state.library = library
    app.state.desk = desk
    app.state.access = access
    declare_pages(app)
    install_problem_handlers(app)
    app.add_exception_handler(ClientLeftError, closed)
    for router in _ROUTERS:
        app.include_router(router)
    app.router.routes.append(mcp.route)
    protect(app, mcp.route.path, Asks())
    own = (*(route for router in _ROUTERS for route in router.routes), mcp.route)
    app.add_middleware(PageBoundaryMiddleware)
    app.add_middleware(ApiBoundaryMiddleware, routes=own)
    app.add_middleware(ConversationMiddleware)
    app.add_middleware(BodyLimitMiddleware, settings=settings)
    app.add_middleware(AccessMiddleware, access=access)
    app.add_middleware(HostMiddleware, settings=settings)
    app.add_middleware(LengthMiddleware)
    app.add_middleware(ChatErrorsMiddleware)
    allow_origins(app, settings.cors_origins)
    install_observing(app, library, own, tracer)
    app.add_middleware(SecurityHeadersMiddleware)
    check_root_path(settings.root_path, (*app.routes, *own))
    app.add_middleware(ForwardedMiddleware, settings=settings)  # the last added is the first asked
    return app
