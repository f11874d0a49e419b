"""Connections to the index's database: a pool that reads, and a session that writes."""

from __future__ import annotations

import logging
import re
import time
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import psycopg
from psycopg import Connection, errors
from psycopg.conninfo import make_conninfo
from psycopg_pool import ConnectionPool, PoolTimeout

from citydip_rag.errors import (
    DiskError,
    IndexBusyError,
    IndexDamagedError,
    IndexMissingError,
    IndexUnreachableError,
    SettingsError,
)
from citydip_rag.state.addresses import given_in
from citydip_rag.values import OTHER_SCHEMAS, DatabaseAddress

CONNECTIONS: Final = 8
"""Held at most by one process: more searches at once would only wait for the processors."""
PATIENCE_SECONDS: Final = 3.0
"""How long a search waits for a connection while the database is away, before it says so."""
_WAIT_SECONDS: Final = 0.25
"""Between two looks whether it is back."""
_LOCK: Final = 7_163_202_401
"""Key of the advisory lock of whoever writes."""
_DEFAULTS: Final = {
    "application_name": "citydip",
    "client_encoding": "UTF8",  # a database without an encoding of its own gives bytes otherwise
    "connect_timeout": "3",
    "keepalives_idle": "5",  # a server that is gone without a word is noticed
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_SEARCHING: Final = (
    "set hnsw.ef_search = 100; set hnsw.iterative_scan = strict_order; set jit = off;"
    f" {OTHER_SCHEMAS}"
)
_READING: Final = (
    f"{_SEARCHING}; set default_transaction_read_only = on; set statement_timeout = '15s'"
)
_LOST: Final = (errors.OperationalError, errors.InterfaceError)
_MISMADE: Final = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.DatatypeMismatch,
    errors.DuplicateTable,
    errors.InvalidTextRepresentation,
)
"""What is said where somebody has changed the tables, or others are there."""
_VERSIONS: Final = "citydip.migration"
"""The table without which there is no index at all."""

_CAUSES: Final = (
    (
        r'password authentication failed|role ".*" does not exist|no pg_hba\.conf entry',
        "The database of the index does not take this user and password.",
        "Check them in CITYDIP_INDEX.",
    ),
    (
        "too many clients",
        "The database of the index has no connection left.",
        f"Raise its max_connections: each server holds up to {CONNECTIONS}.",
    ),
    (
        r'database ".*" does not exist',
        "The server has no database of the name that CITYDIP_INDEX gives.",
        "Make it, with createdb for one, or mend the name.",
    ),
    (
        "session is read-only",
        "The database of the index is a replica and cannot be written.",
        "Name the primary in CITYDIP_INDEX, alone or beside it: host=one,two.",
    ),
)
"""What the driver says when it cannot connect, what it means, and what to do."""

Row = tuple[Any, ...]
Result = TypeVar("Result")


class Rows(ABC):
    """Whatever runs statements for a reader: a pool, or the connection of a writer."""

    @abstractmethod
    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do something with a connection."""

    def rows(self, statement: str, values: Mapping[str, object] | None = None) -> list[Row]:
        """What a statement selects."""
        return self.run(lambda c: c.execute(statement, values, binary=True).fetchall())

    def execute(self, statement: str, values: Mapping[str, object]) -> None:
        """Run a statement that selects nothing."""
        self.run(lambda c: c.execute(statement, values))


class Database(Rows):
    """A pool of connections for reading; safe to use from many threads.

    A connection that breaks in the middle of a search is replaced, and the search is done again.
    While the database is away a search waits a little and is then refused.
    """

    def __init__(self, address: DatabaseAddress) -> None:
        """Look at the address; nothing is connected yet.

        Raises:
            SettingsError: it is malformed.
        """
        self._conninfo = _conninfo(address)
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # we say ourselves what is wrong
        self._pool = ConnectionPool(
            self._conninfo,
            kwargs={"autocommit": True},
            min_size=1,
            max_size=CONNECTIONS,
            open=False,
            configure=_configure,
            reconnect_timeout=0,  # we ask again ourselves, and soon
            num_workers=1,
        )
        self._closing = weakref.finalize(self, self._pool.close)

    def close(self) -> None:
        """Close all connections; else they are closed with the last reference to this."""
        self._closing()

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do something with a connection that may be done twice.

        Raises:
            IndexUnreachableError: the database does not answer.
            IndexMissingError: it holds no index.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        with _reported():
            while True:
                try:
                    return self._once(work, deadline)
                except (errors.QueryCanceled, PoolTimeout):
                    raise
                except _LOST:
                    if time.monotonic() > deadline:
                        raise
                    self._pool.check()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A connection of its own with the right to write.

        Raises:
            IndexUnreachableError: no server there takes it.
            IndexBusyError: another writer has the right.
        """
        try:
            connection = psycopg.connect(
                self._conninfo, autocommit=True, target_session_attrs="read-write"
            )
        except errors.OperationalError as error:
            raise _unreachable(error) from error
        with connection:
            with writing():
                connection.execute(_SEARCHING)
                found = connection.execute("select pg_try_advisory_lock(%s)", [_LOCK]).fetchone()
            if not (found and found[0]):
                raise IndexBusyError(
                    "Another process is writing this index.",
                    "Wait until it has finished, and try again.",
                )
            yield Session(connection)

    def write(self, statement: str, values: Mapping[str, object]) -> None:
        """Run one statement that needs no lock, on a server that takes it.

        Raises:
            IndexUnreachableError: there is none.
            DiskError: it refuses.
        """
        with (
            writing(),
            psycopg.connect(
                self._conninfo, autocommit=True, target_session_attrs="read-write"
            ) as connection,
        ):
            connection.execute(statement, values)

    def _once(self, work: Callable[[Connection], Result], deadline: float) -> Result:
        connection = self._connection(deadline)
        try:
            return work(connection)
        finally:
            self._pool.putconn(connection)

    def _connection(self, deadline: float) -> Connection:
        """The next free connection.

        Raises:
            PoolTimeout: there is none until then.
        """
        self._pool.open()
        while True:
            try:
                return self._pool.getconn(timeout=_WAIT_SECONDS)
            except PoolTimeout:
                if time.monotonic() > deadline:
                    psycopg.connect(self._conninfo).close()  # which says why, as the pool does not
                    raise


class Session(Rows):
    """The connection of whoever writes; what it reads is what it wrote."""

    def __init__(self, connection: Connection) -> None:
        """Use a connection that holds the right to write."""
        self.connection = connection

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do something with the connection."""
        return work(self.connection)


@contextmanager
def writing() -> Iterator[None]:
    """Turn what the database says while it is written into errors of ours.

    Raises:
        DiskError: it has no room, or refuses.
        IndexUnreachableError: it does not answer any more.
    """
    try:
        yield
    except errors.DiskFull as error:
        raise DiskError(
            "The disk of the index's database is full.",
            "Make room on it and run citydip index again; nothing is lost.",
        ) from error
    except _LOST as error:
        raise _unreachable(error) from error
    except _MISMADE as error:
        raise _mismade() from error
    except psycopg.Error as error:
        raise DiskError(
            f"The database refuses to write the index: {error.diag.message_primary or 'error'}.",
            "Check the rights of its user there.",
        ) from error


@contextmanager
def _reported() -> Iterator[None]:
    try:
        yield
    except (errors.InvalidSchemaName, errors.UndefinedTable) as error:
        if isinstance(error, errors.UndefinedTable) and _VERSIONS not in str(error):
            raise _mismade() from error
        raise IndexMissingError("There is no index yet.", "Run: citydip index") from error
    except errors.QueryCanceled as error:
        raise IndexUnreachableError(
            "The database of the index takes too long.", "Try again in a moment."
        ) from error
    except errors.InsufficientPrivilege as error:
        raise IndexUnreachableError(
            "The user of the index's database may not read it.",
            "Have its owner run: grant usage on schema citydip to that user; and: grant select on"
            " all tables in schema citydip to that user",
        ) from error
    except _MISMADE as error:
        raise _mismade() from error
    except _LOST as error:
        raise _unreachable(error) from error


def _mismade() -> IndexDamagedError:
    return IndexDamagedError(
        "The tables of the index are not as this program makes them.",
        "If the schema citydip of this database holds nothing else, run there: drop schema citydip"
        " cascade; then: citydip index",
    )


def _unreachable(error: Exception) -> IndexUnreachableError:
    """What keeps us from it; of a connection that fails the driver tells in words alone."""
    said = str(error)
    for pattern, what, remedy in _CAUSES:
        if re.search(pattern, said):
            return IndexUnreachableError(what, remedy)
    return IndexUnreachableError(
        "The database of the index does not answer.",
        "Try again in a moment; if it lasts, check CITYDIP_INDEX and the server.",
    )


def _conninfo(address: DatabaseAddress) -> str:
    given = given_in(address.get_secret_value())
    if given is None:
        raise SettingsError(
            f"The address {address} of the index is malformed.",
            "Write it as postgresql://user:password@host:5432/database.",
        )
    return make_conninfo("", **{**_DEFAULTS, **given})


def _configure(connection: Connection) -> None:
    connection.execute(_READING)
