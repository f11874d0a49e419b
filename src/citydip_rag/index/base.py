"""The index seams: search by vector, search by words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.base import FloatArray

IdArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Hits:
    """What a search found, best first.

    Attributes:
        ids: (n,) int64.
        scores: (n,) float32, falling.
    """

    ids: IdArray
    scores: FloatArray

    def __len__(self) -> int:
        """Number of hits."""
        return len(self.ids)


class VectorIndex(ABC):
    """Vectors of length 1, searched by cosine."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of vectors."""

    @abstractmethod
    def add(self, ids: IdArray, vectors: FloatArray) -> None:
        """Add vectors (n, dimension) under ids (n,) not yet used."""

    @abstractmethod
    def remove(self, ids: IdArray) -> None:
        """Remove the vectors under these ids; unknown ids are passed over."""

    @abstractmethod
    def search(self, vector: FloatArray, limit: int, allowed: IdArray | None = None) -> Hits:
        """The nearest vectors by cosine.

        Args:
            vector: (dimension,), of length 1.
            limit: number of hits at most.
            allowed: only these ids, or all.
        """

    @abstractmethod
    def score(self, vector: FloatArray, ids: IdArray) -> FloatArray:
        """Cosine of the vector with each of these ids: (len(ids),)."""

    @abstractmethod
    def vectors(self, ids: IdArray) -> FloatArray:
        """The vectors under these ids: (len(ids), dimension)."""


class LexicalIndex(ABC):
    """Texts, searched by their words.

    Scores are *coverage*: the BM25 score as a share of the highest score any text could reach for
    the query, unknown words counted as the rarest. It lies in [0, 1] and means the same for every
    query: near 0 where query and text share no language, high where they share their words.
    """

    @abstractmethod
    def __len__(self) -> int:
        """Number of texts."""

    @abstractmethod
    def add(self, ids: IdArray, texts: Sequence[str]) -> None:
        """Add texts under ids (n,) not yet used."""

    @abstractmethod
    def remove(self, ids: IdArray) -> None:
        """Remove the texts under these ids; unknown ids are passed over."""

    @abstractmethod
    def search(self, query: str, limit: int, allowed: IdArray | None = None) -> Hits:
        """The texts that cover most of the query; texts sharing no word are not hits.

        Args:
            query: a question.
            limit: number of hits at most.
            allowed: only these ids, or all.
        """

    @abstractmethod
    def score(self, query: str, ids: IdArray) -> FloatArray:
        """Coverage of the query by each of these ids: (len(ids),)."""
