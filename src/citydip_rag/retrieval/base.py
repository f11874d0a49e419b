"""What retrieval passes on, and its two seams: the first stage and the reranker."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

from citydip_rag.embedding.base import FloatArray, IntArray
from citydip_rag.index import Index
from citydip_rag.index.base import Hits, IdArray
from citydip_rag.index.tokens import PassageTokens
from citydip_rag.schema import Passage


@dataclass(frozen=True, slots=True)
class Query:
    """An encoded question.

    Attributes:
        text: the question.
        vector: (dimension,) float32 of length 1.
        tokens: (n, kept dimensions) float32, projected token vectors, rows of length 1.
        offsets: (n, 2) int32, the tokens' places in the text.
    """

    text: str
    vector: FloatArray
    tokens: FloatArray
    offsets: IntArray


@dataclass(slots=True)
class Candidate:
    """A passage on its way up.

    Attributes:
        number: its row in the index.
        passage: the passage.
        scores: by name; `score` is what the ranking is by.
        tokens: its token vectors, once a stage has read them.
        alignment: (query tokens, sentences): for each query token its best cosine among the
            tokens of each sentence; filled in by token alignment.
    """

    number: int
    passage: Passage
    scores: dict[str, float]
    tokens: PassageTokens | None = None
    alignment: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """First-stage results: passages' numbers with scores by name, best first."""

    numbers: IdArray
    scores: dict[str, FloatArray] = field(default_factory=dict)


class FirstStage(ABC):
    """Finds candidates among all passages."""

    @abstractmethod
    def find(self, index: Index, query: Query, limit: int, allowed: IdArray | None) -> Scored:
        """The best passages by this stage's `score`.

        Args:
            index: where to search.
            query: what to search for.
            limit: number of passages at most.
            allowed: only these passages, or all.
        """


class Reranker(ABC):
    """Reorders the first stage's candidates."""

    @abstractmethod
    def rerank(
        self, index: Index, query: Query, candidates: Sequence[Candidate]
    ) -> list[Candidate]:
        """The same candidates, best first, with `score` set anew and named scores added."""


def best_first(hits: Hits, name: str) -> Scored:
    """Hits of one index as first-stage results."""
    return Scored(hits.ids, {name: hits.scores, "score": hits.scores})
