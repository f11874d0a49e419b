"""The verifier seam: how far does evidence bear out a claim?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from citydip_rag.schema import Passage, Span


@dataclass(frozen=True, slots=True)
class Support:
    """A verifier's finding.

    Attributes:
        score: in [0, 1].
        passage: place of the passage that supports the claim best, or None.
        span: the words of the document that support it, or None.
        reasons: what a person should know, one sentence each.
    """

    score: float
    passage: int | None = None
    span: Span | None = None
    reasons: tuple[str, ...] = ()


class Verifier(ABC):
    """Judges single claims."""

    @abstractmethod
    def support(self, claim: str, evidence: Sequence[Passage]) -> Support:
        """How far these passages, best first, bear out a claim."""
