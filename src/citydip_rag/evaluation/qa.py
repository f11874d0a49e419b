"""`citydip eval qa`: a SQuAD file, all of its contexts being the corpus."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from citydip_rag.embedding import Embedder
from citydip_rag.engine import Engine
from citydip_rag.evaluation.collection import cut_passages, engine_over
from citydip_rag.evaluation.datasets import SquadDataset, SquadQuestion
from citydip_rag.evaluation.report import Report
from citydip_rag.evaluation.statistics import share
from citydip_rag.schema import Answer
from citydip_rag.settings import Settings

TOP = 5

Progress = Callable[[int, int], None]


def evaluate_qa(
    dataset: SquadDataset, settings: Settings, embedder: Embedder, progress: Progress | None = None
) -> Report:
    """Ask every question, and look at what was cited and what was declined.

    Metrics (shares in [0, 1]; those that no question of the file bears on are left out):
        passage_recall@5: answerable questions with a passage of their context among the first 5.
        answer_cited: answerable ones where a citation from their context contains a gold answer.
        abstained_answerable, abstained_unanswerable: declined ones of each kind.
        balanced_accuracy: mean of the shares rightly answered and rightly declined.
    """
    documents, passages = cut_passages(dataset.contexts, settings, embedder)
    places = {document.id: number for number, document in enumerate(documents)}
    with engine_over(documents, passages, settings, embedder, progress) as engine:
        rows = tuple(asyncio.run(_ask_all(engine, dataset, places)))
    return Report(
        name=f"qa: {dataset.name}",
        metrics=_metrics(rows),
        n=len(rows),
        settings={
            "dataset": dataset.name,
            "contexts": len(dataset.contexts),
            "passages": len(passages),
            "mode": settings.retrieval_mode,
            "generator": settings.generator,
            "embedding_model": embedder.name,
            "embedder": embedder.fingerprint,
        },
        rows=rows,
    )


async def _ask_all(
    engine: Engine, dataset: SquadDataset, places: dict[str, int]
) -> list[dict[str, Any]]:
    rows = []
    for question in dataset.questions:
        answer = await engine.ask(question.question[:2000], top_k=TOP)
        rows.append(_row(question, answer, places))
    return rows


def _row(question: SquadQuestion, answer: Answer, places: dict[str, int]) -> dict[str, Any]:
    found = [places[hit.document_id] for hit in answer.passages[:TOP]]
    quotes = [c.quote for c in answer.citations if places[c.document_id] == question.context]
    cited = any(
        text.strip() in quote or " ".join(text.split()) in " ".join(quote.split())
        for text, _ in question.answers
        for quote in quotes
    )
    return {
        "id": question.id,
        "question": question.question,
        "answerable": question.answerable,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "passage_found": question.context in found,
        "answer_cited": cited,
    }


def _metrics(rows: tuple[dict[str, Any], ...]) -> dict[str, float]:
    answerable = [row for row in rows if row["answerable"]]
    unanswerable = [row for row in rows if not row["answerable"]]
    metrics: dict[str, float] = {}
    if answerable:
        metrics["passage_recall@5"] = share(row["passage_found"] for row in answerable)
        metrics["answer_cited"] = share(row["answer_cited"] for row in answerable)
        metrics["abstained_answerable"] = share(row["abstained"] for row in answerable)
    if unanswerable:
        metrics["abstained_unanswerable"] = share(row["abstained"] for row in unanswerable)
    if answerable and unanswerable:
        metrics["balanced_accuracy"] = (
            1 - metrics["abstained_answerable"] + metrics["abstained_unanswerable"]
        ) / 2
    return metrics
