"""Writing a generation, wherever it is kept: embed what is new, publish, forget the old."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Final, Generic, TypeVar

from citydip_rag.embedding.base import Embedder, Progress
from citydip_rag.embedding.hardware import give_back_memory
from citydip_rag.embedding.projection import Projection, sample_tokens, shipped_projection
from citydip_rag.index.cache import CachedEncoding, Encodings
from citydip_rag.index.generation import FORMAT, ChunkingSettings, FileRecord, Manifest
from citydip_rag.schema import Document, Passage

_BATCH: Final = 256
"""Passages embedded between two commits of what is known."""
_PROJECTION_SAMPLE: Final = 1_000

Known = TypeVar("Known", bound=Encodings)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Built:
    """A finished generation.

    Attributes:
        generation: its name.
        manifest: what it is made of.
        embedded: passages that had to be embedded; the others were known.
    """

    generation: str
    manifest: Manifest
    embedded: int


@dataclass(frozen=True, slots=True)
class Content:
    """What a generation is to hold.

    Attributes:
        documents: what the passages were cut from.
        passages: numbered in this order.
        chunking: how they were cut; None where they came ready-made.
        inputs: what became of every file, to be kept with the generation.
        reader: version of the code that read the files.
        folder: where the files were.
    """

    documents: Sequence[Document]
    passages: Sequence[Passage]
    chunking: ChunkingSettings | None = None
    inputs: Mapping[str, FileRecord] = field(default_factory=dict)
    reader: int = 0
    folder: str = ""


class IndexWriter(ABC, Generic[Known]):
    """The right to write an index, and how it is done there."""

    def build(
        self, embedder: Embedder, content: Content, progress: Progress | None = None
    ) -> Built:
        """Build a generation and make it current.

        An interruption leaves the current generation as it is; what was embedded until then is
        kept and will not be embedded again.

        Args:
            embedder: makes the vectors of what is not known.
            content: what it is to hold.
            progress: called with (passages embedded or known, passages in all).

        Raises:
            DiskError: there is no room, or it cannot be written.
            IndexDamagedError: what is known is damaged.
            IndexUnreachableError: the database does not answer.
        """
        with self._reporting():
            projection = self._projection(embedder, content.passages)
            fingerprint = embedder.fingerprint + projection.fingerprint
            with closing(self._encodings(fingerprint)) as known:
                keys = [known.key(passage.lead, passage.text) for passage in content.passages]
                embedded = _embed(embedder, known, projection, content.passages, keys, progress)
                manifest = Manifest(
                    format=FORMAT,
                    created=datetime.now(UTC),
                    embedder=embedder.fingerprint,
                    embedding_model=embedder.name,
                    dimension=embedder.dimension,
                    token_dimension=len(projection.matrix),
                    chunking=content.chunking,
                    documents=len(content.documents),
                    passages=len(content.passages),
                    reader=content.reader,
                    folder=content.folder,
                    inputs=dict(content.inputs),
                    files={},
                )
                name, manifest = self._publish(content, manifest, projection, known, keys)
                known.prune(keys)
        return Built(name, manifest, embedded)

    def take(
        self,
        content: Content,
        manifest: Manifest,
        projection: Projection,
        encodings: Iterable[CachedEncoding],
        progress: Progress | None = None,
    ) -> Built:
        """Make a generation of another index current here, without embedding anything.

        Args:
            content: what it holds.
            manifest: what it is made of.
            projection: of its token vectors.
            encodings: of the passages, in their order.
            progress: called with (passages taken, passages in all).

        Raises:
            DiskError: there is no room, or it cannot be written.
            IndexUnreachableError: the database does not answer.
        """
        with self._reporting():
            self._learn(manifest.embedder, projection)
            with closing(self._encodings(manifest.embedder + projection.fingerprint)) as known:
                keys = [known.key(passage.lead, passage.text) for passage in content.passages]
                pairs = zip(keys, encodings, strict=True)
                done = 0
                while batch := list(islice(pairs, _BATCH)):
                    known.put(batch)
                    done += len(batch)
                    if progress is not None:
                        progress(done, len(keys))
                copied = manifest.model_copy(update={"format": FORMAT, "files": {}})
                name, manifest = self._publish(content, copied, projection, known, keys)
        return Built(name, manifest, 0)

    @abstractmethod
    def forget(self) -> None:
        """Forget what is embedded and learned, for a rebuild from nothing."""

    @abstractmethod
    def _reporting(self) -> AbstractContextManager[None]:
        """Turn what goes wrong while writing into errors of ours."""

    @abstractmethod
    def _encodings(self, fingerprint: str) -> Known:
        """What is already embedded by a model."""

    @abstractmethod
    def _learned(self, embedder: str) -> Projection | None:
        """The projection that was learned here for an embedder's fingerprint."""

    @abstractmethod
    def _learn(self, embedder: str, projection: Projection) -> Projection:
        """Keep a projection for an embedder's fingerprint; returns it as it will be read."""

    @abstractmethod
    def _publish(
        self,
        content: Content,
        manifest: Manifest,
        projection: Projection,
        known: Known,
        keys: Sequence[bytes],
    ) -> tuple[str, Manifest]:
        """Write a generation whole and make it current: its name, and its manifest as written.

        Args:
            content: what it holds.
            manifest: what it is made of.
            projection: of its token vectors.
            known: the encodings of all its passages, by key.
            keys: the passages' keys, in their order.
        """

    def _projection(self, embedder: Embedder, passages: Sequence[Passage]) -> Projection:
        """The model's projection: shipped, learned for this index before, or learned now."""
        shipped = shipped_projection(embedder.fingerprint)
        held = shipped or self._learned(embedder.fingerprint)
        if held is not None:
            return held
        logger.info("learning the projection of token vectors")
        step = max(1, len(passages) // _PROJECTION_SAMPLE)
        sample = passages[::step]
        encodings = embedder.embed_passages(
            [passage.text for passage in sample], [passage.lead for passage in sample]
        )
        learned = Projection.fit(sample_tokens(e.tokens.vectors for e in encodings))
        return self._learn(embedder.fingerprint, learned)


def _embed(
    embedder: Embedder,
    known: Encodings,
    projection: Projection,
    passages: Sequence[Passage],
    keys: Sequence[bytes],
    progress: Progress | None,
) -> int:
    """Embed what is not known, longest first, and keep each batch: the number of passages."""
    missing = known.missing(keys)
    missing.sort(key=lambda i: len(passages[i].text), reverse=True)
    report = _Offset(progress, len(passages) - len(missing), len(passages))
    report(0, len(missing))
    embedder = embedder.for_many(len(missing))
    for start in range(0, len(missing), _BATCH):
        batch = missing[start : start + _BATCH]
        encodings = embedder.embed_passages(
            [passages[i].text for i in batch],
            [passages[i].lead for i in batch],
            _Offset(report, start, len(missing)),
        )
        known.put(
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
        del encodings
        give_back_memory()
    return len(missing)


@dataclass(frozen=True, slots=True)
class _Offset:
    """Passes progress on as a part of a longer run."""

    target: Callable[[int, int], None] | None
    start: int
    total: int

    def __call__(self, done: int, _: int) -> None:
        if self.target is not None:
            self.target(self.start + done, self.total)
