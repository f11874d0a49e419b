"""Where the database is: told apart and looked at, before anything is connected or made."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from citydip_rag.errors import MissingDependencyError, SettingsError, StateError
from citydip_rag.values import SCHEMES

POSTGRES: Final = {"connect_timeout": "3", "client_encoding": "UTF8"}
"""Of a connection, unless the address says otherwise: how long it is tried; text, not bytes."""
_HIGHEST_PORT: Final = 65_535


def is_on_a_server(address: str | Path) -> bool:
    """Whether it is that of a PostgreSQL database."""
    return isinstance(address, str) and address.startswith(SCHEMES)


def check_address(address: str | Path) -> None:
    """Find out what can be wrong with an address without a look at the database.

    Raises:
        SettingsError: it is malformed.
        StateError: it is that of a folder.
        MissingDependencyError: the driver is not installed.
    """
    if is_on_a_server(address):
        parameters_of(str(address))
    elif Path(address).is_dir():
        raise StateError(
            "There is a folder where the database of keys and feedback should be a file.",
            "Name a file with CITYDIP_STATE, such as state.sqlite in that folder.",
        )


def parameters_of(address: str) -> dict[str, str]:
    """What PostgreSQL's driver connects with; read by the driver, as the index's address is.

    Raises:
        SettingsError: the address is malformed.
        MissingDependencyError: the driver is not installed.
    """
    try:
        found = given_in(address)
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            "PostgreSQL's driver is not installed.", "pip install 'citydip-rag[postgres]'"
        ) from error
    if found is None:
        raise _malformed()
    return POSTGRES | found


def given_in(address: str) -> dict[str, str] | None:
    """The parameters in an address, as PostgreSQL's driver reads it; None where it is malformed.

    Where a password with an @ in it takes a port's place it is, too: the driver would repeat it.
    """
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        found = {name: str(value) for name, value in conninfo_to_dict(address).items()}
    except ProgrammingError:  # which holds the address
        return None
    return found if all(map(_is_port, found.get("port", "").split(","))) else None


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit() and 0 < int(text) <= _HIGHEST_PORT)


def _malformed() -> SettingsError:
    return SettingsError(
        "The address of the database of keys and feedback is malformed.",
        "Write CITYDIP_STATE, or CITYDIP_INDEX where that is not set, as"
        " postgresql://user:password@host:5432/database; in a password, @ is %40, / is %2F, : is"
        " %3A.",
    )
