"""Building an index: embed what is new, write a generation, make it current."""

from __future__ import annotations

import logging
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
from filelock import FileLock, Timeout

from citydip_rag.embedding.base import Embedder, Progress
from citydip_rag.embedding.projection import Projection, sample_tokens, shipped_projection
from citydip_rag.errors import CitydipError, IndexBusyError, IndexDamagedError
from citydip_rag.index.bm25s import Bm25sIndex
from citydip_rag.index.cache import FILE as CACHE_FILE
from citydip_rag.index.cache import CachedEncoding, EmbeddingCache
from citydip_rag.index.faiss import FaissIndex
from citydip_rag.index.generation import (
    FORMAT,
    REBUILD,
    ChunkingSettings,
    FileRecord,
    Manifest,
    checksums,
    is_current,
    new_generation,
    publish,
    remove_old,
)
from citydip_rag.index.store import write_store
from citydip_rag.index.tokens import TokenWriter
from citydip_rag.schema import Document, Passage

LOCK: Final = ".lock"
PROJECTION: Final = "projection.npz"
LEXICAL: Final = "words"
_BATCH: Final = 256
"""Passages embedded between two commits of the cache."""
_PROJECTION_SAMPLE: Final = 1_000

logger = logging.getLogger(__name__)


class DiskError(CitydipError):
    """The index could not be written."""

    slug = "index-not-written"
    status = 507


@dataclass(frozen=True, slots=True)
class Built:
    """A finished generation.

    Attributes:
        generation: its name.
        manifest: what it is made of.
        embedded: passages that had to be embedded; the others were in the cache.
    """

    generation: str
    manifest: Manifest
    embedded: int


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


def forget_cache(index: Path) -> None:
    """Delete the embedding cache and learned projections, for a rebuild from nothing."""
    for path in [*index.glob(f"{CACHE_FILE}*"), *index.glob("projection-*.npz")]:
        path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class IndexBuilder:
    """Writes generations below an index folder; call with the write lock held."""

    index: Path
    embedder: Embedder

    def build(
        self,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        chunking: ChunkingSettings | None = None,
        progress: Progress | None = None,
        inputs: Mapping[str, FileRecord] | None = None,
        reader: int = 0,
        folder: str = "",
    ) -> Built:
        """Build a generation of these passages and make it current.

        Args:
            documents: what the passages were cut from.
            passages: numbered in this order.
            chunking: how they were cut; None where they came ready-made.
            progress: called with (passages embedded or known, passages in all).
            inputs: what became of every file, to be kept with the generation.
            reader: version of the code that read the files.
            folder: where the files were.

        An interruption leaves the current generation as it is; what was embedded until then is in
        the cache and will not be embedded again.

        Raises:
            DiskError: the disk is full or cannot be written.
            IndexDamagedError: the embedding cache is damaged.
        """
        try:
            return self._build(
                documents, passages, progress, chunking, inputs or {}, reader, folder
            )
        except (OSError, sqlite3.OperationalError) as error:
            raise DiskError(
                f"The index cannot be written: {getattr(error, 'strerror', None) or error}.",
                "Make room on the disk and run citydip index again; nothing is lost.",
            ) from error
        except sqlite3.DatabaseError as error:
            raise IndexDamagedError(f"The index file {CACHE_FILE} is damaged.", REBUILD) from error

    def _build(
        self,
        documents: Sequence[Document],
        passages: Sequence[Passage],
        progress: Progress | None,
        chunking: ChunkingSettings | None,
        inputs: Mapping[str, FileRecord],
        reader: int,
        origin: str,
    ) -> Built:
        projection = self._projection(passages)
        cache = EmbeddingCache(self.index, self.embedder.fingerprint + projection.fingerprint)
        try:
            keys = [cache.key(passage.lead, passage.text) for passage in passages]
            embedded = self._embed(cache, projection, passages, keys, progress)
            folder = new_generation(self.index)
            try:
                _write_files(folder, documents, passages, projection, cache, keys)
                manifest = Manifest(
                    format=FORMAT,
                    created=datetime.now(UTC),
                    embedder=self.embedder.fingerprint,
                    embedding_model=self.embedder.name,
                    dimension=self.embedder.dimension,
                    token_dimension=len(projection.matrix),
                    chunking=chunking,
                    documents=len(documents),
                    passages=len(passages),
                    reader=reader,
                    folder=origin,
                    inputs=dict(inputs),
                    files=checksums(folder),
                )
                publish(self.index, folder, manifest)
            except BaseException:
                if not is_current(self.index, folder.name):  # else only the last sync failed
                    shutil.rmtree(folder, ignore_errors=True)
                raise
            remove_old(self.index)
            cache.prune(keys)
        finally:
            cache.close()
        return Built(folder.name, manifest, embedded)

    def _embed(
        self,
        cache: EmbeddingCache,
        projection: Projection,
        passages: Sequence[Passage],
        keys: Sequence[bytes],
        progress: Progress | None,
    ) -> int:
        missing = cache.missing(keys)
        missing.sort(key=lambda i: len(passages[i].text), reverse=True)
        report = _Offset(progress, len(passages) - len(missing), len(passages))
        report(0, len(missing))
        for start in range(0, len(missing), _BATCH):
            batch = missing[start : start + _BATCH]
            encodings = self.embedder.embed_passages(
                [passages[i].text for i in batch],
                [passages[i].lead for i in batch],
                _Offset(report, start, len(missing)),
            )
            cache.put(
                (
                    keys[i],
                    CachedEncoding(
                        encoding.vector,
                        projection.compress(encoding.tokens.vectors),
                        encoding.tokens.offsets,
                    ),
                )
                for i, encoding in zip(batch, encodings, strict=True)
            )
        return len(missing)

    def _projection(self, passages: Sequence[Passage]) -> Projection:
        """The model's projection: shipped, learned for this index before, or learned now."""
        shipped = shipped_projection(self.embedder.fingerprint)
        if shipped is not None:
            return shipped
        path = self.index / f"projection-{self.embedder.fingerprint}.npz"
        try:
            return Projection.load(path)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            logger.info("learning the projection of token vectors")
        step = max(1, len(passages) // _PROJECTION_SAMPLE)
        sample = passages[::step]
        encodings = self.embedder.embed_passages(
            [passage.text for passage in sample], [passage.lead for passage in sample]
        )
        unfinished = path.with_name(f".{path.name}")
        Projection.fit(sample_tokens(e.tokens.vectors for e in encodings)).save(unfinished)
        unfinished.replace(path)
        return Projection.load(path)


def _write_files(
    folder: Path,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    projection: Projection,
    cache: EmbeddingCache,
    keys: Sequence[bytes],
) -> None:
    write_store(folder, documents, passages)
    projection.save(folder / PROJECTION)
    vectors = []
    with TokenWriter(folder) as tokens:
        for entry in cache.get(keys):
            vectors.append(entry.vector)
            tokens.write(entry.tokens, entry.offsets)
    ids = np.arange(len(passages), dtype=np.int64)
    nearest = FaissIndex(len(vectors[0]))
    nearest.add(ids, np.stack(vectors))
    nearest.save(folder)
    (folder / LEXICAL).mkdir()
    words = Bm25sIndex()
    words.add(ids, [f"{passage.lead}\n{passage.text}" for passage in passages])
    words.save(folder / LEXICAL)


@dataclass(frozen=True, slots=True)
class _Offset:
    """Passes progress on as a part of a longer run."""

    target: Callable[[int, int], None] | None
    start: int
    total: int

    def __call__(self, done: int, _: int) -> None:
        if self.target is not None:
            self.target(self.start + done, self.total)
