"""txtai: `Embeddings(hybrid=True, content=True)`.

After its pages "Configuration" and "RAG"; its own sources say that threads must be kept apart.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import txtai.vectors.dense.huggingface as dense
from txtai import RAG, Embeddings

from versus.adapters.base import Listener, Passage, Server, System

INDEX = "index"
TEMPLATE = """Answer the following question using the provided context.

Question:
{question}

Context:
{context}
"""
"""Of its page on RAG."""


class GivenVectors(dense.HFVectors):
    """Its own model, but for passages whose vectors are known: txtai's documented seam."""

    known: ClassVar[dict[str, Any]] = {}

    def encode(self, data: Any, category: str | None = None) -> Any:
        """Look passages up, and embed questions."""
        if category == "data" and all(text in self.known for text in data):
            return np.stack([self.known[text] for text in data])
        return super().encode(data, category)


class Adapter(System):
    """One `Embeddings`."""

    description: ClassVar[str] = "Embeddings(hybrid=True, content=True), its default weights"
    packages: ClassVar[Sequence[str]] = ("txtai", "faiss-cpu", "litellm")
    _lock = threading.Lock()

    def load(self, passages: int) -> None:  # noqa: ARG002  # the seam
        """Load the model."""
        self._embeddings = self._made()

    def index(self, passages: Sequence[Passage], folder: Path, vectors: Any = None) -> None:
        """Index and save."""
        embeddings = self._embeddings
        if vectors is not None:
            pairs = zip(passages, vectors, strict=True)
            prefix = self.setup.passage_prefix
            GivenVectors.known.update({prefix + passage.text: v for passage, v in pairs})
            embeddings = self._made(f"{__name__}.GivenVectors")
        embeddings.index((passage.id, passage.text, None) for passage in passages)
        embeddings.save(str(folder / INDEX))

    def open(self, folder: Path) -> None:
        """Load what was saved."""
        self._embeddings = Embeddings()
        self._embeddings.load(str(folder / INDEX))
        if self.server is not None:
            self._asking = self._answering(self.server)

    def embed(self, query: str) -> None:
        """The same object's."""
        self._embeddings.transform(query, "query")

    def search(self, query: str, k: int) -> list[str]:
        """Search, one thread at a time."""
        with self._lock:
            return [found["id"] for found in self._embeddings.search(query, k)]

    def _answering(self, server: Server) -> RAG:
        """Its RAG pipeline, over LiteLLM as it documents for servers."""
        return RAG(
            self._embeddings,
            f"openai/{server.model}",
            method="litellm",
            api_base=f"{server.address}/v1",
            api_key="none",
            template=TEMPLATE,
            context=server.passages,
            separator="\n",
            output="flatten",
        )

    def ask(self, question: str, listener: Listener) -> str:
        """Ask."""
        if self.server is None:
            raise ValueError("it answers with a model only")
        pieces = []
        answer = self._asking(
            question,
            maxlength=self.server.max_tokens,
            temperature=0,
            stream=True,
            defaultrole="user",
        )
        for piece in answer:
            pieces.append(piece)
            listener.hear(piece)
        return "".join(pieces)

    def _made(self, method: str = "transformers") -> Embeddings:
        given = self.setup.model_kwargs
        return Embeddings(
            path=self.setup.model,
            method=method,
            hybrid=True,
            content=True,
            instructions={"query": self.setup.query_prefix, "data": self.setup.passage_prefix},
            **({"vectors": given} if given else {}),
        )
