"""An index in a PostgreSQL database: its current generation, its lock, its note."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from pydantic import ValidationError

from citydip_rag.embedding.base import Embedder
from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import (
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexNewerError,
    IndexUnreachableError,
)
from citydip_rag.index.generation import REBUILD, Manifest
from citydip_rag.index.place import IndexPlace, Note
from citydip_rag.index.postgres.database import Database, Rows, writing
from citydip_rag.index.postgres.migrations import check_version, migrate
from citydip_rag.index.postgres.passages import PostgresPassages, PostgresTokens
from citydip_rag.index.postgres.vectors import PostgresVectors
from citydip_rag.index.postgres.wholeness import check_whole, is_whole
from citydip_rag.index.postgres.words import PostgresWords
from citydip_rag.index.postgres.writer import PostgresWriter
from citydip_rag.index.previous import Held, Previous
from citydip_rag.index.reader import Index, check_embedder
from citydip_rag.values import DatabaseAddress

_CURRENT = (
    "select m.version, g.id, g.name, g.digest"
    " from (select max(version)::integer as version from citydip.migration) as m left join"
    " (select id, name, digest from citydip.generation order by id desc limit 1) as g on true"
)


class PostgresPlace(IndexPlace):
    """Documents, passages, vectors and words in one database, shared by all who name it."""

    def __init__(self, address: DatabaseAddress) -> None:
        """Name the database; nothing is connected yet.

        Raises:
            SettingsError: the address is malformed.
        """
        self._database = Database(address)
        self._reading: Rows = self._database

    def current(self) -> tuple[str, str]:
        """What is newest of what is committed."""
        _, name, digest = self._current()
        return name, digest

    def open(self, embedder: Embedder | None) -> Index:
        """Open the current generation after what it holds was counted."""
        generation, name, digest = self._current()
        manifest = self._manifest(generation)
        check_embedder(manifest, embedder)
        check_whole(self._database, generation, manifest)
        return Index(
            place=self,
            generation=name,
            digest=digest,
            manifest=manifest,
            store=PostgresPassages(self._database, generation),
            vectors=PostgresVectors(self._database, generation, manifest.dimension),
            words=PostgresWords(self._database, generation),
            tokens=PostgresTokens(self._database, manifest.passages),
            projection=self._projection(generation),
        )

    def previous(self) -> PreviousRows | None:
        """The current generation, read but not yet counted; a writer sees its own."""
        try:
            generation, name, _ = self._current()
            return PreviousRows(name, self._manifest(generation), self._reading, generation)
        except IndexNewerError:
            raise
        except (IndexMissingError, IndexMismatchError, IndexDamagedError):
            return None

    @contextmanager
    def writing(self) -> Iterator[PostgresWriter]:
        """Hold the advisory lock, over tables of this program's version."""
        with self._database.session() as session:
            with writing():
                migrate(session.connection)
            self._reading = session
            try:
                yield PostgresWriter(session)
            finally:
                self._reading = self._database

    def note(self) -> Note | None:
        """The one row of notes."""
        try:
            rows = self._database.rows("select content, written from citydip.note")
        except (IndexMissingError, IndexDamagedError, IndexUnreachableError):
            return None
        return Note(*rows[0]) if rows else None

    def write_note(self, text: str) -> None:
        """Replace the one row of notes."""
        self._database.write(
            "insert into citydip.note (content, written) values (%(text)s, %(now)s)"
            " on conflict (single) do update set (content, written)"
            " = row(excluded.content, excluded.written)",
            {"text": text, "now": datetime.now(UTC)},
        )

    def check(self) -> None:
        """Ask the database anything at all."""
        self._database.rows("select 1")

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    def _current(self) -> tuple[int, str, str]:
        ((version, *newest),) = self._reading.rows(_CURRENT)
        check_version(version or 0)
        if newest[0] is None:
            raise IndexMissingError("There is no index yet.", "Run: citydip index")
        generation, name, digest = newest
        return generation, name, digest

    def _manifest(self, generation: int) -> Manifest:
        rows = self._reading.rows(
            "select manifest from citydip.generation where id = %(id)s", {"id": generation}
        )
        try:
            return Manifest.model_validate_json(rows[0][0])
        except (IndexError, ValidationError) as error:
            raise IndexDamagedError("The manifest of the index is damaged.", REBUILD) from error

    def _projection(self, generation: int) -> Projection:
        rows = self._reading.rows(
            "select p.content from citydip.projection as p join citydip.generation as g"
            " on g.projection = p.fingerprint where g.id = %(id)s",
            {"id": generation},
        )
        try:
            return Projection.read(rows[0][0])
        except (IndexError, ValueError, KeyError) as error:
            raise IndexDamagedError("The projection of the index is damaged.", REBUILD) from error


@dataclass(frozen=True, slots=True)
class PreviousRows(Previous):
    """The current generation of a database."""

    database: Rows
    number: int

    def is_undamaged(self) -> bool:
        """Whether all of it is there; the rest is the database's promise."""
        return is_whole(self.database, self.number, self.manifest)

    def held(self) -> Held | None:
        """Its documents and passages, unless some are missing."""
        if not self.is_undamaged():
            return None
        return Held(self.manifest.inputs, PostgresPassages(self.database, self.number))
