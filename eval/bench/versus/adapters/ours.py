"""This checkout, as it ships: its defaults, its own embedder."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from citydip_rag import Engine, Settings
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.events import Answered, Discarded, Written
from citydip_rag.indexing import index_passages
from citydip_rag.parts import make_embedder
from versus.adapters.base import Listener, Passage, Server, System

INDEX = "index"
VECTORS = "vectors.npy"
"""What we embedded, for those who are to be spared it."""


class Adapter(System):
    """`index_passages` and `Engine.search`, which is what `/search` calls."""

    description: ClassVar[str] = (
        "defaults: FAISS + bm25s, language-aware fusion, token alignment over the first 20"
    )
    packages: ClassVar[Sequence[str]] = ("citydip-rag", "faiss-cpu", "bm25s", "onnxruntime")
    _engine: Engine
    _runners = threading.local()

    def load(self, passages: int) -> None:
        """Load whatever the settings' default takes for so many."""
        self._embedder = make_embedder(Settings()).for_many(passages)

    def index(self, passages: Sequence[Passage], folder: Path, vectors: Any = None) -> None:
        """Index each text as one passage; vectors are always our own, and saved for others."""
        if vectors is not None:
            raise ValueError("ours needs token vectors too: it embeds by itself")
        settings = Settings(index=folder / INDEX)
        pairs = [whole_passage(passage.id, "", passage.text) for passage in passages]
        index_passages(settings, self._embedder, [d for d, _ in pairs], [p for _, p in pairs])

    def save_vectors(self, passages: Sequence[Passage], folder: Path) -> str:
        """Write the vectors out of the index just made; the path of the file."""
        from citydip_rag.index.cache import EmbeddingCache

        index = self._opened(folder).index
        prints = self._engine.embedder.fingerprint + index.projection.fingerprint
        cache = EmbeddingCache(folder / INDEX, prints)
        try:
            entries = cache.get([cache.key("", passage.text) for passage in passages])
            np.save(folder / VECTORS, np.stack([entry.vector for entry in entries]))
        finally:
            cache.close()
        return str(folder / VECTORS)

    def open(self, folder: Path) -> None:
        """Open the engine."""
        self._opened(folder)

    def embed(self, query: str) -> None:
        """The engine's embedder."""
        self._engine.embedder.embed_queries([query])

    def search(self, query: str, k: int) -> list[str]:
        """`Engine.search`, in an event loop of the calling thread's."""
        result = self._run(self._engine.search(query, top_k=k))
        return [passage.document_id for passage in result.passages]

    def ask(self, question: str, listener: Listener) -> str:
        """`Engine.stream`."""
        return str(self._run(self._stream(question, listener)))

    async def _stream(self, question: str, listener: Listener) -> str:
        async with aclosing(self._engine.stream(question)) as events:
            async for event in events:
                if isinstance(event, Written):
                    listener.hear(event.text)
                elif isinstance(event, Discarded):
                    listener.withdraw()
                elif isinstance(event, Answered):
                    return "" if event.answer.abstained else event.answer.answer
        raise AssertionError("a stream of events ends with the answer")

    def _opened(self, folder: Path) -> Engine:
        embedder = getattr(self, "_embedder", None)  # loaded already where we have just indexed
        settings = Settings(index=folder / INDEX, **_written_by(self.server))
        self._engine = Engine.open(settings, embedder)
        return self._engine

    def _run(self, work: Any) -> Any:
        if not hasattr(self._runners, "runner"):
            self._runners.runner = asyncio.Runner()
        return self._runners.runner.run(work)


def _written_by(server: Server | None) -> dict[str, Any]:
    """The settings with which a server writes the answers, each sentence of which is checked."""
    if server is None:
        return {}
    return {
        "generator": "openai",
        "llm_base_url": f"{server.address}/v1",
        "llm_model": server.model,
        "llm_max_tokens": server.max_tokens,
        "llm_passages": server.passages,
        "llm_first_token_seconds": 300,
        "llm_total_seconds": 600,
    }
