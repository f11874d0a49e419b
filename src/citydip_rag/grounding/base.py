"""The verifier seam: how far does evidence bear out a claim?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from citydip_rag.grounding.reasons import Reason
from citydip_rag.schema import Passage, Span


@dataclass(frozen=True, slots=True)
class Support:
    """A verifier's finding.

    Attributes:
        score: in [0, 1].
        passage: place of the passage that supports the claim best, or None.
        span: the words of the document that support it, or None.
        reasons: what speaks against the claim; `reasons.say` puts them into words.
    """

    score: float
    passage: int | None = None
    span: Span | None = None
    reasons: tuple[Reason, ...] = ()


class Verifier(ABC):
    """Judges single claims."""

    @abstractmethod
    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """How far these passages, best first, bear out a claim."""
