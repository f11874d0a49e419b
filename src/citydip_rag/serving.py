"""API and page as one application, and the server that runs it."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from typing import Final

import uvicorn
from fastapi import FastAPI

from citydip_rag.access import check_listening
from citydip_rag.errors import AddressError
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import Settings

_REMEDIES: Final = {
    errno.EADDRINUSE: "Stop the other server, or choose another port: citydip serve --port 7861",
    errno.EADDRNOTAVAIL: "Name one of this machine's own addresses, or 0.0.0.0 for all of them.",
    errno.EACCES: "Ports below 1024 are for the administrator: citydip serve --port 7860",
}


def build_app(settings: Settings) -> FastAPI:
    """Open the engine and mount API and page.

    Raises:
        CitydipError: model or index are not usable; says what to do.
    """
    from citydip_rag.evaluation_page import add_evaluation
    from citydip_rag.indexing import folder_of_index
    from citydip_rag.server.app import create_app
    from citydip_rag.sign_in_page import add_sign_in
    from citydip_rag.ui.page import mount_page

    folder = folder_of_index(settings)
    if folder is not None and "seeds" not in settings.model_fields_set:
        settings = settings.model_copy(update={"seeds": folder})
    library = Library(LiveEngine.open(settings))
    generators = library.live.current.generators.names
    app = create_app(library)
    add_evaluation(app, settings.eval_report)
    add_sign_in(app)
    return mount_page(app, library.live, generators)


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        CitydipError: the address is taken or open to all, or model or index are not usable.
    """
    check_listening(settings)
    _check_address(settings.host, settings.port)
    uvicorn.Server(make_config(build_app(settings), settings)).run()


def make_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How an application is served."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_level="info",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return config


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record says more than that a question was broken off: the server says so itself."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _check_address(host: str, port: int) -> None:
    """Find out before the model is loaded whether the address can be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except (socket.gaierror, UnicodeError) as error:
        raise AddressError(
            f"There is no address {host!r} to listen on.", "Name one of this machine's addresses."
        ) from error
    except OSError as error:
        raise AddressError(
            f"Cannot listen on {host}:{port}: {error.strerror or error}.",
            _REMEDIES.get(error.errno or 0, "Choose another address or port."),
        ) from error
