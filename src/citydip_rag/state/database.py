"""One small database for what people give the service: SQLite, or PostgreSQL for several servers.

Each room declares its tables on `metadata`; opening the state makes those that are not there yet.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Self

from sqlalchemy import (
    URL,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    Table,
    create_engine,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.exc import DBAPIError, ProgrammingError, SQLAlchemyError

from citydip_rag.errors import StateError
from citydip_rag.state.addresses import check_address, is_on_a_server, parameters_of
from citydip_rag.state.faults import told
from citydip_rag.values import OTHER_SCHEMAS

VERSION: Final = 1
"""Of the tables' layout; a newer one is refused, never misread."""
SQLITE_SECONDS: Final = 10
"""How long one process waits for another that is writing."""
_ATTEMPTS: Final = 5
"""Of opening: those who open a new database at the same moment get in each other's way."""
_SECONDS_BETWEEN_ATTEMPTS: Final = 0.1

metadata = MetaData()
_version = Table("state_version", metadata, Column("version", Integer, nullable=False))


class State:
    """An opened database; safe to use from many threads and processes."""

    def __init__(self, engine: Engine) -> None:
        """Use an engine whose tables are there."""
        self.engine = engine

    @classmethod
    def open(cls, address: str | Path) -> Self:
        """Open a SQLite file or a PostgreSQL database, making what is missing of it.

        Args:
            address: path of the file, or `postgresql://…`.

        Raises:
            SettingsError: the address is malformed.
            StateError: it cannot be opened, or is of a newer version.
            MissingDependencyError: the driver is not installed.
        """
        check_address(address)
        try:
            engine = _engine(address)
            _prepare(engine)
        except (SQLAlchemyError, OSError) as error:
            raise told(error, _closed()) from error
        return cls(engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction, committed at its end.

        Raises:
            StateError: the database does not answer, or cannot be written.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            if isinstance(error, ProgrammingError):  # the database was made anew meanwhile, say
                self._restore()
            silent = StateError(
                "The database of keys and feedback does not answer.", "Try again in a moment."
            )
            raise told(error, silent) from error

    def close(self) -> None:
        """Give its connections back."""
        self.engine.dispose()

    def _restore(self) -> None:
        """Make tables that are missing, for whoever asks again."""
        with suppress(SQLAlchemyError, StateError):
            _prepare(self.engine, attempts=1)


def is_there(address: str | Path) -> bool:
    """Whether something is at an address: a file, or our tables on a server; nothing is made there.

    Raises:
        SettingsError: it is malformed.
        StateError: the server does not answer, or a folder is there.
        MissingDependencyError: the driver is not installed.
    """
    check_address(address)
    if not is_on_a_server(address):
        return Path(address).exists()
    engine = _engine(address)
    try:
        return inspect(engine).has_table(_version.name)
    except SQLAlchemyError as error:
        raise told(error, _closed()) from error
    finally:
        engine.dispose()


def _closed() -> StateError:
    return StateError(
        "The database of keys and feedback cannot be opened.",
        "Check CITYDIP_STATE, and that its folder or server is there and may be written.",
    )


def _engine(address: str | Path) -> Engine:
    if is_on_a_server(address):
        engine = create_engine(
            "postgresql+psycopg://",
            connect_args=parameters_of(str(address)),
            pool_pre_ping=True,
            pool_size=4,
            max_overflow=4,
        )
        event.listen(engine, "connect", _outside_the_index)
        return engine
    path = Path(address)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)  # what keys there are is nobody else's business
    engine = create_engine(
        URL.create("sqlite", database=str(path)), connect_args={"timeout": SQLITE_SECONDS}
    )
    event.listen(engine, "connect", _write_ahead)
    return engine


def _outside_the_index(connection: Any, _: object) -> None:
    """Whatever the user is called, the tables are not in the schema of an index."""
    connection.execute(OTHER_SCHEMAS)
    connection.commit()


def _write_ahead(connection: Any, _: object) -> None:
    """Let readers read while somebody writes."""
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma foreign_keys = on")


def _prepare(engine: Engine, attempts: int = _ATTEMPTS) -> None:
    """Make the tables that are missing, also while another process is making them."""
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            _check_version(connection)
    except DBAPIError:
        engine.dispose()
        if attempts == 1:
            raise
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
        _prepare(engine, attempts - 1)


def _check_version(connection: Connection) -> None:
    found = connection.execute(select(_version.c.version)).scalar()
    if found is None:
        connection.execute(insert(_version).values(version=VERSION))
    elif found > VERSION:
        raise StateError(
            f"The database of keys and feedback has version {found}, this program knows {VERSION}.",
            "Use the newer program, or another database with CITYDIP_STATE.",
        )
