"""An index in a folder: its files, its pointer, its lock."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from citydip_rag.embedding.base import Embedder
from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import DiskError, IndexDamagedError
from citydip_rag.index.bm25s import Bm25sIndex
from citydip_rag.index.builder import LEXICAL, PROJECTION, FolderWriter, write_lock
from citydip_rag.index.faiss import FaissIndex
from citydip_rag.index.generation import (
    REBUILD,
    current_generation,
    read_manifest,
    verify_files,
)
from citydip_rag.index.place import IndexPlace, Note
from citydip_rag.index.previous import Previous, find_previous
from citydip_rag.index.reader import Index, check_embedder
from citydip_rag.index.store import PassageStore
from citydip_rag.index.tokens import TokenStore

NOTE: Final = "job.json"


class FolderPlace(IndexPlace):
    """FAISS, bm25s, SQLite and mapped files below one folder."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not be there."""
        self.folder: Path = folder

    def current(self) -> tuple[str, str]:
        """What the pointer names."""
        return current_generation(self.folder)

    def open(self, embedder: Embedder | None) -> Index:
        """Open the current generation after every file was checked."""
        name, digest = self.current()
        folder = self.folder / name
        manifest = read_manifest(folder, digest)
        check_embedder(manifest, embedder)
        verify_files(folder, manifest)
        try:
            return Index(
                place=self,
                generation=name,
                digest=digest,
                manifest=manifest,
                store=PassageStore(folder),
                vectors=FaissIndex.load(folder),
                words=Bm25sIndex.load(folder / LEXICAL),
                tokens=TokenStore(folder, manifest.token_dimension),
                projection=Projection.load(folder / PROJECTION),
            )
        except (OSError, ValueError, RuntimeError, KeyError, sqlite3.DatabaseError) as error:
            raise IndexDamagedError("The index cannot be opened.", REBUILD) from error

    def previous(self) -> Previous | None:
        """The current generation, read but not yet checked."""
        return find_previous(self.folder)

    @contextmanager
    def writing(self) -> Iterator[FolderWriter]:
        """Hold the folder's lock."""
        with write_lock(self.folder):
            yield FolderWriter(self.folder)

    def note(self) -> Note | None:
        """What the note's file holds."""
        path = self.folder / NOTE
        try:
            written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            return Note(path.read_text(encoding="utf-8"), written)
        except (OSError, UnicodeDecodeError):
            return None

    def write_note(self, text: str) -> None:
        """Write the note's file in one step."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = self.folder / f".{NOTE}"
            unfinished.write_text(text, encoding="utf-8")
            unfinished.replace(self.folder / NOTE)
        except OSError as error:
            raise DiskError("The index folder cannot be written.") from error

    def close(self) -> None:
        """Nothing is held open."""
