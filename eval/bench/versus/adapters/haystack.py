"""Haystack: the in-memory store's two retrievers, joined by reciprocal rank fusion.

After the tutorial "Creating a Hybrid Retrieval Pipeline" (without its cross-encoder, since none
of the others has one); prefixes as the embedders' documentation asks for E5 models.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from haystack import Document, Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.components.generators.chat import OpenAIChatGenerator
from haystack.components.joiners import DocumentJoiner
from haystack.components.retrievers.in_memory import (
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.components.writers import DocumentWriter
from haystack.dataclasses import ChatMessage, StreamingChunk
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret
from haystack_integrations.components.embedders.sentence_transformers import (
    SentenceTransformersDocumentEmbedder,
    SentenceTransformersTextEmbedder,
)

from versus.adapters.base import Listener, Passage, Server, System

STORE = "store.json"
TEMPLATE = """Given the following information, answer the question.

Context:
{% for document in documents %}
    {{ document.content }}
{% endfor %}

Question: {{question}}
Answer:"""
"""Of the tutorial "Creating Your First QA Pipeline with Retrieval-Augmentation"."""


class Adapter(System):
    """A pipeline of text embedder, two retrievers and a joiner."""

    description: ClassVar[str] = (
        "InMemoryDocumentStore, InMemoryBM25Retriever + InMemoryEmbeddingRetriever,"
        " DocumentJoiner (reciprocal_rank_fusion), embeddings not returned"
    )
    packages: ClassVar[Sequence[str]] = ("haystack-ai", "sentence-transformers-haystack")

    def load(self, passages: int) -> None:  # noqa: ARG002  # the seam
        """Load the document embedder."""
        self._documents = SentenceTransformersDocumentEmbedder(
            prefix=self.setup.passage_prefix, batch_size=32, **self._model()
        )
        self._documents.warm_up()

    def index(self, passages: Sequence[Passage], folder: Path, vectors: Any = None) -> None:
        """Embedder and writer, then `save_to_disk`."""
        store = InMemoryDocumentStore(return_embedding=False)
        documents = [Document(id=passage.id, content=passage.text) for passage in passages]
        if vectors is None:
            documents = self._documents.run(documents)["documents"]
        else:
            pairs = zip(documents, vectors, strict=True)
            documents = [replace(d, embedding=v.tolist()) for d, v in pairs]
        DocumentWriter(store).run(documents)
        store.save_to_disk(str(folder / STORE))

    def open(self, folder: Path) -> None:
        """Load the store, and build the pipeline."""
        self._store = InMemoryDocumentStore.load_from_disk(str(folder / STORE))
        self._pipeline = self._retrieving()
        if self.server is not None:
            self._answer_with(self._pipeline, self.server)
        self._pipeline.warm_up()

    def embed(self, query: str) -> None:
        """The text embedder."""
        self._pipeline.get_component("embedder").run(query)

    def search(self, query: str, k: int) -> list[str]:
        """Run the pipeline."""
        return [d.id for d in self._pipeline.run(_inputs(query, k))["joiner"]["documents"]]

    def ask(self, question: str, listener: Listener) -> str:
        """Run the whole pipeline."""
        if self.server is None:
            raise ValueError("it answers with a model only")
        self._listener = listener
        given = _inputs(question, self.server.passages) | {"prompt": {"question": question}}
        return str(self._pipeline.run(given)["generator"]["replies"][0].text or "")

    def _answer_with(self, pipeline: Pipeline, server: Server) -> None:
        """Add a prompt and a chat generator."""
        prompt = [ChatMessage.from_user(TEMPLATE)]
        pipeline.add_component("prompt", ChatPromptBuilder(prompt, required_variables="*"))
        generator = OpenAIChatGenerator(
            api_base_url=f"{server.address}/v1",
            api_key=Secret.from_token("none"),
            model=server.model,
            timeout=600,
            streaming_callback=self._told,
            generation_kwargs={"max_tokens": server.max_tokens, "temperature": 0},
        )
        pipeline.add_component("generator", generator)
        pipeline.connect("joiner", "prompt.documents")
        pipeline.connect("prompt", "generator")

    def _told(self, chunk: StreamingChunk) -> None:
        self._listener.hear(chunk.content)

    def _retrieving(self) -> Pipeline:
        pipeline = Pipeline()
        embedder = SentenceTransformersTextEmbedder(prefix=self.setup.query_prefix, **self._model())
        pipeline.add_component("embedder", embedder)
        pipeline.add_component("dense", InMemoryEmbeddingRetriever(self._store))
        pipeline.add_component("words", InMemoryBM25Retriever(self._store))
        pipeline.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        pipeline.connect("embedder.embedding", "dense.query_embedding")
        pipeline.connect("dense", "joiner")
        pipeline.connect("words", "joiner")
        return pipeline

    def _model(self) -> dict[str, Any]:
        return {
            "model": self.setup.model,
            "progress_bar": False,
            "normalize_embeddings": True,
            "local_files_only": True,
            "model_kwargs": self.setup.model_kwargs,
        }


def _inputs(query: str, k: int) -> dict[str, dict[str, Any]]:
    """What a run of the pipeline is given; each retriever looks for ten, its default, at least."""
    depth = max(k, 10)
    return {
        "embedder": {"text": query},
        "dense": {"top_k": depth},
        "words": {"query": query, "top_k": depth},
        "joiner": {"top_k": k},
    }
