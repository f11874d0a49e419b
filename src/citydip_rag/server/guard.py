"""Who may change the documents.

By default whoever sits at this machine, and with an API key whoever has it. A page of another site
that is open in the same browser may not: it cannot name our host as its origin.
"""

from __future__ import annotations

import ipaddress
import secrets
from urllib.parse import urlsplit

from fastapi import Request

from citydip_rag.errors import DocumentsLockedError
from citydip_rag.settings import Settings


def why_locked(settings: Settings, request: Request) -> str:
    """Why this request may not add or remove documents, in a word; empty where it may."""
    try:
        check_change(settings, request)
    except DocumentsLockedError as error:
        return error.because
    return ""


def check_change(settings: Settings, request: Request) -> None:
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
    if settings.api_key is not None:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        expected = settings.api_key.get_secret_value()
        if scheme.lower() == "bearer" and secrets.compare_digest(given.encode(), expected.encode()):
            return
        raise DocumentsLockedError(
            "Changing documents needs the API key.",
            "Send it as: Authorization: Bearer KEY",
            because="key",
        )
    if settings.uploads == "auto" and not is_loopback(settings.host):
        raise DocumentsLockedError(
            "Documents cannot be changed: the server is open to the network and has no API key.",
            "Whoever runs it can set CITYDIP_API_KEY, or CITYDIP_UPLOADS=on.",
            because="network",
        )
    _check_origin(settings, request)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def names_us(settings: Settings, host: str) -> bool:
    """Whether a `Host`, with or without a port, is a name or address of this server's own."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:  # no address at all
        return False
    own = {settings.host.strip("[]").lower(), *(name.lower() for name in settings.allowed_hosts)}
    return is_loopback(name) or name in own


def _check_origin(settings: Settings, request: Request) -> None:
    """Refuse other sites' pages, and other names that were made to lead to this machine."""
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    try:
        foreign = origin is not None and urlsplit(origin).netloc != host
    except ValueError:  # no address at all
        foreign = True
    rebound = is_loopback(settings.host) and not names_us(settings, host)
    if foreign or rebound:
        raise DocumentsLockedError(
            "Another site may not change the documents.",
            "Use this server's own page or address.",
            because="origin",
        )
