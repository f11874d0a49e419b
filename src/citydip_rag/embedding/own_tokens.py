"""A text's own tokens among all that a model was given."""

from __future__ import annotations

import numpy as np

from citydip_rag.embedding.base import FloatArray, IntArray, TokenVectors


def own_tokens(hidden: FloatArray, offsets: IntArray, prefix: int, whole: str) -> TokenVectors:
    """The text's own tokens: no special tokens, no prefix, no surrounding white space.

    Args:
        hidden: (tokens, dimension), of any length.
        offsets: (tokens, 2), `[start, end)` of each token in characters of the whole.
        prefix: characters before the text.
        whole: what the model was given.
    """
    offsets = _trimmed(offsets, whole)
    own = (offsets[:, 1] > offsets[:, 0]) & (offsets[:, 0] >= prefix)
    vectors = hidden[own].astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return TokenVectors(vectors=vectors, offsets=offsets[own] - prefix)


def _trimmed(offsets: IntArray, text: str) -> IntArray:
    """Some tokenizers count the space before a word as part of its token; we do not."""
    for row in offsets:
        while row[0] < row[1] and text[row[0]].isspace():
            row[0] += 1
    return offsets
