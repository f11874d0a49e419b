"""The key or the cookie that a request carries."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from citydip_rag.access import Sent
from citydip_rag.errors import ForeignOriginError, UnauthenticatedError

COOKIE: Final = "citydip-session"
KEY_HEADER: Final = "X-API-Key"
_BEARER: Final = "bearer"


def sent_with(connection: HTTPConnection) -> Sent:
    """What a request shows of who sent it. A key counts for more than a cookie.

    Raises:
        UnauthenticatedError: there is more than one key, and others may have read another.
    """
    headers = connection.headers
    authorizations = headers.getlist("authorization")
    bearers = [
        key.strip()
        for scheme, _, key in (value.partition(" ") for value in authorizations)
        if scheme.lower() == _BEARER
    ]  # what a proxy in front wanted, as Basic, is none of ours
    keys = [*bearers, *headers.getlist(KEY_HEADER)]
    if len(keys) > 1 or (bearers and len(authorizations) > 1):
        raise UnauthenticatedError("More than one key was sent.", "Send one.")
    return Sent(keys[0] if keys else None, connection.cookies.get(COOKIE, ""))


def check_origin(connection: HTTPConnection) -> None:
    """Refuse what another site's page sends with our visitor's cookie.

    Browsers say where a request comes from, and no page can say otherwise: with `Sec-Fetch-Site`
    over https and on this machine, and with `Origin` everywhere.

    Raises:
        ForeignOriginError: it comes from another site, or does not say where from.
    """
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        foreign = site != "same-origin"
    else:
        foreign = not is_own_origin(connection, connection.headers.get("origin", ""))
    if foreign:
        raise ForeignOriginError(
            "Another site's page sent this.", "Use this server's own page, or a key in a header."
        )


def is_own_origin(connection: HTTPConnection, origin: str) -> bool:
    """Whether an origin is that of this server's pages."""
    try:
        return urlsplit(origin).netloc == connection.headers.get("host", "")
    except ValueError:  # no address at all
        return False
