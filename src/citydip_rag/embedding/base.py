"""The embedder seam: text becomes vectors, whole and per token."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]
Progress = Callable[[int, int], None]
"""Called with (texts done, texts in all)."""


@dataclass(frozen=True, slots=True)
class TokenVectors:
    """The last-layer vectors of one text's tokens, without special tokens and prefix.

    Attributes:
        vectors: (tokens, dimension) float32, each row of length 1.
        offsets: (tokens, 2) int32, `[start, end)` of each token in characters of the text.
    """

    vectors: FloatArray
    offsets: IntArray

    def __len__(self) -> int:
        """Number of tokens."""
        return len(self.offsets)


@dataclass(frozen=True, slots=True)
class Encoding:
    """One text, encoded in one pass.

    Attributes:
        vector: (dimension,) float32 of length 1.
        tokens: the token vectors of the same pass.
    """

    vector: FloatArray
    tokens: TokenVectors


class Embedder(ABC):
    """Text to vectors. Implementations are deterministic and safe to call from many threads."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the model, for people."""

    def in_small_batches(self) -> Embedder:
        """The same embedder for work in the background, which lets others have their turn."""
        return self

    def for_many(self, count: int) -> Embedder:  # noqa: ARG002  # for those who can
        """What embeds so many passages soonest, to vectors of the same fingerprint."""
        return self

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Changes whenever the vectors of a text could change; stored with every index."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length of every vector."""

    @property
    @abstractmethod
    def max_tokens(self) -> int:
        """Tokens of a text beyond this number are not seen by the model."""

    @abstractmethod
    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Number of the model's own tokens in each text, without special tokens."""

    @abstractmethod
    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode questions: vectors and token vectors from one pass."""

    @abstractmethod
    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        """Encode passages: vectors and token vectors from one pass.

        Args:
            texts: the passages.
            headings: one heading path a passage, read by the model before the passage; its
                tokens count towards the vector but are not among the token vectors.
            progress: called after every batch.
        """

    def encode_queries(self, texts: Sequence[str]) -> FloatArray:
        """Encode questions: (n, dimension) float32, rows of length 1."""
        return self._stack(self.embed_queries(texts))

    def encode_passages(self, texts: Sequence[str]) -> FloatArray:
        """Encode passages: (n, dimension) float32, rows of length 1."""
        return self._stack(self.embed_passages(texts))

    def _stack(self, encodings: Sequence[Encoding]) -> FloatArray:
        if not encodings:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return np.stack([encoding.vector for encoding in encodings])


def leads(texts: Sequence[str], headings: Sequence[str]) -> list[str]:
    """What the model reads before each text: its heading path on a line of its own, if any."""
    return [f"{heading}\n" if heading else "" for heading in headings or [""] * len(texts)]
