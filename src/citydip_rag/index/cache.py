"""What was embedded once is not embedded again: vectors by (fingerprint, text hash)."""

from __future__ import annotations

import hashlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from citydip_rag.embedding.base import FloatArray, IntArray
from citydip_rag.embedding.projection import Int8Array

FILE: Final = "embeddings.sqlite"
_SCHEMA: Final = """
create table if not exists entry (
    key blob primary key, vector blob not null, tokens blob not null, offsets blob not null
) without rowid;
"""
_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class CachedEncoding:
    """One passage's vectors, the token vectors compressed.

    Attributes:
        vector: (dimension,) float32.
        tokens: (tokens, kept dimensions) int8.
        offsets: (tokens, 2) int32.
    """

    vector: FloatArray
    tokens: Int8Array
    offsets: IntArray

    @classmethod
    def of_bytes(cls, vector: FloatArray, tokens: bytes, offsets: bytes) -> CachedEncoding:
        """Put together again what was stored as the bytes of its arrays."""
        spans = np.frombuffer(offsets, dtype=np.int32).reshape(-1, 2)
        flat = np.frombuffer(tokens, dtype=np.int8)
        return cls(
            vector, flat.reshape(len(spans), -1) if len(spans) else flat.reshape(0, 0), spans
        )

    def token_bytes(self) -> tuple[bytes, bytes]:
        """The bytes of the token vectors and of their offsets."""
        return self.tokens.tobytes(), self.offsets.astype(np.int32).tobytes()


class Encodings(ABC):
    """The seam of what is already embedded; only whoever holds the right to write uses it."""

    def __init__(self, fingerprint: str) -> None:
        """Look at what one model made.

        Args:
            fingerprint: of embedder and projection together.
        """
        self._fingerprint = fingerprint

    def key(self, heading: str, text: str) -> bytes:
        """The name under which a passage's vectors are kept."""
        return hashlib.sha256("\0".join((self._fingerprint, heading, text)).encode()).digest()

    @abstractmethod
    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Positions of the keys that are not held."""

    @abstractmethod
    def put(self, entries: Iterable[tuple[bytes, CachedEncoding]]) -> None:
        """Keep entries, all or none of them, whatever becomes of the run."""

    @abstractmethod
    def prune(self, keys: Sequence[bytes]) -> None:
        """Forget everything but these keys, if they are less than half of what is held."""

    @abstractmethod
    def close(self) -> None:
        """Close what was opened for it."""


class EmbeddingCache(Encodings):
    """A SQLite file beside the generations; every batch is committed, so a kill loses little."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Open the cache, starting afresh if the file is damaged.

        Args:
            folder: the index folder.
            fingerprint: of embedder and projection together.
        """
        super().__init__(fingerprint)
        self._path = folder / FILE
        try:
            self._connection = self._open()
        except sqlite3.DatabaseError:
            self._path.unlink(missing_ok=True)
            self._connection = self._open()

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Positions of the keys that are not in the cache."""
        held: set[bytes] = set()
        for chunk in _chunks(keys):
            marks = ", ".join("?" * len(chunk))
            statement = f"select key from entry where key in ({marks})"
            held.update(row[0] for row in self._connection.execute(statement, chunk))
        return [i for i, key in enumerate(keys) if key not in held]

    def put(self, entries: Iterable[tuple[bytes, CachedEncoding]]) -> None:
        """Keep entries, all or none of them."""
        with self._connection:
            self._connection.executemany(
                "insert or replace into entry values (?, ?, ?, ?)",
                (
                    (key, entry.vector.astype(np.float32).tobytes(), *entry.token_bytes())
                    for key, entry in entries
                ),
            )

    def get(self, keys: Sequence[bytes]) -> Iterator[CachedEncoding]:
        """The entries under these keys, in their order.

        Raises:
            KeyError: one is not there.
        """
        for chunk in _chunks(keys):
            marks = ", ".join("?" * len(chunk))
            statement = f"select key, vector, tokens, offsets from entry where key in ({marks})"
            found = {row[0]: row[1:] for row in self._connection.execute(statement, chunk)}
            for key in chunk:
                vector, tokens, offsets = found[key]
                yield CachedEncoding.of_bytes(np.frombuffer(vector, np.float32), tokens, offsets)

    def prune(self, keys: Sequence[bytes]) -> None:
        """Forget everything but these keys, if they are less than half of what is held."""
        held = self._connection.execute("select count(*) from entry").fetchone()[0]
        if held <= 2 * len(set(keys)):
            return
        wanted = set(keys)
        rows = self._connection.execute("select key from entry").fetchall()
        with self._connection:
            self._connection.executemany(
                "delete from entry where key = ?", [row for row in rows if row[0] not in wanted]
            )
        self._connection.execute("vacuum")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30)
        try:
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = normal")
            connection.executescript(_SCHEMA)
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection


def _chunks(keys: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(keys), _CHUNK):
        yield keys[start : start + _CHUNK]
