"""How much is measured, and the steps of a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from versus.adapters import NAMES
from versus.adapters.base import Setup

SHARED_FROM: Final = 20_000
"""From this size on, ours embeds and the others are handed the vectors."""
DEPTH: Final = 10
"""Passages asked for in every search."""
CLIENTS: Final = (1, 16)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how often.

    Attributes:
        folder: for indexes, logs and the state of the run.
        setup: what all systems are given.
        pythons: the interpreter of each system.
        sizes: numbers of passages.
        datasets, squad: folders and files to take passages and questions from.
        limit: queries of each data set; None for all.
        warming, single, crowd: searches to warm up, by one client, and by sixteen, in a round.
        rounds: in which the systems take turns.
        starts: cold starts of each.
        answers, max_tokens: questions answered with a model, and the length of an answer.
    """

    folder: Path
    setup: Setup
    pythons: dict[str, Path]
    sizes: tuple[int, ...] = (500, 5_000)
    datasets: tuple[Path, ...] = ()
    squad: tuple[Path, ...] = ()
    limit: int | None = None
    warming: int = 20
    single: int = 40
    crowd: int = 64
    rounds: int = 3
    starts: int = 3
    answers: int = 8
    max_tokens: int = 96

    @property
    def systems(self) -> tuple[str, ...]:
        """Those that take part, in order."""
        return tuple(name for name in NAMES if name in self.pythons)

    def index(self, system: str, what: str) -> Path:
        """Where a system's index of something is."""
        return self.folder / "indexes" / f"{system}-{what}"

    def passages(self, what: str) -> Path:
        """Where the passages of something are."""
        return self.folder / "passages" / f"{what}.jsonl"

    def log(self, system: str) -> Path:
        """Where a system's library writes."""
        return self.folder / "logs" / f"{system}.log"
