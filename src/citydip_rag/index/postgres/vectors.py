"""Vectors in pgvector: exact while there are few, a graph above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from psycopg import Connection

from citydip_rag.embedding.base import FloatArray
from citydip_rag.index.base import Hits, IdArray, VectorIndex
from citydip_rag.index.postgres.database import Row, Rows
from citydip_rag.index.postgres.migrations import FOREVER
from citydip_rag.index.postgres.passages import VALID

FLAT_LIMIT: Final = 20_000
"""Above this many vectors a graph's small loss of recall buys a faster search."""
_NEIGHBOURS: Final = 16
_EF_CONSTRUCTION: Final = 100


class PostgresVectors(VectorIndex):
    """Inner product over unit vectors; HNSW (Malkov and Yashunin 2018) where `grow` has made it."""

    def __init__(self, database: Rows, generation: int, dimension: int) -> None:
        """See one generation.

        Args:
            database: where it is.
            generation: its id.
            dimension: length of its vectors.
        """
        self._database = database
        self._generation = generation
        self._dimension = dimension

    def __len__(self) -> int:
        """Number of vectors."""
        return int(self._rows(f"select count(*) from citydip.vector where {VALID}")[0][0])

    def add(self, ids: IdArray, vectors: FloatArray, documents: Sequence[str] = ()) -> None:
        """Add vectors; `documents`, one each, say which partition they go to."""
        refuse_used(self._database, "vector", ids)
        owners = documents or [""] * len(ids)
        self._database.run(lambda c: self._copy(c, ids, vectors, owners))

    def remove(self, ids: IdArray) -> None:
        """End the vectors' validity with the generation before this one."""
        end(self._database, "vector", self._generation, ids)

    def search(self, vector: FloatArray, limit: int, allowed: IdArray | None = None) -> Hits:
        """The nearest vectors; allowed ids are found by their index and scored one by one."""
        distance = f"embedding::vector({self._dimension}) <#> %(vector)s::vector"
        within = f"vector_dims(embedding) = {self._dimension}"
        order = distance
        if allowed is not None:
            within, order = "number = any(%(allowed)s::bigint[])", f"({distance}) + 0"
        rows = self._rows(
            f"select number, -({distance}) from citydip.vector where {VALID} and {within}"
            f" order by {order} limit {int(limit)}",
            vector=_written(vector),
            allowed=None if allowed is None else allowed.tolist(),
        )
        return hits(rows)

    def score(self, vector: FloatArray, ids: IdArray) -> FloatArray:
        """Cosine with each id."""
        rows = self._rows(
            "select number, -(embedding <#> %(vector)s::vector) from citydip.vector"
            f" where {VALID} and number = any(%(ids)s::bigint[])",
            vector=_written(vector),
            ids=ids.tolist(),
        )
        found: dict[int, float] = dict(rows)
        return np.array([found[int(i)] for i in ids], dtype=np.float32)

    def vectors(self, ids: IdArray) -> FloatArray:
        """The vectors under these ids."""
        rows = self._rows(
            f"select number, embedding::real[] from citydip.vector"
            f" where {VALID} and number = any(%(ids)s::bigint[])",
            ids=ids.tolist(),
        )
        found: dict[int, list[float]] = dict(rows)
        made = np.array([found[int(i)] for i in ids], dtype=np.float32)
        return made.reshape(len(ids), self._dimension)

    def _rows(self, statement: str, **values: object) -> list[Row]:
        return self._database.rows(statement, {"generation": self._generation, **values})

    def _copy(
        self, connection: Connection, ids: IdArray, vectors: FloatArray, documents: Sequence[str]
    ) -> None:
        from pgvector.psycopg import register_vector

        register_vector(connection)
        statement = (
            "copy citydip.vector (number, document_id, since, until, embedding)"
            " from stdin (format binary)"
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.set_types(["int8", "text", "int8", "int8", "vector"])
            for number, document, vector in zip(ids.tolist(), documents, vectors, strict=True):
                row = (number, document, self._generation, FOREVER, vector.astype(np.float32))
                copy.write_row(row)


def grow(connection: Connection, dimension: int, vectors: int) -> None:
    """Make the graphs over this server's partitions if there are so many vectors, and none yet.

    A graph follows what is added and removed later by itself; a search uses it once it is there.
    """
    if vectors <= FLAT_LIMIT:
        return
    for (part,) in connection.execute(_PARTS).fetchall():
        connection.execute(
            f"create index if not exists {part}_graph_{dimension} on citydip.{part}"
            f" using hnsw ((embedding::vector({dimension})) vector_ip_ops)"
            f" with (m = {_NEIGHBOURS}, ef_construction = {_EF_CONSTRUCTION})"
            f" where vector_dims(embedding) = {dimension}"
        )


_PARTS: Final = (
    "select relname from pg_inherits join pg_class on pg_class.oid = inhrelid"
    " where inhparent = 'citydip.vector'::regclass and relkind = 'r' order by relname"
)


def hits(rows: Sequence[Row]) -> Hits:
    """Rows of number and score, best first."""
    return Hits(
        np.array([row[0] for row in rows], dtype=np.int64),
        np.array([row[1] for row in rows], dtype=np.float32),
    )


def refuse_used(database: Rows, table: str, ids: IdArray) -> None:
    """Refuse ids that are given twice or taken already.

    Raises:
        ValueError: one is.
    """
    taken = database.rows(
        f"select from citydip.{table} where number = any(%(ids)s::bigint[]) and until = {FOREVER}"
        " limit 1",
        {"ids": ids.tolist()},
    )
    if taken or len(set(ids.tolist())) != len(ids):
        raise ValueError("an id is already used")


def end(database: Rows, table: str, generation: int, ids: IdArray) -> None:
    """Let rows be valid until a generation, and no longer in it; its own rows are deleted."""
    values = {"generation": generation, "ids": ids.tolist()}
    named = f"where number = any(%(ids)s::bigint[]) and until = {FOREVER} and since"
    for statement in (
        f"delete from citydip.{table} {named} = %(generation)s",
        f"update citydip.{table} set until = %(generation)s {named} < %(generation)s",
    ):
        database.execute(statement, values)


def _written(vector: FloatArray) -> str:
    """A vector as pgvector reads it; nine digits say a float32 exactly."""
    return f"[{','.join(f'{value:.9g}' for value in vector.tolist())}]"
