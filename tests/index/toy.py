"""A tiny deterministic embedder, for processes that are killed before a real one had loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from citydip_rag.embedding import Embedder, Encoding, TokenVectors
from citydip_rag.embedding.base import Progress
from citydip_rag.indexing import index_folder
from citydip_rag.settings import load_settings


class ToyEmbedder(Embedder):
    """Words become vectors by their hash; a text is the mean of its words."""

    def __init__(self, dimension: int = 32, salt: str = "") -> None:
        self._dimension = dimension
        self._salt = salt

    @property
    def name(self) -> str:
        return f"toy {self._dimension}{self._salt}"

    @property
    def fingerprint(self) -> str:
        return hashlib.sha256(self.name.encode()).hexdigest()[:32]

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def max_tokens(self) -> int:
        return 512

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        return [self._encode(text) for text in texts]

    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        encodings = [self._encode(text) for text in texts]
        if progress is not None:
            progress(len(texts), len(texts))
        return encodings

    def _encode(self, text: str) -> Encoding:
        vectors, offsets, at = [], [], 0
        for word in text.split():
            start = text.index(word, at)
            at = start + len(word)
            seed = int.from_bytes(hashlib.sha256((self._salt + word).encode()).digest()[:4], "big")
            vectors.append(np.random.default_rng(seed).standard_normal(self._dimension))
            offsets.append((start, at))
        rows = np.array(vectors, dtype=np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        whole = rows.mean(axis=0)
        whole /= np.linalg.norm(whole)
        return Encoding(whole, TokenVectors(rows, np.array(offsets, dtype=np.int32)))


def rebuild_forever(seeds: Path, index: Path) -> None:
    """Rebuild an index again and again, until killed."""
    settings = load_settings(seeds=seeds, index=index)
    while True:
        index_folder(settings, ToyEmbedder(), rebuild=True)
