"""Any sentence-transformers CrossEncoder trained for natural language inference."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from citydip_rag.errors import ModelError
from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.grounding.reasons import Reason
from citydip_rag.grounding.verbatim import VerbatimVerifier
from citydip_rag.schema import Passage, Span

_MAX_CHARACTERS: Final = 4_000
_MAX_UNITS: Final = 60
"""Sentences and pairs of them that a claim is held against: bounds the time it takes."""


class CrossEncoderVerifier(Verifier):
    """Takes the probability of entailment as the score; safe to call from many threads."""

    def __init__(self, model: str) -> None:
        """Load the model.

        Args:
            model: a name, or a folder; one of its labels must begin with "entail".

        Raises:
            ModelError: it cannot be loaded, or does not know entailment.
        """
        from sentence_transformers import CrossEncoder

        try:
            self._model = CrossEncoder(model)
        except (OSError, ValueError, LookupError, RuntimeError) as error:
            raise ModelError(
                f"The NLI model {model!r} cannot be loaded.",
                "Give a folder, or a model name this machine can download.",
            ) from error
        labels = self._model.model.config.id2label.items()
        self._entailment = next(
            (int(number) for number, label in labels if str(label).lower().startswith("entail")), -1
        )
        if self._entailment < 0:
            raise ModelError(
                f"The model {model!r} has no label for entailment.",
                "Choose a CrossEncoder trained for natural language inference.",
            )
        self._lock = threading.Lock()
        self._verbatim = VerbatimVerifier()

    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """Probability that the best sentence or two of the evidence entail the claim."""
        quoted = self._verbatim.support(claim, evidence)
        if quoted.span is not None:
            return quoted
        if len(claim) > _MAX_CHARACTERS:
            return Support(0.0, reasons=(Reason("too_long"),))
        units = [unit for n, passage in enumerate(evidence) for unit in _units(n, passage)]
        units = units[:_MAX_UNITS]
        if not units or not any(map(str.isalnum, claim)):
            return Support(0.0, reasons=(Reason("no_evidence"),))
        with self._lock:
            scores = self._model.predict(
                [(text, claim) for _, _, text in units],
                apply_softmax=True,
                show_progress_bar=False,
            )[:, self._entailment]
        best = int(np.argmax(scores))
        score, (number, span, _) = float(np.clip(scores[best], 0, 1)), units[best]
        return Support(score, number, span, () if score >= 0.5 else (Reason("weak"),))


def _units(number: int, passage: Passage) -> Iterator[tuple[int, Span, str]]:
    """Single sentences and neighbouring pairs, with their text."""
    sentences = passage.sentences
    for first in range(len(sentences)):
        for last in range(first, min(first + 2, len(sentences))):
            span = Span(start=sentences[first].start, end=sentences[last].end)
            text = passage.text[span.start - passage.start : span.end - passage.start]
            if text.strip():
                yield number, span, text
