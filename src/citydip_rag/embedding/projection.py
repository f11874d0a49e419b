"""Token vectors made small: centred, rotated, cut to fewer dimensions, kept as int8.

The last layer's token vectors share one large common direction, which says nothing about the
word. Removing their mean, projecting on the leading principal components and scaling those down
by the fourth root of their variance keeps what tells words apart in half the dimensions.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import IO, Final, Self

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.base import FloatArray

Int8Array = npt.NDArray[np.int8]

DIMENSIONS: Final = 192
_WHITENING: Final = 0.25
_MINIMUM_TOKENS: Final = 20
"""Tokens a component needs at least to be told from noise; below, only the mean is removed."""


@dataclass(frozen=True)
class Projection:
    """A fixed linear map for the token vectors of one model.

    Attributes:
        mean: (dimension,) float32.
        matrix: (kept, dimension) float32.
    """

    mean: FloatArray
    matrix: FloatArray

    @classmethod
    def fit(cls, vectors: FloatArray) -> Self:
        """Learn the map from token vectors (n, dimension)."""
        mean = vectors.mean(axis=0)
        dimension = vectors.shape[1]
        if len(vectors) < _MINIMUM_TOKENS * DIMENSIONS or dimension <= DIMENSIONS:
            return cls(mean.astype(np.float32), np.eye(dimension, dtype=np.float32))
        centred = (vectors - mean).astype(np.float64)
        variance, axes = np.linalg.eigh(centred.T @ centred / len(centred))
        order = np.argsort(-variance)[:DIMENSIONS]
        scale = (variance[order] / variance[order[0]]) ** (-_WHITENING / 2)
        return cls(mean.astype(np.float32), (axes[:, order] * scale).T.astype(np.float32))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a file that `save` wrote."""
        return cls.read(path.read_bytes())

    @classmethod
    def read(cls, stored: bytes) -> Self:
        """Read what `write` wrote."""
        with np.load(io.BytesIO(stored), allow_pickle=False) as content:
            return cls(content["mean"].astype(np.float32), content["matrix"].astype(np.float32))

    def save(self, path: Path) -> None:
        """Write as an .npz file, in half precision."""
        with path.open("wb") as file:
            self.write(file)

    def write(self, file: IO[bytes]) -> None:
        """Write as .npz, in half precision."""
        np.savez(file, mean=self.mean.astype(np.float16), matrix=self.matrix.astype(np.float16))

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever projected vectors could change."""
        halves = (self.mean.astype(np.float16), self.matrix.astype(np.float16))
        return hashlib.sha256(b"".join(half.tobytes() for half in halves)).hexdigest()[:16]

    def apply(self, vectors: FloatArray) -> FloatArray:
        """(n, dimension) to (n, kept), rows of length 1."""
        return unit((vectors - self.mean) @ self.matrix.T)

    def compress(self, vectors: FloatArray) -> Int8Array:
        """Apply, and round each row to int8 at its own scale; `unit` restores it."""
        projected = self.apply(vectors)
        peaks = np.maximum(np.abs(projected).max(axis=1, keepdims=True, initial=0), 1e-12)
        compressed: Int8Array = np.rint(projected * (127 / peaks)).astype(np.int8)
        return compressed


def unit(rows: npt.NDArray[np.generic]) -> FloatArray:
    """Scale rows to length 1, as float32; rows of zeros stay."""
    values: FloatArray = rows.astype(np.float32)
    norms = np.sqrt(np.einsum("...i,...i->...", values, values))[..., None]
    values /= np.maximum(norms, 1e-12)
    return values


def shipped_projection(fingerprint: str) -> Projection | None:
    """The projection that comes with this package for a model, if there is one."""
    resource = files("citydip_rag.embedding") / "projections" / f"{fingerprint}.npz"
    if not resource.is_file():
        return None
    with as_file(resource) as path:
        return Projection.load(path)


def sample_tokens(groups: Iterable[FloatArray], limit: int = 200_000) -> FloatArray:
    """Token vectors of many texts as one array, at most `limit` rows, evenly taken."""
    rows = np.concatenate(list(groups))
    step = max(1, -(-len(rows) // limit))
    return rows[::step]
