"""Writing a generation into the database: what changed, in one transaction."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from psycopg import Connection
from pydantic import ValidationError

from citydip_rag.embedding.projection import Projection
from citydip_rag.index.cache import CachedEncoding, Encodings
from citydip_rag.index.generation import Manifest
from citydip_rag.index.passages import COLUMNS, row_of
from citydip_rag.index.postgres.database import Session, writing
from citydip_rag.index.postgres.migrations import FOREVER
from citydip_rag.index.postgres.vectors import PostgresVectors, grow
from citydip_rag.index.postgres.wholeness import is_whole
from citydip_rag.index.postgres.words import PostgresWords
from citydip_rag.index.writer import Content, IndexWriter
from citydip_rag.schema import Document, Passage

KEPT: Final = 2
"""Generations kept at least: the current one and the one before it."""
KEPT_MINUTES: Final = 15
"""How long readers may go on with one after another has taken its place."""
_AT_ONCE: Final = 500
_ANALYSE_SHARE: Final = 0.1
"""Of the passages: when so many are new, the planner's statistics are gathered anew."""
_TABLES: Final = ("document", "passage", "vector", "words", "term")


class PostgresEncodings(Encodings):
    """The table of encodings, which passages of all generations refer to by key."""

    def __init__(self, connection: Connection, fingerprint: str) -> None:
        """Use a writer's connection, each of whose batches is committed."""
        super().__init__(fingerprint)
        self._connection = connection

    def missing(self, keys: Sequence[bytes]) -> list[int]:
        """Positions of the keys that have to be embedded."""
        held: set[bytes] = set()
        for start in range(0, len(keys), _AT_ONCE):
            held.update(
                row[0]
                for row in self._connection.execute(
                    "select key from citydip.encoding"
                    " where key = any(%s::bytea[]) and vector is not null",
                    [keys[start : start + _AT_ONCE]],
                    binary=True,
                )
            )
        return [i for i, key in enumerate(keys) if key not in held]

    def put(self, entries: Iterable[tuple[bytes, CachedEncoding]]) -> None:
        """Keep entries, all or none of them."""
        rows = [
            (key, entry.vector.astype(np.float32).tobytes(), *entry.token_bytes())
            for key, entry in dict(entries).items()
        ]
        with self._connection.transaction(), self._connection.cursor() as cursor:
            cursor.execute(
                "delete from citydip.encoding where key = any(%s::bytea[])",
                [[key for key, *_ in rows]],
            )
            cursor.executemany("insert into citydip.encoding values (%s, %s, %s, %s)", rows)

    def vectors(self, keys: Sequence[bytes]) -> Iterator[np.ndarray]:
        """The vectors under these keys, in their order."""
        for start in range(0, len(keys), _AT_ONCE):
            chunk = keys[start : start + _AT_ONCE]
            found: dict[bytes, bytes] = dict(
                self._connection.execute(
                    "select key, vector from citydip.encoding where key = any(%s::bytea[])",
                    [chunk],
                    binary=True,
                ).fetchall()
            )
            yield from (np.frombuffer(found[key], dtype=np.float32) for key in chunk)

    def prune(self, keys: Sequence[bytes]) -> None:
        """Forget what no passage refers to, if it is more than half of what is held."""
        with self._connection.transaction():
            found = self._connection.execute("select count(*) from citydip.encoding").fetchone()
            if found and found[0] > 2 * len(set(keys)):
                self._connection.execute(
                    "delete from citydip.encoding as e where not exists"
                    " (select from citydip.passage as p where p.key = e.key)"
                )

    def close(self) -> None:
        """The connection is the writer's."""


@dataclass(frozen=True, slots=True)
class PostgresWriter(IndexWriter[PostgresEncodings]):
    """Writes generations over the session that holds the advisory lock."""

    session: Session

    def forget(self) -> None:
        """Have everything embedded and written anew; what readers hold stays as it is."""
        with writing(), self.session.connection.transaction():
            self.session.connection.execute("update citydip.encoding set vector = null")
            self.session.connection.execute("update citydip.document set digest = ''")
            self.session.connection.execute("update citydip.projection set embedder = ''")

    def _reporting(self) -> AbstractContextManager[None]:
        return writing()

    def _encodings(self, fingerprint: str) -> PostgresEncodings:
        return PostgresEncodings(self.session.connection, fingerprint)

    def _learned(self, embedder: str) -> Projection | None:
        rows = self.session.rows(
            "select content from citydip.projection where embedder = %(embedder)s",
            {"embedder": embedder},
        )
        return Projection.read(rows[0][0]) if rows else None

    def _learn(self, embedder: str, projection: Projection) -> Projection:
        stored = io.BytesIO()
        projection.write(stored)
        kept = Projection.read(stored.getvalue())
        self.session.connection.execute(
            "insert into citydip.projection values (%s, %s, %s)"
            " on conflict (fingerprint) do update set embedder = excluded.embedder",
            [kept.fingerprint, embedder, stored.getvalue()],
        )
        return kept

    def _publish(
        self,
        content: Content,
        manifest: Manifest,
        projection: Projection,
        known: PostgresEncodings,
        keys: Sequence[bytes],
    ) -> tuple[str, Manifest]:
        connection = self.session.connection
        self._learn(manifest.embedder, projection)
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        with connection.transaction():
            change = _Change(self.session, content, keys)
            change.apply(known, manifest.dimension)
            text = manifest.model_dump_json()
            connection.execute(
                "insert into citydip.generation (id, name, digest, manifest, projection, numbers)"
                " values (%s, %s, %s, %s, %s, %s)",
                [
                    change.generation,
                    name,
                    hashlib.sha256(text.encode()).hexdigest(),
                    text,
                    projection.fingerprint,
                    change.numbers + len(change.added),
                ],
            )
        with connection.transaction():
            _remove_old(connection)
        if len(change.added) > _ANALYSE_SHARE * len(keys):
            connection.execute("analyze citydip.passage, citydip.vector, citydip.words")
            connection.execute("analyze citydip.encoding, citydip.term")
        grow(connection, manifest.dimension, len(keys))
        return name, manifest


class _Change:
    """The difference between the newest generation and the one to be written."""

    def __init__(self, session: Session, content: Content, keys: Sequence[bytes]) -> None:
        self._session = session
        ((newest, self.numbers),) = session.rows(
            "select coalesce(max(id), 0), coalesce(max(numbers), 0) from citydip.generation"
        )
        self.generation = newest + 1
        of: defaultdict[str, list[int]] = defaultdict(list)
        for i, passage in enumerate(content.passages):
            of[passage.document_id].append(i)
        digests = {
            document.id: _digest(
                document,
                [content.passages[i] for i in of[document.id]],
                [keys[i] for i in of[document.id]],
            )
            for document in content.documents
        }
        held = self._held(newest)
        new = {identity for identity, digest in digests.items() if held.get(identity) != digest}
        self.documents = [(d, digests[d.id]) for d in content.documents if d.id in new]
        self.gone = [identity for identity in held if identity in new or identity not in digests]
        self.added = [(p, keys[i]) for i, p in enumerate(content.passages) if p.document_id in new]

    def apply(self, known: PostgresEncodings, dimension: int) -> None:
        """End what is gone and add what is new, all in the transaction of the caller."""
        vectors = PostgresVectors(self._session, self.generation, dimension)
        words = PostgresWords(self._session, self.generation)
        if self.gone:
            ended = self._ended()
            vectors.remove(ended)
            words.remove(ended)
        if not self.documents:
            return
        self._write()
        numbers = np.arange(self.numbers, self.numbers + len(self.added), dtype=np.int64)
        owners = [passage.document_id for passage, _ in self.added]
        for start in range(0, len(self.added), _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            found = np.stack(list(known.vectors([key for _, key in self.added[part]])))
            vectors.add(numbers[part], found, owners[part])
        words.add(numbers, [_clean(f"{p.lead}\n{p.text}") for p, _ in self.added], owners)

    def _held(self, newest: int) -> Mapping[str, bytes]:
        """Digests of the documents of the newest generation; what is not whole is cleared away."""
        texts = self._session.rows(
            "select manifest from citydip.generation where id = %(id)s", {"id": newest}
        )
        if texts and _is_whole(self._session, newest, texts[0][0]):
            return dict(
                self._session.rows(
                    f"select id, digest from citydip.document where until = {FOREVER}"
                )
            )
        for table in _TABLES:
            self._session.execute(
                f"update citydip.{table} set until = %(until)s where until = {FOREVER}"
                if texts  # else no generation shows any of it, nor may a new one of that number
                else f"delete from citydip.{table} where until > %(until)s",
                {"until": self.generation if texts else 0},
            )
        return {}

    def _ended(self) -> np.ndarray:
        """End documents and passages: the numbers of those passages."""
        values = {"generation": self.generation, "gone": self.gone}
        self._session.connection.execute(
            "update citydip.document set until = %(generation)s"
            f" where until = {FOREVER} and id = any(%(gone)s::text[])",
            values,
        )
        rows = self._session.rows(
            "update citydip.passage set until = %(generation)s"
            f" where until = {FOREVER} and document_id = any(%(gone)s::text[]) returning number",
            values,
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    def _write(self) -> None:
        valid = (self.generation, FOREVER)
        with self._session.connection.cursor() as cursor:
            with cursor.copy(
                "copy citydip.document (since, until, id, title, source, label, digest, body)"
                " from stdin"
            ) as copy:
                for d, digest in self.documents:
                    body = d.model_copy(update={"text": _clean(d.text)}).model_dump_json()
                    copy.write_row((*valid, d.id, d.title, d.source, d.label, digest, body))
            with cursor.copy(
                f"copy citydip.passage (since, until, key, {COLUMNS}) from stdin"
            ) as copy:
                for number, (passage, key) in enumerate(self.added, self.numbers):
                    row = row_of(number, passage)
                    copy.write_row((*valid, key, *row[:-1], _clean(passage.text)))


def _is_whole(session: Session, generation: int, manifest: str) -> bool:
    try:
        return is_whole(session, generation, Manifest.model_validate_json(manifest))
    except ValidationError:
        return False


def _digest(document: Document, passages: Sequence[Passage], keys: Sequence[bytes]) -> bytes:
    """Changes whenever anything of a document, its passages or their vectors could."""
    digest = hashlib.sha256(document.model_dump_json().encode())
    for passage, key in zip(passages, keys, strict=True):
        digest.update(repr(row_of(0, passage)).encode())
        digest.update(key)
    return digest.digest()


def _clean(text: str) -> str:
    """The one character that PostgreSQL does not hold becomes the one that stands for any."""
    return text.replace("\0", "\ufffd")


def _remove_old(connection: Connection) -> None:
    """Delete generations that nobody should hold any more, and what only they showed."""
    connection.execute(
        "delete from citydip.generation as g where exists (select from citydip.generation as n"
        " where n.id > g.id and n.made < now() - make_interval(mins => %s))"
        " and id not in (select id from citydip.generation order by id desc limit %s)",
        [KEPT_MINUTES, KEPT],
    )
    for table in _TABLES:
        connection.execute(
            f"delete from citydip.{table} where until <= (select min(id) from citydip.generation)"
        )
