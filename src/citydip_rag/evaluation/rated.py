"""Rated answers as questions for an evaluation.

A rating says that an answer is bad, not what a good one is. So what is known is filled in, and a
question whose evidence is not known has none: as such it is refused by its line until somebody has
found it, and nothing is measured against a guess.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from citydip_rag.evaluation.outcome import DRAFT
from citydip_rag.feedback import Rated, Rating, Reason

_TO_FILL: Final = "fill in the evidence, or say that it is not answerable"


@dataclass
class RatedQuestion:
    """A question, and the ratings of its answers.

    Attributes:
        latest: the newest of them.
        notes: what all of them say, the newest first.
    """

    latest: Rated
    notes: list[str] = field(default_factory=list)

    @property
    def answerable(self) -> bool:
        """Whether the documents hold the answer, as far as the rating tells."""
        if self.latest.rating is Rating.GOOD:
            return not self.latest.abstained
        return Reason.NOT_IN_DOCUMENTS not in self.latest.reasons

    @property
    def evidence(self) -> list[str]:
        """What a good answer quotes."""
        good = self.latest.rating is Rating.GOOD
        return list(dict.fromkeys(c.quote for c in self.latest.citations)) if good else []

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be filled in."""
        return self.answerable == bool(self.evidence)

    def json_line(self) -> str:
        """As a line of a question file."""
        notes = self.notes if self.is_complete else [_TO_FILL, *self.notes]
        content = {
            "id": f"{DRAFT}{self.latest.id}",
            "question": _alone(self.latest),
            "language": self.latest.language.value,
            "answerable": self.answerable,
            "evidence": self.evidence,
            "note": "; ".join(notes),
        }
        return json.dumps(content, ensure_ascii=False) + "\n"


def rated_questions(ratings: Iterable[Rated]) -> list[RatedQuestion]:
    """The questions of rated answers, each once.

    Args:
        ratings: the newest first; what it says is what counts.
    """
    by_question: dict[str, RatedQuestion] = {}
    for rated in ratings:
        known = by_question.setdefault(_alone(rated).casefold(), RatedQuestion(rated))
        known.notes.append(_note(rated))
    return list(by_question.values())


def _alone(rated: Rated) -> str:
    """The question as it can be asked without its conversation."""
    return rated.standalone or rated.question


def _note(rated: Rated) -> str:
    """What a reviewer should know of a rating."""
    said = ", ".join(rated.reasons)
    parts = [f"rated {rated.rating}{f' ({said})' if said else ''} on {rated.day}"]
    if rated.comment:
        parts.append(f"“{rated.comment}”")
    if rated.rating is Rating.BAD:
        parts.append("declined" if rated.abstained else f"answered: {rated.answer}")
    return ": ".join((parts[0], ", ".join(parts[1:]))) if parts[1:] else parts[0]
