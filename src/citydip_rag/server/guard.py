"""Whether the documents may be changed, and by whom.

By default by whoever sits at this machine, and where there are keys by whoever has one for it. A
page of another site that is open in the same browser may not: it cannot name our host as its
origin.
"""

from __future__ import annotations

from starlette.requests import HTTPConnection

from citydip_rag.access import Principal, Scope, is_loopback, names_us
from citydip_rag.errors import DocumentsLockedError
from citydip_rag.server.credentials import is_own_origin
from citydip_rag.settings import Settings


def why_locked(settings: Settings, connection: HTTPConnection, principal: Principal) -> str:
    """Why this request may not add or remove documents, in a word; empty where it may."""
    try:
        check_change(settings, connection, principal)
    except DocumentsLockedError as error:
        return error.because
    return ""


def check_change(settings: Settings, connection: HTTPConnection, principal: Principal) -> None:
    """Refuse whoever may not add or remove documents.

    Raises:
        DocumentsLockedError: says what is missing.
    """
    if settings.uploads == "off":
        raise DocumentsLockedError(
            "Documents cannot be changed over HTTP here.",
            "Change them in the folder itself.",
            because="off",
        )
    if principal.id:
        _check_scope(principal)
        return
    if not principal.may(Scope.DOCUMENTS):
        raise DocumentsLockedError(
            "Changing documents needs a key.",
            "Send it as: Authorization: Bearer KEY",
            because="key",
        )
    if settings.uploads == "auto" and not is_loopback(settings.host):
        raise DocumentsLockedError(
            "Documents cannot be changed: the server is open to the network and asks for no key.",
            "Whoever runs it can set CITYDIP_API_KEY, or CITYDIP_UPLOADS=on.",
            because="network",
        )
    _check_origin(settings, connection)


def _check_scope(principal: Principal) -> None:
    if not principal.may(Scope.DOCUMENTS):
        raise DocumentsLockedError(
            "This key does not have the scope `documents`.",
            "Use one that has; whoever runs this server makes it with:"
            " citydip keys add NAME --scope documents",
            because="scope",
        )


def _check_origin(settings: Settings, connection: HTTPConnection) -> None:
    """Refuse other sites' pages, and other names that were made to lead to this machine."""
    origin = connection.headers.get("origin")
    foreign = origin is not None and not is_own_origin(connection, origin)
    host = connection.headers.get("host", "")
    rebound = is_loopback(settings.host) and not names_us(settings, host)
    if foreign or rebound:
        raise DocumentsLockedError(
            "Another site may not change the documents.",
            "Use this server's own page or address.",
            because="origin",
        )
