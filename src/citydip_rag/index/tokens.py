"""Compressed token vectors of all passages, memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

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


class TokenStore:
    """Reads the token vectors of a generation; nothing is held in memory but the bounds."""

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

    def __getitem__(self, row: int) -> PassageTokens:
        """The tokens of one passage."""
        start, end = int(self._bounds[row]), int(self._bounds[row + 1])
        return PassageTokens(unit(self._vectors[start:end]), np.asarray(self._offsets[start:end]))


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
    return np.memmap(path, dtype=dtype, mode="r", shape=shape)
