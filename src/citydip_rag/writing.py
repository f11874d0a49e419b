"""An answer that is being written, as far as it has come: what page and terminal draw meanwhile."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from citydip_rag.events import Checked, Discarded, Event, Retrieved, Written
from citydip_rag.schema import Answer

_MARKERS_AHEAD: Final = re.compile(r"[\s.]*(?:\[[\d, ]*\][\s.]*)*")
_TAIL: Final = 24
"""Characters by which a checked sentence's end is found in what was written."""


class Fate(StrEnum):
    """What became of a sentence."""

    BACKED = "backed"
    DOUBTFUL = "doubtful"
    LEFT_OUT = "left-out"

    @classmethod
    def of(cls, checked: Checked) -> Fate:
        """Of a sentence that has been checked."""
        if checked.citation:
            return cls.BACKED
        return cls.DOUBTFUL if checked.shown else cls.LEFT_OUT


@dataclass
class Writing:
    """What has happened of an answer.

    Attributes:
        found: what it is written from; None until that is known.
        checked: its sentences, as far as they are checked.
        pending: what no check has reached yet.
    """

    found: Retrieved | None = None
    checked: list[Checked] = field(default_factory=list)
    pending: str = ""

    def take(self, event: Event) -> None:
        """Follow what happens."""
        match event:
            case Retrieved():
                self.found = event
            case Written():
                self.pending += event.text
            case Checked():
                self.checked.append(event)
                self.pending = _after(self.pending, event.claim.text)
            case Discarded():
                self.checked.clear()
                self.pending = ""
            case _:
                pass

    @property
    def sentences(self) -> list[tuple[str, Fate]]:
        """Those that are checked, each with what became of it."""
        return [(checked.claim.text, Fate.of(checked)) for checked in self.checked]

    def so_far(self) -> Answer | None:
        """The answer as it would stand if nothing more came; None if there is none yet."""
        shown = [checked for checked in self.checked if checked.shown]
        if self.found is None or not shown:
            return None
        citations = {c.citation.number: c.citation for c in shown if c.citation}
        return Answer(
            question=self.found.question,
            answer=" ".join(_marked(checked) for checked in shown),
            abstained=False,
            confidence=self.found.confidence,
            language=self.found.language,
            citations=tuple(citations.values()),
            claims=tuple(checked.claim for checked in shown),
            passages=self.found.passages,
            generator="",
            model="",
            generation="",
            timings_ms={},
        )


def _marked(checked: Checked) -> str:
    numbers = checked.claim.citations if checked.citation else ()
    return checked.claim.text + "".join(f" [{number}]" for number in numbers)


def _after(pending: str, sentence: str) -> str:
    """What was written after a sentence, its markers left out."""
    _, found, rest = pending.partition(sentence[-_TAIL:])
    return _MARKERS_AHEAD.sub("", rest, count=1) if found else ""
