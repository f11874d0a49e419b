"""Every implementation of the index seams, for contracts that all of them keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest
from psycopg import Connection

from citydip_rag.index.base import LexicalIndex, VectorIndex
from citydip_rag.index.bm25s import Bm25sIndex
from citydip_rag.index.faiss import FaissIndex
from citydip_rag.index.postgres.database import Database, Session
from citydip_rag.index.postgres.migrations import migrate
from citydip_rag.index.postgres.vectors import PostgresVectors, grow
from citydip_rag.index.postgres.words import PostgresWords
from citydip_rag.values import DatabaseAddress
from postgres import Postgres

AnyIndex = TypeVar("AnyIndex", VectorIndex, LexicalIndex)
VECTORS = ["faiss-flat", "faiss-graph", "postgres-flat", "postgres-graph"]
WORDS = ["bm25s", "postgres"]
DIMENSION = 16


@contextmanager
def session(server: Postgres) -> Iterator[Session]:
    """A writer's session over the tables of an empty database."""
    database = Database(DatabaseAddress(server.create()))
    with database.session() as opened:
        migrate(opened.connection)
        yield opened
    database.close()


@pytest.fixture
def make_vectors(request: pytest.FixtureRequest) -> Iterator[Callable[[], VectorIndex]]:
    """Makes empty vector indexes of the kind that a test is parametrised with."""
    if request.param.startswith("faiss"):
        limit = 20 if request.param == "faiss-graph" else 50_000
        yield lambda: FaissIndex(DIMENSION, flat_limit=limit)
        return
    with session(request.getfixturevalue("postgres_server")) as opened:
        if request.param == "postgres-graph":
            grow(opened.connection, DIMENSION, 1 << 30)

        def made() -> VectorIndex:
            emptied(opened.connection)
            return PostgresVectors(opened, 1, DIMENSION)

        yield made


@pytest.fixture
def make_words(request: pytest.FixtureRequest) -> Iterator[Callable[[], LexicalIndex]]:
    """Makes empty lexical indexes of the kind that a test is parametrised with."""
    if request.param == "bm25s":
        yield Bm25sIndex
        return
    with session(request.getfixturevalue("postgres_server")) as opened:

        def made() -> LexicalIndex:
            emptied(opened.connection)
            return PostgresWords(opened, 1)

        yield made


def emptied(connection: Connection) -> None:
    for table in ("vector", "words", "term"):
        connection.execute(f"delete from citydip.{table}")


def reopened(index: AnyIndex, folder: Path) -> AnyIndex:
    """The same index as another process would see it."""
    if isinstance(index, FaissIndex | Bm25sIndex):
        index.save(folder)
        return type(index).load(folder)
    if isinstance(index, PostgresVectors):
        return PostgresVectors(index._database, 1, DIMENSION)
    assert isinstance(index, PostgresWords)
    return PostgresWords(index._database, 1)
