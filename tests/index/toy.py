"""A tiny deterministic embedder, for processes that are killed before a real one had loaded."""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np

from citydip_rag.embedding import Embedder, Encoding, TokenVectors
from citydip_rag.embedding.base import Progress
from citydip_rag.errors import IndexBusyError
from citydip_rag.index import writer
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


class SlowEmbedder(ToyEmbedder):
    """Says when it embeds, and takes its time."""

    def __init__(self, said: Connection) -> None:
        super().__init__()
        self._said = said

    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        self._said.send("embedding")
        time.sleep(0.02)
        return super().embed_passages(texts, headings, progress)


def index_slowly(seeds: Path, index: Path, said: Connection) -> None:
    """Index, two passages at a time, unless another is at it; says when it begins and embeds."""
    writer._BATCH = 2
    said.send("go")
    with contextlib.suppress(IndexBusyError):
        index_folder(load_settings(seeds=seeds, index=index), SlowEmbedder(said))


def processes() -> ForkServerContext:
    """Starts processes that have imported everything already."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["citydip_rag.indexing", "citydip_rag.index.folder", "nltk.tokenize.punkt"]
    )
    return context
