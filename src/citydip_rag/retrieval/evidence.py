"""Which sentences answer: every sentence of the candidates, scored against the question.

The scorer is a small head on the token vectors that retrieval has already read. It weighs the
question's tokens, turns both sides by a learned low-rank correction, and takes for each question
token its best cosine in the sentence, in the sentence's neighbourhood and in the passage. Without
trained weights it is plain token alignment, which is its starting point.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

import numpy as np

from citydip_rag.embedding.base import FloatArray
from citydip_rag.embedding.projection import unit
from citydip_rag.errors import SettingsError
from citydip_rag.retrieval.alignment import sentence_starts
from citydip_rag.retrieval.base import Candidate, Query
from citydip_rag.retrieval.orders import is_order
from citydip_rag.schema import Sentence

_RETRAIN: Final = "Train it anew: citydip calibrate evidence --help"
SHARPNESS: Final = 8.0
"""Of the soft minimum over the question's tokens."""
PLAIN_WEIGHTS: Final = (6.0, 3.0, 3.0, 2.0)
"""Weights of the four alignment features before any training."""
ALIGNMENT_SCALE: Final = 16.0
"""Brings mean alignment to the spread of the logits."""
DENSE_CENTRE: Final = 0.85
DENSE_SCALE: Final = 10.0
"""Bring e5's cosines, which lie between 0.7 and 0.95, to the scale of the other features."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a candidate, with what speaks for it.

    Attributes:
        candidate: the passage it stands in.
        index: its place among the passage's sentences.
        logit: the head's score; its scale is that of log odds.
        strength: by which quotations are chosen: the logit, or across languages the plain mean
            alignment on the same scale, since the head has seen pairs of one language only.
        alignment: (query tokens,) best cosine of each question token in the sentence.
    """

    candidate: Candidate
    index: int
    logit: float
    strength: float
    alignment: FloatArray

    @property
    def span(self) -> Sentence:
        """Where it stands in the document."""
        return self.candidate.passage.sentences[self.index]

    @property
    def text(self) -> str:
        """The sentence, verbatim."""
        start = self.candidate.passage.start
        return self.candidate.passage.text[self.span.start - start : self.span.end - start]


@dataclass(frozen=True)
class EvidenceHead:
    """The head's weights.

    Attributes:
        query_down, query_up: (r, d) and (d, r), the correction of question tokens.
        text_down, text_up: likewise of the passages' tokens.
        hidden, hidden_bias, gate, gate_bias: (h, d), (h,), (h,), (1,): a token's weight is
            softplus(gate . tanh(hidden x + hidden_bias) + gate_bias).
        output, output_bias: (9,), (1,): weights of the features: the mean best cosine in the
            sentence, its soft minimum, that of the neighbourhood, and the mean in the passage,
            each trained and then plain; at last the cosine of the whole vectors.
    """

    query_down: FloatArray
    query_up: FloatArray
    text_down: FloatArray
    text_up: FloatArray
    hidden: FloatArray
    hidden_bias: FloatArray
    gate: FloatArray
    gate_bias: FloatArray
    output: FloatArray
    output_bias: FloatArray

    @classmethod
    def untrained(cls, dimension: int) -> Self:
        """Plain alignment: no correction, all tokens of equal weight."""
        zeros = np.zeros
        return cls(
            query_down=zeros((1, dimension), np.float32),
            query_up=zeros((dimension, 1), np.float32),
            text_down=zeros((1, dimension), np.float32),
            text_up=zeros((dimension, 1), np.float32),
            hidden=zeros((1, dimension), np.float32),
            hidden_bias=zeros(1, np.float32),
            gate=zeros(1, np.float32),
            gate_bias=zeros(1, np.float32),
            output=np.array([*np.zeros(4), *PLAIN_WEIGHTS, 2.0], np.float32),
            output_bias=np.array([-6.0], np.float32),
        )

    @classmethod
    def shipped(cls, projection_fingerprint: str, dimension: int) -> Self:
        """The head trained for a projection, or the untrained one where there is none."""
        resource = files("citydip_rag.retrieval") / "heads" / f"{projection_fingerprint}.npz"
        if not resource.is_file():
            return cls.untrained(dimension)
        return cls.read(resource.read_bytes(), dimension)

    @classmethod
    def read(cls, content: bytes, dimension: int) -> Self:
        """Read what `save` wrote.

        Raises:
            SettingsError: it is no head, or one for token vectors of another dimension.
        """
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
                head = cls(**{name: arrays[name].astype(np.float32) for name in arrays.files})
        except (OSError, EOFError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
            raise SettingsError("The evidence head cannot be read.", _RETRAIN) from error
        if not head._is_whole():
            raise SettingsError("The evidence head is damaged.", _RETRAIN)
        if head.query_down.shape[1] != dimension:
            raise SettingsError("The evidence head was trained for another model.", _RETRAIN)
        return head

    def save(self, path: Path) -> None:
        """Write as .npz, in half precision."""
        halves = {f.name: getattr(self, f.name).astype(np.float16) for f in fields(self)}
        with path.open("wb") as file:  # given a path, numpy would add a suffix
            np.savez(file, **halves)

    def _is_whole(self) -> bool:
        """Whether the shapes fit one another and every number is one."""
        if self.query_down.ndim != 2 or self.text_down.ndim != 2 or self.hidden.ndim != 2:
            return False
        dimension, units = self.query_down.shape[1], len(self.hidden)
        shapes = {
            "query_up": (dimension, len(self.query_down)),
            "text_down": (len(self.text_down), dimension),
            "text_up": (dimension, len(self.text_down)),
            "hidden": (units, dimension),
            "hidden_bias": (units,),
            "gate": (units,),
            "gate_bias": (1,),
            "output": (9,),
            "output_bias": (1,),
        }
        fit = all(getattr(self, name).shape == shape for name, shape in shapes.items())
        return fit and all(bool(np.isfinite(getattr(self, f.name)).all()) for f in fields(self))

    def weights(self, query: FloatArray) -> FloatArray:
        """Weight of each question token: (n,), summing to 1."""
        raw = np.tanh(query @ self.hidden.T + self.hidden_bias) @ self.gate + self.gate_bias
        positive: FloatArray = np.logaddexp(0, raw).astype(np.float32)
        shares: FloatArray = positive / positive.sum()
        return shares

    def score(
        self, query: Query, candidates: Sequence[Candidate]
    ) -> list[tuple[Candidate, FloatArray]]:
        """Logits of every candidate's sentences, candidates without tokens left out."""
        weights = self.weights(query.tokens)
        turned = unit(query.tokens + (query.tokens @ self.query_down.T) @ self.query_up.T)
        scored = []
        for candidate in candidates:
            if candidate.tokens is None or candidate.alignment is None:
                continue
            if len(candidate.tokens.offsets) == 0:
                continue
            logits = self._logits(turned, weights, candidate)
            scored.append((candidate, logits))
        return scored

    def _logits(self, turned: FloatArray, weights: FloatArray, candidate: Candidate) -> FloatArray:
        tokens = candidate.tokens
        assert tokens is not None  # noqa: S101  # the caller has looked
        assert candidate.alignment is not None  # noqa: S101  # likewise
        texts = unit(tokens.vectors + (tokens.vectors @ self.text_down.T) @ self.text_up.T)
        starts = sentence_starts(tokens, candidate.passage)
        filled = np.append(starts[1:], len(texts)) > starts
        trained = np.maximum.reduceat(turned @ texts.T, starts[filled], axis=1)
        plain = candidate.alignment[:, filled]
        even = np.full(len(turned), 1 / len(turned), dtype=np.float32)
        dense = (candidate.scores.get("dense", DENSE_CENTRE) - DENSE_CENTRE) * DENSE_SCALE
        logits = (
            self.output[:4] @ alignment_features(trained, weights)
            + self.output[4:8] @ alignment_features(plain, even)
            + self.output[8] * dense
            + self.output_bias[0]
        )
        result = np.full(len(starts), -np.inf, dtype=np.float32)
        result[filled] = logits
        return result


def alignment_features(best: FloatArray, weights: FloatArray) -> FloatArray:
    """The four features of each sentence: (4, sentences).

    Args:
        best: (query tokens, sentences) best cosines.
        weights: (query tokens,) summing to 1.
    """
    around = np.maximum(best, np.maximum(_shifted(best, 1), _shifted(best, -1)))
    whole = np.full(best.shape[1], weights @ best.max(axis=1), dtype=np.float32)
    return np.stack(
        [weights @ best, soft_minimum(best, weights), soft_minimum(around, weights), whole]
    )


def soft_minimum(values: FloatArray, weights: FloatArray) -> FloatArray:
    """Smooth, weighted minimum over the first axis: an answer misses no word that matters."""
    exponents = -SHARPNESS * values + np.log(weights + 1e-6)[:, None]
    peak = exponents.max(axis=0)
    result: FloatArray = -(peak + np.log(np.exp(exponents - peak).sum(axis=0))) / SHARPNESS
    return result


def find_evidence(
    head: EvidenceHead, query: Query, language: str, candidates: Sequence[Candidate]
) -> list[Evidence]:
    """All sentences of the candidates, best first by their logit; orders to a model are none.

    Args:
        head: scores the sentences.
        query: the encoded question.
        language: of the question.
        candidates: passages that token alignment has seen.
    """
    evidence = [
        Evidence(
            candidate,
            index,
            float(logit),
            float(
                logit
                if candidate.passage.language == language
                else ALIGNMENT_SCALE * candidate.alignment[:, index].mean()
            ),
            candidate.alignment[:, index],
        )
        for candidate, logits in head.score(query, candidates)
        if candidate.alignment is not None
        for index, logit in enumerate(logits)
        if np.isfinite(logit)
    ]
    evidence = [item for item in evidence if not is_order(item.text)]
    return sorted(evidence, key=lambda e: (-e.logit, e.candidate.number, e.index))


def _shifted(values: FloatArray, by: int) -> FloatArray:
    """Columns moved by one, the edge repeated."""
    moved = np.roll(values, by, axis=1)
    edge = 0 if by > 0 else -1
    moved[:, edge] = values[:, edge]
    return moved
