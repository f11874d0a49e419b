"""Sign-ins on the page: a random token in the browser's cookie, its hash in the database.

They are kept where the keys are, so that all servers that share it know them, and end with their
key.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

from sqlalchemy import BigInteger, Column, String, Table, delete, insert, select

from citydip_rag.access.keys import digest
from citydip_rag.state import State, metadata

MOST_OF_A_KEY: Final = 100
"""Sign-ins of one key; the oldest ends when another begins."""

_sessions = Table(
    "access_sessions",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("key_id", String(64), nullable=False, index=True),
    Column("created", BigInteger, nullable=False),
    Column("expires", BigInteger, nullable=False),
)


class Sessions:
    """The sign-ins in a database."""

    def __init__(self, state: State) -> None:
        """Use an opened database."""
        self._state = state

    def begin(self, key_id: str, hours: float) -> str:
        """Sign in whoever has shown a key.

        Returns:
            The token, which nobody can find out later.

        Raises:
            StateError: the database does not answer.
        """
        token = secrets.token_urlsafe(32)
        now = time.time_ns() // 1_000_000  # finer than the order in which they begin
        row = {"digest": digest(token), "key_id": key_id, "created": now}
        oldest = (
            select(_sessions.c.digest)
            .where(_sessions.c.key_id == key_id)
            .order_by(_sessions.c.created.desc())
            .offset(MOST_OF_A_KEY)
        )
        with self._state.begin() as connection:
            connection.execute(delete(_sessions).where(_sessions.c.expires <= now))
            connection.execute(
                insert(_sessions).values(**row, expires=now + int(hours * 3_600_000))
            )
            for over in connection.execute(oldest).scalars().all():
                connection.execute(delete(_sessions).where(_sessions.c.digest == over))
        return token

    def key_of(self, hashed: str) -> str:
        """Id of the key that somebody signed in with; empty where the token is not valid.

        Args:
            hashed: the token's digest.

        Raises:
            StateError: the database does not answer.
        """
        living = select(_sessions.c.key_id).where(
            _sessions.c.digest == hashed,
            _sessions.c.expires > time.time_ns() // 1_000_000,
        )
        with self._state.begin() as connection:
            return connection.execute(living).scalar() or ""

    def end(self, token: str) -> None:
        """Sign somebody out.

        Raises:
            StateError: the database does not answer.
        """
        with self._state.begin() as connection:
            connection.execute(delete(_sessions).where(_sessions.c.digest == digest(token)))
