"""In a folder of two languages, a passage is not preferred for being in the question's.

The encoder's tokens carry what they mean and, a little, in which language they say it. Over a
folder of one language that changes nothing. In a mixed one it makes an English question prefer any
English passage to the Indonesian one that answers it. The direction in which the same text moves
when it is translated is found from our own texts, which exist in both languages, and the question's
tokens are made to point less along it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Final, Self

import numpy as np

from citydip_rag.embedding import Embedder
from citydip_rag.embedding.base import FloatArray
from citydip_rag.embedding.projection import Projection, unit
from citydip_rag.retrieval.base import Query
from citydip_rag.schema import Language
from citydip_rag.texts import catalogue

STRENGTH: Final = 0.5
"""How much of that direction is taken out; chosen on eval/questions/statutes.dev.jsonl."""
_SHORTEST: Final = 25
"""Characters: labels of a word or two say too little."""


@dataclass(frozen=True, slots=True)
class LanguageAxis:
    """The direction from one language to the other.

    Attributes:
        direction: (kept dimensions,) float32 of length 1, in the projected space of the tokens.
    """

    direction: FloatArray

    @classmethod
    def of(cls, embedder: Embedder, projection: Projection) -> Self:
        """The axis shipped for a projection, or found now where there is none."""
        resource = files("citydip_rag.retrieval") / "axes" / f"{projection.fingerprint}.npy"
        if not resource.is_file():
            return cls.between(embedder, projection)
        return cls(np.load(io.BytesIO(resource.read_bytes()), allow_pickle=False))

    @classmethod
    def between(cls, embedder: Embedder, projection: Projection) -> Self:
        """Find the axis of a model; embeds some three hundred short texts, which takes seconds."""
        indonesian, english = catalogue(Language.INDONESIAN), catalogue(Language.ENGLISH)
        keys = [key for key, text in indonesian.items() if len(text) >= _SHORTEST]
        means = [
            np.stack(
                [
                    projection.apply(encoding.tokens.vectors).mean(axis=0)
                    for encoding in embedder.embed_passages([texts[key] for key in keys])
                ]
            )
            for texts in (indonesian, english)
        ]
        return cls(unit((means[0] - means[1]).mean(axis=0, keepdims=True))[0])

    def neutral(self, query: Query) -> Query:
        """The question with less of what in its tokens only tells its language."""
        along = np.outer(query.tokens @ self.direction, self.direction)
        return replace(query, tokens=unit(query.tokens - STRENGTH * along).astype(np.float32))
