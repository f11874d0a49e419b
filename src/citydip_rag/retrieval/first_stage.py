"""First stages: by meaning, by words, and by both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from citydip_rag.index import Index
from citydip_rag.index.base import IdArray
from citydip_rag.retrieval.base import FirstStage, Query, Scored, best_first

WORDS_WEIGHT: Final = 0.2
"""Weight of the words' coverage against the cosine of the vectors."""


class DenseStage(FirstStage):
    """By vectors alone."""

    def find(self, index: Index, query: Query, limit: int, allowed: IdArray | None) -> Scored:
        """Nearest by cosine."""
        return best_first(index.vectors.search(query.vector, limit, allowed), "dense")


class LexicalStage(FirstStage):
    """By words alone."""

    def find(self, index: Index, query: Query, limit: int, allowed: IdArray | None) -> Scored:
        """Highest coverage of the question's words."""
        return best_first(index.words.search(query.text, limit, allowed), "words")


@dataclass(frozen=True, slots=True)
class HybridStage(FirstStage):
    """By both: cosine + weight * coverage.

    Words help where question and passage share a language and hurt where they do not. Rank or
    min-max fusion cannot tell the two apart, since both blow the best of bad word scores up to the
    best possible. Coverage is absolute: an English question finds next to none of its words in an
    Indonesian passage, its coverage stays near 0, and the cosine decides alone; names and numbers,
    which cross languages, still count for what they are.
    """

    words_weight: float = WORDS_WEIGHT

    def find(self, index: Index, query: Query, limit: int, allowed: IdArray | None) -> Scored:
        """The best of the union of both searches, every passage scored by both."""
        near = index.vectors.search(query.vector, limit, allowed)
        said = index.words.search(query.text, limit, allowed)
        numbers = np.union1d(near.ids, said.ids)
        dense = index.vectors.score(query.vector, numbers)
        words = index.words.score(query.text, numbers)
        score = dense + np.float32(self.words_weight) * words
        order = np.lexsort((numbers, -score))[:limit]
        return Scored(
            numbers[order],
            {"dense": dense[order], "words": words[order], "score": score[order]},
        )
