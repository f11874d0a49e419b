"""Compressed token vectors of all passages, memory-mapped."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, overload

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.base import FloatArray, IntArray
from citydip_rag.embedding.projection import Int8Array, unit

VECTORS_FILE: Final = "tokens.int8"
OFFSETS_FILE: Final = "token_offsets.int32"
BOUNDS_FILE: Final = "token_bounds.int64"


@dataclass(frozen=True, slots=True)
class PassageTokens:
    """One passage's tokens.

    Attributes:
        vectors: (tokens, kept dimensions) float32, rows of length 1.
        offsets: (tokens, 2) int32, `[start, end)` in characters of the passage.
    """

    vectors: FloatArray
    offsets: IntArray


class TokenBatch(Sequence[PassageTokens]):
    """Several passages' tokens in one array.

    Attributes:
        vectors: (tokens of all, kept dimensions) float32, rows of length 1.
        bounds: (passages + 1,), where each passage's begin and the last one's end.
    """

    def __init__(self, vectors: FloatArray, offsets: Sequence[IntArray]) -> None:
        """Join what was read; offsets as of `PassageTokens`, for each passage."""
        self.vectors = vectors
        self.bounds = np.cumsum([0, *map(len, offsets)])
        self._offsets = offsets

    def __len__(self) -> int:
        """Number of passages."""
        return len(self._offsets)

    @overload
    def __getitem__(self, place: int) -> PassageTokens: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[PassageTokens]: ...

    def __getitem__(self, place: int | slice) -> PassageTokens | Sequence[PassageTokens]:
        """The tokens of one passage, or of some."""
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        offsets = self._offsets[place]
        begin = self.bounds[place % len(self)]
        return PassageTokens(self.vectors[begin : begin + len(offsets)], offsets)


class Tokens(ABC):
    """The seam of the token vectors, read by the number of their passage."""

    @abstractmethod
    def __len__(self) -> int:
        """Number of passages."""

    @abstractmethod
    def compressed(self, numbers: Sequence[int]) -> list[tuple[Int8Array, IntArray]]:
        """Tokens as they are stored: (tokens, kept) int8 and (tokens, 2) int32 for each passage.

        Raises:
            LookupError: there is no such passage.
        """

    def of(self, numbers: Sequence[int]) -> TokenBatch:
        """The tokens of these passages, in their order."""
        stored = self.compressed(numbers)
        if not stored:
            return TokenBatch(np.zeros((0, 0), dtype=np.float32), [])
        vectors = unit(np.concatenate([vectors for vectors, _ in stored]))  # once, not for each
        return TokenBatch(vectors, [spans for _, spans in stored])

    def __getitem__(self, number: int) -> PassageTokens:
        """The tokens of one passage."""
        return self.of([number])[0]


class TokenStore(Tokens):
    """Reads a generation's files; nothing is held in memory but the bounds."""

    def __init__(self, folder: Path, dimension: int) -> None:
        """Map the files of a generation.

        Raises:
            ValueError: the files do not fit one another.
        """
        self._bounds: npt.NDArray[np.int64] = np.fromfile(folder / BOUNDS_FILE, dtype=np.int64)
        total = int(self._bounds[-1])
        self._vectors: Int8Array = _mapped(folder / VECTORS_FILE, np.int8, (total, dimension))
        self._offsets: IntArray = _mapped(folder / OFFSETS_FILE, np.int32, (total, 2))

    def __len__(self) -> int:
        """Number of passages."""
        return len(self._bounds) - 1

    def compressed(self, numbers: Sequence[int]) -> list[tuple[Int8Array, IntArray]]:
        """Slices of the mapped files."""
        bounds = [(int(self._bounds[n]), int(self._bounds[n + 1])) for n in numbers]
        return [(self._vectors[a:b], self._offsets[a:b]) for a, b in bounds]


class TokenWriter:
    """Writes the token files passage by passage, so that memory stays flat."""

    def __init__(self, folder: Path) -> None:
        """Create the files in an existing folder."""
        self._vectors = (folder / VECTORS_FILE).open("wb")
        self._offsets = (folder / OFFSETS_FILE).open("wb")
        self._folder = folder
        self._bounds = [0]

    def __enter__(self) -> Self:
        """Open for writing."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files and write the bounds."""
        with self._vectors, self._offsets:  # both, even if the disk is full for the first
            pass
        np.array(self._bounds, dtype=np.int64).tofile(self._folder / BOUNDS_FILE)

    def write(self, vectors: Int8Array, offsets: IntArray) -> None:
        """Append one passage's tokens."""
        self._vectors.write(np.ascontiguousarray(vectors, dtype=np.int8).tobytes())
        self._offsets.write(np.ascontiguousarray(offsets, dtype=np.int32).tobytes())
        self._bounds.append(self._bounds[-1] + len(offsets))


def _mapped(path: Path, dtype: type, shape: tuple[int, int]) -> Any:
    if shape[0] == 0:
        return np.zeros(shape, dtype=dtype)
    return np.asarray(np.memmap(path, dtype=dtype, mode="r", shape=shape))  # quicker to slice
