"""`citydip eval retrieval`: a BEIR folder, each text one passage as it stands."""

from __future__ import annotations

from collections.abc import Callable

import ir_measures
from ir_measures import RR, R, nDCG

from citydip_rag.embedding import Embedder
from citydip_rag.evaluation.collection import engine_over, whole_passage
from citydip_rag.evaluation.datasets import BeirDataset
from citydip_rag.evaluation.report import Report
from citydip_rag.settings import Settings

DEPTH = 10
_MEASURES = {
    "ndcg@10": nDCG @ 10,
    "recall@1": R @ 1,
    "recall@5": R @ 5,
    "recall@10": R @ 10,
    "mrr@10": RR @ 10,
}

Progress = Callable[[int, int], None]


def evaluate_retrieval(
    dataset: BeirDataset, settings: Settings, embedder: Embedder, progress: Progress | None = None
) -> Report:
    """Search for every judged query and compare with the judgements."""
    pairs = [whole_passage(key, title, text) for key, (title, text) in dataset.corpus.items()]
    documents, passages = [d for d, _ in pairs], [p for _, p in pairs]
    run: dict[str, dict[str, float]] = {}
    with engine_over(documents, passages, settings, embedder, progress) as engine:
        for identity, query in dataset.queries.items():
            found = engine.retrieve(query, DEPTH)
            # Ranks, not scores, so that equal scores keep our order.
            run[identity] = {c.passage.id: 1 / (rank + 1) for rank, c in enumerate(found)}
    values = ir_measures.calc_aggregate(list(_MEASURES.values()), dataset.qrels, run)
    return Report(
        name=f"retrieval: {dataset.name}",
        metrics={name: float(values[measure]) for name, measure in _MEASURES.items()},
        n=len(dataset.queries),
        settings={
            "dataset": dataset.name,
            "passages": len(passages),
            "mode": settings.retrieval_mode,
            "rerank": settings.rerank,
            "embedding_model": embedder.name,
            "embedder": embedder.fingerprint,
        },
    )
