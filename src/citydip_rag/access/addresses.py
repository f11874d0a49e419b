"""Which addresses are this machine's own, and which of them count as one client."""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

from citydip_rag.settings import Settings

_ONE_HOUSEHOLD: Final = 64
"""Bits of an IPv6 address that a provider gives to one customer, who has all the others."""


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


def comes_from_here(address: str) -> bool:
    """Whether a client is on this machine; what is no IP address came through no network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return True
    mapped = getattr(found, "ipv4_mapped", None)
    return (mapped or found).is_loopback


def counted_as(address: str) -> str:
    """The client that an address is counted for: itself or, with IPv6, its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = getattr(found, "ipv4_mapped", None)
    return str(mapped or ipaddress.ip_network((found.packed, _ONE_HOUSEHOLD), strict=False))
