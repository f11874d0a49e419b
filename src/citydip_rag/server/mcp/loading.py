"""The protocol's library is optional: here it is imported, or asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from citydip_rag.errors import MissingDependencyError

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

    from citydip_rag.library import Library


def mcp_server(library: Library) -> Server[Any]:
    """A server of the protocol over a library.

    Raises:
        MissingDependencyError: its library is not installed.
    """
    require_mcp()
    from citydip_rag.server.mcp.protocol import make_server

    return make_server(library)


def require_mcp() -> None:
    """Find out whether the protocol's library is installed.

    Raises:
        MissingDependencyError: it is not.
    """
    try:
        import mcp.server.lowlevel  # noqa: F401  # for its being there
    except ImportError as error:
        raise MissingDependencyError(
            "The Model Context Protocol needs the package mcp.", "pip install 'citydip-rag[mcp]'"
        ) from error
