"""LlamaIndex: `QueryFusionRetriever` over a FAISS store and `BM25Retriever`.

After its pages "BM25 Retriever" and "Reciprocal Rerank Fusion Retriever": no generated queries,
the corpus' own stemmer, nodes taken as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import faiss
import Stemmer
from llama_index.core import StorageContext, VectorStoreIndex, load_index_from_storage
from llama_index.core.llms import MockLLM
from llama_index.core.query_engine import RetrieverQueryEngine
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.schema import TextNode
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.llms.openai_like import OpenAILike
from llama_index.retrievers.bm25 import BM25Retriever
from llama_index.vector_stores.faiss import FaissVectorStore

from versus.adapters.base import Listener, Passage, Server, System

DENSE, WORDS = "dense", "words"
STEMS = "indonesian"


class Adapter(System):
    """Two retrievers and a fusion of their ranks."""

    description: ClassVar[str] = (
        "FaissVectorStore (IndexFlatIP) + BM25Retriever (Indonesian stemmer),"
        " QueryFusionRetriever (reciprocal_rerank, num_queries=1)"
    )
    packages: ClassVar[Sequence[str]] = (
        "llama-index-core",
        "llama-index-embeddings-huggingface",
        "llama-index-retrievers-bm25",
        "llama-index-vector-stores-faiss",
        "faiss-cpu",
        "bm25s",
    )

    def load(self, passages: int) -> None:  # noqa: ARG002  # the seam
        """Load the model."""
        given = self.setup.model_kwargs
        self._model = HuggingFaceEmbedding(
            model_name=self.setup.model,
            query_instruction=self.setup.query_prefix,
            text_instruction=self.setup.passage_prefix,
            embed_batch_size=32,
            device="cpu",
            local_files_only=True,
            **({"model_kwargs": given} if given else {}),
        )

    def index(self, passages: Sequence[Passage], folder: Path, vectors: Any = None) -> None:
        """Build both indexes and persist them."""
        nodes = [TextNode(id_=passage.id, text=passage.text) for passage in passages]
        if vectors is not None:
            for node, vector in zip(nodes, vectors, strict=True):
                node.embedding = vector.tolist()
        dimension = self._model._model.get_embedding_dimension()  # noqa: SLF001  # it tells nowhere else
        store = FaissVectorStore(faiss_index=faiss.IndexFlatIP(dimension))
        context = StorageContext.from_defaults(vector_store=store)
        index = VectorStoreIndex(
            nodes, storage_context=context, embed_model=self._model, insert_batch_size=len(nodes)
        )
        index.storage_context.persist(str(folder / DENSE))
        words = BM25Retriever.from_defaults(nodes=nodes, stemmer=Stemmer.Stemmer(STEMS))
        words.persist(str(folder / WORDS))

    def open(self, folder: Path) -> None:
        """Load both, and the model."""
        if not hasattr(self, "_model"):
            self.load(0)
        dense = str(folder / DENSE)
        store = FaissVectorStore.from_persist_dir(dense)
        context = StorageContext.from_defaults(vector_store=store, persist_dir=dense)
        self._index = load_index_from_storage(context, embed_model=self._model)
        self._words = BM25Retriever.from_persist_dir(str(folder / WORDS))
        self._words.stemmer = Stemmer.Stemmer(STEMS)  # which is not persisted
        self._fused: dict[int, QueryFusionRetriever] = {}
        if self.server is not None:
            self._asking = self._answering(self.server)

    def embed(self, query: str) -> None:
        """The model."""
        self._model.get_query_embedding(query)

    def search(self, query: str, k: int) -> list[str]:
        """Retrieve."""
        return [found.node.node_id for found in self._retriever(k).retrieve(query)]

    def _answering(self, server: Server) -> RetrieverQueryEngine:
        """A query engine over that retriever, which streams."""
        model = OpenAILike(
            model=server.model,
            api_base=f"{server.address}/v1",
            api_key="none",
            is_chat_model=True,
            context_window=4096,
            max_tokens=server.max_tokens,
            temperature=0,
            timeout=600,
        )
        return RetrieverQueryEngine.from_args(
            self._retriever(server.passages), llm=model, streaming=True
        )

    def ask(self, question: str, listener: Listener) -> str:
        """Query."""
        if self.server is None:
            raise ValueError("it answers with a model only")
        pieces = []
        for piece in self._asking.query(question).response_gen:
            pieces.append(piece)
            listener.hear(piece)
        return "".join(pieces)

    def _retriever(self, k: int) -> QueryFusionRetriever:
        """Made once for each k; each part looks for ten at least, as the others' do."""
        if k not in self._fused:
            depth = max(k, 10)
            held = int(self._words.bm25.scores["num_docs"])
            self._words.similarity_top_k = min(depth, held)  # it refuses to look for more
            self._fused[k] = QueryFusionRetriever(
                [self._index.as_retriever(similarity_top_k=depth), self._words],
                llm=MockLLM(),  # never called, since no queries are made up
                similarity_top_k=k,
                num_queries=1,
                mode="reciprocal_rerank",
                use_async=False,  # neither part has an asynchronous way, so a loop only costs
            )
        return self._fused[k]
