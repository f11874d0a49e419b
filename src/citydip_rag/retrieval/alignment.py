"""Token alignment: late interaction over the tokens the embedder has already made.

ColBERT (Khattab and Zaharia 2020) scores a text by the best cosine that each query token finds
among the text's tokens. Done with the embedder's own last layer it needs no further model, works
across languages, and tells which sentence of a passage answers to which word of the question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from citydip_rag.embedding.base import FloatArray
from citydip_rag.index import Index
from citydip_rag.index.tokens import PassageTokens, TokenBatch
from citydip_rag.retrieval.base import Candidate, Query, Reranker
from citydip_rag.schema import Passage

PASSAGE_WEIGHT: Final = 0.4
SENTENCE_WEIGHT: Final = 0.3
"""Weights beside the first stage's score, tuned on TyDi QA's Indonesian training questions."""


@dataclass(frozen=True, slots=True)
class TokenAlignmentReranker(Reranker):
    """Adds to the first stage's score how well the question's tokens find their like.

    Attributes:
        passage_weight: of the mean best cosine over the whole passage.
        sentence_weight: of the mean best cosine within the passage's best sentence.
    """

    passage_weight: float = PASSAGE_WEIGHT
    sentence_weight: float = SENTENCE_WEIGHT

    def rerank(
        self, index: Index, query: Query, candidates: Sequence[Candidate]
    ) -> list[Candidate]:
        """Align every candidate with the question and sort anew."""
        read = index.tokens.of([candidate.number for candidate in candidates])
        found = align(query.tokens, read, [candidate.passage for candidate in candidates])
        edges = np.cumsum([0, *(len(candidate.passage.sentences) for candidate in candidates)])
        wholes, bests = _strengths(found, edges)
        for place, candidate in enumerate(candidates):
            candidate.tokens = read[place]
            candidate.alignment = found[:, edges[place] : edges[place + 1]]
            whole, best = float(wholes[place]), float(bests[place])
            candidate.scores["alignment"] = whole
            candidate.scores["sentence_alignment"] = best
            candidate.scores["score"] += self.passage_weight * whole + self.sentence_weight * best
        return sorted(candidates, key=lambda c: (-c.scores["score"], c.number))


def align(query: FloatArray, tokens: TokenBatch, passages: Sequence[Passage]) -> FloatArray:
    """Best cosine of each query token within each sentence.

    Args:
        query: (n, d), rows of length 1.
        tokens: the passages' tokens.
        passages: give the sentences.

    Returns:
        (n, sentences of all passages) float32; -1 where a sentence has no tokens the model saw.
    """
    if not passages:
        return np.zeros((len(query), 0), dtype=np.float32)
    # A passage begins with its first sentence, so the last one of another ends there.
    starts = np.concatenate(
        [
            sentence_starts(own, passage) + before
            for own, passage, before in zip(tokens, passages, tokens.bounds[:-1], strict=True)
        ]
    )
    filled = np.append(starts[1:], len(tokens.vectors)) > starts
    result = np.full((len(starts), len(query)), -1.0, dtype=np.float32)
    if len(query) and filled.any():
        similarity = tokens.vectors @ query.T
        result[filled] = np.maximum.reduceat(similarity, starts[filled], axis=0)
    return result.T


def sentence_starts(tokens: PassageTokens, passage: Passage) -> np.ndarray:
    """Index of the first token of each sentence: (sentences,), rising."""
    edges = [span.start - passage.start for span in passage.sentences]
    return np.searchsorted(tokens.offsets[:, 0], edges)


def _strengths(alignment: FloatArray, edges: np.ndarray) -> tuple[FloatArray, FloatArray]:
    """Mean best cosine over each passage, and within its best sentence; 0 where there is none.

    Args:
        alignment: (n, sentences of all passages).
        edges: (passages + 1,), where each passage's sentences begin and the last one's end.
    """
    wholes, bests = np.zeros((2, len(edges) - 1), dtype=np.float32)
    filled = edges[1:] > edges[:-1]
    if alignment.size:
        starts = edges[:-1][filled]
        wholes[filled] = np.maximum.reduceat(alignment, starts, axis=1).mean(axis=0)
        bests[filled] = np.maximum.reduceat(alignment.mean(axis=0), starts)
    return wholes, bests
