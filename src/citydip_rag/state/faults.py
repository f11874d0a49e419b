"""What is wrong with the database, from what its driver says: each with what to do about it."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from citydip_rag.errors import StateError

_FULL: Final = {errno.ENOSPC, errno.EDQUOT}
_SQLITE_FULL: Final = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE}
"""The second where there is no room even for the file beside it that processes share."""
_SQLITE_DAMAGED: Final = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_PRIMARY: Final = 0xFF
"""The bits of SQLite's code that say of which kind an error is."""
_POSTGRES_FULL: Final = "53100"


def told(error: Exception, otherwise: StateError) -> StateError:
    """The error to raise for another.

    Args:
        error: of the driver or the system, or one of SQLAlchemy's around it.
        otherwise: where nothing more is known.
    """
    cause = getattr(error, "orig", None) or error
    if _is_full(cause):
        return StateError(
            "The disk is full, so the database of keys and feedback cannot be written.",
            "Make room, and try again.",
        )
    if _code(cause) & _PRIMARY in _SQLITE_DAMAGED:
        return StateError(
            "The file of keys and feedback is damaged, or is no SQLite database.",
            "Move it away and put a backup back, see docs/running.md; or name another file with"
            " CITYDIP_STATE.",
        )
    return otherwise


def _is_full(cause: BaseException) -> bool:
    return (
        (isinstance(cause, OSError) and cause.errno in _FULL)
        or _code(cause) in _SQLITE_FULL
        or getattr(cause, "sqlstate", None) == _POSTGRES_FULL
    )


def _code(cause: BaseException) -> int:
    return getattr(cause, "sqlite_errorcode", 0) or 0
