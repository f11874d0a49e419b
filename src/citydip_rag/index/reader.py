"""Reading the current generation: everything checked before anything is answered from."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from citydip_rag.embedding.base import Embedder
from citydip_rag.embedding.projection import Projection
from citydip_rag.errors import IndexDamagedError, IndexMismatchError
from citydip_rag.index.base import IdArray, LexicalIndex, VectorIndex
from citydip_rag.index.bm25s import Bm25sIndex
from citydip_rag.index.builder import LEXICAL, PROJECTION
from citydip_rag.index.faiss import FaissIndex
from citydip_rag.index.generation import (
    REBUILD,
    Manifest,
    current_generation,
    read_manifest,
    verify_files,
)
from citydip_rag.index.store import PassageStore
from citydip_rag.index.tokens import TokenStore


@dataclass(frozen=True, slots=True)
class Index:
    """One opened generation. It stays readable while newer ones are written."""

    generation: str
    digest: str
    manifest: Manifest
    store: PassageStore
    vectors: VectorIndex
    words: LexicalIndex
    tokens: TokenStore
    projection: Projection

    @classmethod
    def open(cls, index: Path, embedder: Embedder) -> Self:
        """Open the current generation for questions embedded by this embedder.

        Raises:
            IndexMissingError: there is no index.
            IndexDamagedError: a file is absent or altered.
            IndexMismatchError: it was built by another model or format.
        """
        name, digest = current_generation(index)
        folder = index / name
        manifest = read_manifest(folder, digest)
        _check_embedder(manifest, embedder)
        verify_files(folder, manifest)
        try:
            return cls(
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

    def __len__(self) -> int:
        """Number of passages."""
        return self.manifest.passages

    @property
    def identity(self) -> tuple[str, str]:
        """Name of the generation and SHA-256 of its manifest, as the pointer has them."""
        return self.generation, self.digest

    def numbers_of(self, document_ids: Sequence[str] | None) -> IdArray | None:
        """Numbers of the passages of these documents; None means all, and stays None."""
        if document_ids is None:
            return None
        return np.array(self.store.numbers_of(document_ids), dtype=np.int64)

    def close(self) -> None:
        """Close the files."""
        self.store.close()


def _check_embedder(manifest: Manifest, embedder: Embedder) -> None:
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
