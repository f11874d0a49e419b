"""Generations in a folder: written whole beside the current one, then made current."""

from __future__ import annotations

import shutil
import sqlite3
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout

from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import DiskError, IndexBusyError, IndexDamagedError
from citydip_rag.index.bm25s import Bm25sIndex
from citydip_rag.index.cache import FILE as CACHE_FILE
from citydip_rag.index.cache import EmbeddingCache
from citydip_rag.index.faiss import FaissIndex
from citydip_rag.index.generation import (
    REBUILD,
    Manifest,
    checksums,
    is_current,
    new_generation,
    publish,
    remove_old,
)
from citydip_rag.index.store import write_store
from citydip_rag.index.tokens import TokenWriter
from citydip_rag.index.writer import Content, IndexWriter

LOCK: Final = ".lock"
PROJECTION: Final = "projection.npz"
LEXICAL: Final = "words"


@contextmanager
def write_lock(index: Path) -> Iterator[None]:
    """Hold the right to write; a dead process loses it by itself.

    Raises:
        IndexBusyError: another process holds it.
        DiskError: the folder cannot be made or written.
    """
    lock = FileLock(index / LOCK)
    try:
        index.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        raise IndexBusyError(
            "Another process is writing this index.", "Wait until it has finished, and try again."
        ) from None
    except OSError as error:
        raise DiskError(
            f"The index folder {index.name!r} cannot be written: {error.strerror or error}.",
            "Check its permissions, or set CITYDIP_INDEX to another folder.",
        ) from error
    try:
        yield
    finally:
        lock.release()


@dataclass(frozen=True, slots=True)
class FolderWriter(IndexWriter[EmbeddingCache]):
    """Writes generations below an index folder; made with the write lock held."""

    index: Path

    def forget(self) -> None:
        """Delete the embedding cache and learned projections."""
        for path in [*self.index.glob(f"{CACHE_FILE}*"), *self.index.glob("projection-*.npz")]:
            path.unlink(missing_ok=True)

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.OperationalError) as error:
            raise DiskError(
                f"The index cannot be written: {getattr(error, 'strerror', None) or error}.",
                "Make room on the disk and run citydip index again; nothing is lost.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise IndexDamagedError(f"The index file {CACHE_FILE} is damaged.", REBUILD) from error

    def _encodings(self, fingerprint: str) -> EmbeddingCache:
        return EmbeddingCache(self.index, fingerprint)

    def _learned(self, embedder: str) -> Projection | None:
        try:
            return Projection.load(self._projection_file(embedder))
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            return None

    def _learn(self, embedder: str, projection: Projection) -> Projection:
        path = self._projection_file(embedder)
        unfinished = path.with_name(f".{path.name}")
        projection.save(unfinished)
        unfinished.replace(path)
        return Projection.load(path)

    def _projection_file(self, embedder: str) -> Path:
        return self.index / f"projection-{embedder}.npz"

    def _publish(
        self,
        content: Content,
        manifest: Manifest,
        projection: Projection,
        known: EmbeddingCache,
        keys: Sequence[bytes],
    ) -> tuple[str, Manifest]:
        folder = new_generation(self.index)
        try:
            _write_files(folder, content, projection, known, keys)
            manifest = manifest.model_copy(update={"files": checksums(folder)})
            publish(self.index, folder, manifest)
        except BaseException:
            if not is_current(self.index, folder.name):  # else only the last sync failed
                shutil.rmtree(folder, ignore_errors=True)
            raise
        remove_old(self.index)
        return folder.name, manifest


def _write_files(
    folder: Path,
    content: Content,
    projection: Projection,
    cache: EmbeddingCache,
    keys: Sequence[bytes],
) -> None:
    write_store(folder, content.documents, content.passages)
    projection.save(folder / PROJECTION)
    vectors = []
    with TokenWriter(folder) as tokens:
        for entry in cache.get(keys):
            vectors.append(entry.vector)
            tokens.write(entry.tokens, entry.offsets)
    ids = np.arange(len(content.passages), dtype=np.int64)
    nearest = FaissIndex(len(vectors[0]))
    nearest.add(ids, np.stack(vectors))
    nearest.save(folder)
    (folder / LEXICAL).mkdir()
    words = Bm25sIndex()
    words.add(ids, [f"{passage.lead}\n{passage.text}" for passage in content.passages])
    words.save(folder / LEXICAL)
