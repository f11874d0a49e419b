"""What is found out before a server listens: whether it may, and whether it could find its keys."""

from __future__ import annotations

from citydip_rag.access.addresses import is_loopback
from citydip_rag.access.keys import Keys
from citydip_rag.access.vault import Vault
from citydip_rag.errors import AddressError
from citydip_rag.settings import Settings
from citydip_rag.state import check_address, is_there


def check_listening(settings: Settings) -> None:
    """Refuse to be reached from the network while nobody could be told from anybody else.

    Raises:
        AddressError: no key is configured, and the address is not this machine's own.
        StateError: the database of keys cannot be opened.
    """
    if is_loopback(settings.host) or settings.auth == "none" or settings.api_key is not None:
        return
    state = Vault(settings.state_address).existing()
    if state is not None and any(not key.why_over() for key in Keys(state).all()):
        return
    raise AddressError(
        f"No key is configured, so this server listens on this machine alone: at {settings.host}"
        " everybody on the network could read the documents and ask.",
        "Make a key with: citydip keys add NAME. Or set CITYDIP_AUTH=none, where a gateway of your"
        " own checks who asks.",
    )


def check_state(settings: Settings) -> None:
    """Refuse an address of the database of keys that no request could be answered with.

    A database that is away is none: it may come back.

    Raises:
        SettingsError: it is malformed.
        StateError: it is that of a folder.
        MissingDependencyError: the driver is not installed.
    """
    check_address(settings.state_address)


def has_state(settings: Settings) -> bool:
    """Whether keys or feedback may have been kept; looks, and makes nothing. Raises likewise."""
    return is_there(settings.state_address)
