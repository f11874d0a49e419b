"""Reading the current generation: everything checked before anything is answered from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from citydip_rag.embedding.base import Embedder
from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import IndexMismatchError
from citydip_rag.index.base import IdArray, LexicalIndex, VectorIndex
from citydip_rag.index.cache import CachedEncoding
from citydip_rag.index.generation import REBUILD, Manifest
from citydip_rag.index.passages import Passages
from citydip_rag.index.place import place_of
from citydip_rag.index.tokens import Tokens
from citydip_rag.values import DatabaseAddress

if TYPE_CHECKING:
    from citydip_rag.index.place import IndexPlace

_AT_ONCE = 256
"""Encodings read at a time."""


@dataclass(frozen=True, slots=True)
class Index:
    """One opened generation. It stays readable while newer ones are written."""

    place: IndexPlace
    generation: str
    digest: str
    manifest: Manifest
    store: Passages
    vectors: VectorIndex
    words: LexicalIndex
    tokens: Tokens
    projection: Projection

    @classmethod
    def open(cls, index: Path | DatabaseAddress, embedder: Embedder) -> Index:
        """Open the current generation for questions embedded by this embedder.

        Raises:
            IndexMissingError: there is no index.
            IndexDamagedError: something of it is absent or altered.
            IndexMismatchError: it was built by another model or format.
            IndexUnreachableError: the database does not answer.
        """
        return place_of(index).open(embedder)

    def __len__(self) -> int:
        """Number of passages."""
        return self.manifest.passages

    @property
    def identity(self) -> tuple[str, str]:
        """Name of the generation and SHA-256 of its manifest, as `IndexPlace.current` has them."""
        return self.generation, self.digest

    def numbers_of(self, document_ids: Sequence[str] | None) -> IdArray | None:
        """Numbers of the passages of these documents; None means all, and stays None."""
        if document_ids is None:
            return None
        return np.array(self.store.numbers_of(document_ids), dtype=np.int64)

    def encodings(self, numbers: Sequence[int]) -> Iterator[CachedEncoding]:
        """The vectors of these passages as they are stored, in their order."""
        for start in range(0, len(numbers), _AT_ONCE):
            chunk = numbers[start : start + _AT_ONCE]
            vectors = self.vectors.vectors(np.array(chunk, dtype=np.int64))
            for vector, stored in zip(vectors, self.tokens.compressed(chunk), strict=True):
                yield CachedEncoding(vector, *stored)

    def close(self) -> None:
        """Close the files."""
        self.store.close()


def check_embedder(manifest: Manifest, embedder: Embedder | None) -> None:
    """Refuse a generation that another model made; None stands for any.

    Raises:
        IndexMismatchError: it is another's.
    """
    if embedder is None:
        return
    if manifest.dimension != embedder.dimension:
        raise IndexMismatchError(
            f"The index holds vectors of {manifest.dimension} dimensions"
            f" ({manifest.embedding_model}), the model {embedder.name} makes"
            f" {embedder.dimension}.",
            REBUILD,
        )
    if manifest.embedder != embedder.fingerprint:
        raise IndexMismatchError(
            f"The index was built with {manifest.embedding_model}, not with {embedder.name}"
            " as it is now.",
            REBUILD,
        )
