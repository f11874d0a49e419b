"""API and page as one application, and the server that runs it."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
import sys
from contextlib import redirect_stdout
from functools import partial
from math import ceil
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from uvicorn.config import LOGGING_CONFIG, STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from citydip_rag.access import check_listening, check_state
from citydip_rag.errors import AddressError, CitydipError, IndexMissingError
from citydip_rag.indexing import has_index
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.observing.logs import configure_logs, wants_json
from citydip_rag.settings import PREFIX, Settings, load_settings

_WORKER: Final = "citydip_rag.serving:worker_app"
_WORKER_SECONDS: Final = 60
"""How long a worker may be too busy to say that it lives; loading the model takes some."""
_REMEDIES: Final = {
    errno.EADDRINUSE: "Stop the other server, or choose another port: citydip serve --port 7861",
    errno.EADDRNOTAVAIL: "Name one of this machine's own addresses, or 0.0.0.0 for all of them.",
    errno.EACCES: "Ports below 1024 are for the administrator: citydip serve --port 7860",
}

logger = logging.getLogger(__name__)

_LISTENERS_SECONDS: Final = 2
"""Time that what has been written has to reach those who only listen, once all is answered."""
_BACKLOG: Final = 2048
"""Connections that may wait to be taken, and are taken at once."""
_FILES: Final = 65_536
"""Open files and connections that are enough for any server."""


def build_app(settings: Settings, live: LiveEngine | None = None) -> FastAPI:
    """Open the engine and mount API and page.

    Args:
        settings: say which.
        live: an engine that is open already.

    Raises:
        CitydipError: model or index are not usable; says what to do.
    """
    from citydip_rag.evaluation_page import add_evaluation
    from citydip_rag.indexing import of_its_folder
    from citydip_rag.server.app import create_app

    settings = of_its_folder(settings)
    library = Library(live or LiveEngine.open(settings))
    app = create_app(library)
    if not settings.page:
        return app
    from citydip_rag.sign_in_page import add_sign_in
    from citydip_rag.ui.page import mount_page

    add_evaluation(app, settings.eval_report)
    add_sign_in(app)
    return mount_page(app, library.live, library.live.current.generators.names)


def serve(settings: Settings) -> None:
    """Serve until interrupted.

    Raises:
        CitydipError: the address is taken or open to all, that of the keys is malformed, or model
            or index are not usable.
    """
    configure_logs(settings)
    check_state(settings)
    _check_free(settings.host, settings.port)
    check_listening(settings)
    logger.info("Loading the model and the index")
    if settings.workers > 1:
        _serve_by_workers(settings)
    else:
        make_server(build_app(settings), settings).run()


def serve_mcp(settings: Settings) -> None:
    """Serve the Model Context Protocol on standard input and output, until that input ends.

    Raises:
        CitydipError: the protocol's library is missing, or model or index are not usable.
    """
    from citydip_rag.server.mcp.loading import mcp_server, require_mcp
    from citydip_rag.server.mcp.stdio import serve_stdio

    require_mcp()  # before the model is loaded
    with redirect_stdout(sys.stderr):  # standard output is the protocol's
        library = Library(LiveEngine.open(settings))
        server = mcp_server(library)
    asyncio.run(serve_stdio(server, library))


def make_server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The server of an application over a library."""
    from citydip_rag.server.ending import EndingServer

    library: Library = app.state.library
    config = make_config(app, settings)
    return EndingServer(config, library.live.admission, settings.shutdown_seconds)


def make_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How an application is served."""
    config = uvicorn.Config(app, **_options(settings))
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    return config


def worker_app() -> FastAPI:
    """The application of one process of several, with the settings of the environment."""
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    try:
        settings = load_settings()
        configure_logs(settings)
        return build_app(settings)
    except CitydipError as error:
        logger.error("%s", error)  # noqa: TRY400  # a trace would say no more
        sys.exit(STARTUP_FAILURE)  # so that it is not started again


def _serve_by_workers(settings: Settings) -> None:
    """Let several processes answer at one port; who dies is replaced.

    Which of them gets a request is chance, so none of them changes documents: another would not
    know how far the indexing is.

    Raises:
        IndexMissingError: there is none; the supervisor would wait a minute for its workers.
    """
    if not has_index(settings):
        raise IndexMissingError("There is no index yet.", "Run: citydip index")
    said = {"page": "false", "uploads": "off"}
    for name in {"host", "port", "root_path", "index", "seeds"} & settings.model_fields_set:
        value = getattr(settings, name)
        said[name] = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
    os.environ.update({PREFIX + name.upper(): value for name, value in said.items()})
    config = uvicorn.Config(
        _WORKER,
        factory=True,
        workers=settings.workers,
        timeout_worker_healthcheck=_WORKER_SECONDS,
        **_options(settings) | {"timeout_graceful_shutdown": ceil(settings.shutdown_seconds)},
    )
    supervisor = Multiprocess(config, [config.bind_socket()])
    supervisor.run()
    if any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes):
        sys.exit(STARTUP_FAILURE)  # the worker has said why


def _options(settings: Settings) -> dict[str, Any]:
    from citydip_rag.server.connections import MAX_HEAD_BYTES, Doors, GuardedProtocol

    files = open_files_allowed()
    doors = Doors(min(settings.connections, files // 2), settings.request_seconds)
    json = wants_json(settings)
    return {
        "host": settings.host,
        "port": settings.port,
        "http": partial(GuardedProtocol, doors=doors),  # uvicorn calls it, and no more
        "h11_max_incomplete_event_size": MAX_HEAD_BYTES,
        "backlog": min(_BACKLOG, files // 4),
        "log_level": "info",
        "timeout_graceful_shutdown": _LISTENERS_SECONDS,
        "server_header": False,
        "proxy_headers": False,  # the application reads them itself
        "log_config": None if json else LOGGING_CONFIG,  # ours is configured for all
        "access_log": False,  # each request has its line already, without what people made up
    }


def open_files_allowed() -> int:
    """How many files and connections this process may have open; raises that as far as it may."""
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return _FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return _FILES if soft == resource.RLIM_INFINITY else soft


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a record says more than that a question was broken off: the server says so itself."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _check_free(host: str, port: int) -> None:
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
