"""`citydip eval suite`: our own question files, asked of the current index."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from citydip_rag.engine import Engine
from citydip_rag.evaluation.examining import Examiner
from citydip_rag.evaluation.gold import Gold, find_gold
from citydip_rag.evaluation.outcome import DEPTH, Outcome
from citydip_rag.evaluation.questions import Entry, read_files
from citydip_rag.evaluation.results import SuiteReport, make_report
from citydip_rag.evaluation.sources import notes

Progress = Callable[[int, int], None]


def evaluate_suite(
    engine: Engine, files: Sequence[Path], progress: Progress | None = None
) -> SuiteReport:
    """Ask every question of the files; `metrics.METRICS` says what is made of the answers.

    Raises:
        EvaluationError: a file is malformed, or evidence is not in the indexed documents.
    """
    return run_suite(engine, read_files(files), progress)


def run_suite(
    engine: Engine, entries: Sequence[Entry], progress: Progress | None = None
) -> SuiteReport:
    """Ask questions that have been read; otherwise as `evaluate_suite`."""
    gold = find_gold(engine, entries)
    outcomes = asyncio.run(_ask_all(engine, entries, gold, progress))
    made = datetime.now(UTC).isoformat(timespec="seconds")
    return make_report(made, _settings(engine, entries), outcomes, notes(engine))


async def _ask_all(
    engine: Engine, entries: Sequence[Entry], gold: Sequence[Gold], progress: Progress | None
) -> list[Outcome]:
    examiner = Examiner(engine)
    outcomes: list[Outcome] = []
    try:
        for entry, evidence in zip(entries, gold, strict=True):
            if progress is not None:
                progress(len(outcomes), len(entries))
            answer = await engine.ask(
                entry.question.question, history=entry.question.history, top_k=DEPTH
            )
            outcomes.append(examiner.outcome(entry, evidence, answer))
    finally:  # connections end with the loop that they were made in
        await engine.generators.aclose()
    return outcomes


def _settings(engine: Engine, entries: Sequence[Entry]) -> dict[str, Any]:
    """What the figures depend on."""
    settings = engine.settings
    return {
        "citydip_version": version("citydip-rag"),
        "files": sorted({entry.path.name for entry in entries}),
        "documents": len(engine.document_ids()),
        "generation": engine.index.generation,
        "generator": engine.generator.name,
        "model": engine.generator.model,
        "policy": settings.policy.value,
        "verifier": settings.verifier,
        "embedding_model": engine.embedder.name,
        "embedder": engine.embedder.fingerprint,
        "retrieval_mode": settings.retrieval_mode,
        "rerank": settings.rerank,
        "threshold": engine.calibration.threshold,
    }
