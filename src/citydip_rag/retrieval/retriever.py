"""Two stages and the question's encoding, put together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from citydip_rag.embedding.base import Embedder
from citydip_rag.index import Index
from citydip_rag.index.base import IdArray
from citydip_rag.retrieval.base import Candidate, FirstStage, Query, Reranker
from citydip_rag.retrieval.distinct import distinct

DEPTH: Final = 20
"""Passages the second stage looks at."""
MAX_DEPTH: Final = 160
"""Passages it looks at where most are copies of others."""


def _untold(_step: str) -> None:
    """Nobody times it."""


@dataclass(frozen=True, slots=True)
class Retriever:
    """Finds passages for a question.

    Attributes:
        first_stage: finds candidates among all passages.
        reranker: reorders them, or None.
    """

    first_stage: FirstStage
    reranker: Reranker | None = None

    def search(
        self,
        index: Index,
        query: Query,
        limit: int,
        documents: Sequence[str] | None = None,
        step: Callable[[str], None] = _untold,
    ) -> list[Candidate]:
        """The best passages for a question, each of which says something of its own.

        Args:
            index: where to search.
            query: the encoded question.
            limit: number of passages at most.
            documents: ids of the only documents to search in, or None for all.
            step: told when `retrieve` and `rerank` begin.
        """
        allowed = index.numbers_of(documents)
        depth = max(limit, DEPTH)
        ranked = self._ranked(index, query, depth, allowed, step)
        candidates = distinct(ranked, limit)
        while len(candidates) < limit and len(ranked) == depth < MAX_DEPTH:
            depth *= 2  # copies took the others' places
            ranked = self._ranked(index, query, depth, allowed, step)
            candidates = distinct(ranked, limit)
        return candidates

    def _ranked(
        self,
        index: Index,
        query: Query,
        depth: int,
        allowed: IdArray | None,
        step: Callable[[str], None],
    ) -> list[Candidate]:
        step("retrieve")
        found = self.first_stage.find(index, query, depth, allowed)
        passages = index.store.passages(found.numbers.tolist())
        candidates = [
            Candidate(
                number=int(number),
                passage=passages[int(number)],
                scores={name: float(values[i]) for name, values in found.scores.items()},
            )
            for i, number in enumerate(found.numbers)
        ]
        if self.reranker is None:
            return candidates
        step("rerank")
        return self.reranker.rerank(index, query, candidates)


def encode_query(embedder: Embedder, index: Index, text: str) -> Query:
    """Encode a question for an index: its vector, and its tokens in the index' projection."""
    encoding = embedder.embed_queries([text])[0]
    spans = encoding.tokens.offsets
    words = np.array(
        [any(map(str.isalnum, text[start:end])) for start, end in spans], dtype=bool
    ).reshape(-1)
    if not words.any():
        words[:] = True
    return Query(
        text=text,
        vector=encoding.vector,
        tokens=index.projection.apply(encoding.tokens.vectors[words]),
        offsets=spans[words],
    )
