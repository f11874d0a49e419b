"""`citydip eval grounding`: does the verifier tell what follows from what does not?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from statistics import median
from time import perf_counter
from typing import Any, Literal

import numpy as np

from citydip_rag.corpus.language import detect_language
from citydip_rag.embedding import Embedder
from citydip_rag.embedding.projection import Projection, sample_tokens, shipped_projection
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.evaluation.datasets import NliPair
from citydip_rag.evaluation.report import Report
from citydip_rag.evaluation.statistics import (
    Array,
    BoolArray,
    auc,
    balanced_accuracy,
    best_threshold,
    bootstrap,
)
from citydip_rag.grounding import AlignmentVerifier, SupportModel, Verifier, say
from citydip_rag.grounding.alignment import THRESHOLD, as_indexed
from citydip_rag.grounding.exact import MAX_WORDS
from citydip_rag.grounding.words import words_of
from citydip_rag.schema import Language, Passage

Split = Literal["all", "tune", "test"]
Progress = Callable[[int, int], None]
_SAMPLE = 2_000
"""Premises a projection is learned from where none is shipped."""


def chosen(pairs: Sequence[NliPair], split: Split) -> list[NliPair]:
    """The pairs of a split; which one a pair is in depends on its premise alone."""
    found = [pair for pair in pairs if split in {"all", half_of(pair.premise)}]
    if not found:
        raise EvaluationError(f"The split {split} holds no pairs.", "Take another, or all.")
    return found


def half_of(premise: str) -> Split:
    """`tune` or `test`."""
    return "test" if hashlib.sha256(premise.encode()).digest()[0] % 2 else "tune"


def verifier_over(
    pairs: Sequence[NliPair],
    embedder: Embedder,
    model: SupportModel | None = None,
    progress: Progress | None = None,
) -> tuple[AlignmentVerifier, dict[str, Passage]]:
    """A verifier whose passages are the pairs' premises, encoded once, as an index does."""
    passages = {p.premise: whole_passage("", "", p.premise)[1] for p in pairs}
    encodings = dict(
        zip(passages, embedder.embed_passages(list(passages), progress=progress), strict=True)
    )
    projection = shipped_projection(embedder.fingerprint) or Projection.fit(
        sample_tokens(e.tokens.vectors for e in list(encodings.values())[:_SAMPLE])
    )
    tokens = {
        premise: as_indexed(projection, encoding.tokens) for premise, encoding in encodings.items()
    }
    verifier = AlignmentVerifier(embedder, projection, lambda p: tokens[p.text], model)
    return verifier, passages


def evaluate_grounding(
    pairs: Sequence[NliPair],
    split: Split,
    embedder: Embedder,
    verifier: Verifier,
    passages: dict[str, Passage],
    progress: Progress | None = None,
) -> Report:
    """Judge every pair: entailment against the rest.

    Metrics: `auc` and `balanced_accuracy` of the verifier at its threshold, each with the ends of
    its 95 % interval (bootstrap over premises), the shares `kept` of what is entailed and `caught`
    of the rest; the same beside it for two baselines whose thresholds are the best on the tune
    split: `cosine` of the sentence embeddings and word `overlap`; `p50_ms` for one claim.
    """
    wanted = chosen(pairs, split)
    rows, seconds = [], []
    for number, pair in enumerate(wanted, start=1):
        begun = perf_counter()
        support = verifier.support(pair.hypothesis, [passages[pair.premise]])
        seconds.append(perf_counter() - begun)
        rows.append(_row(pair, support.score, [say(r, Language.ENGLISH) for r in support.reasons]))
        if progress is not None:
            progress(number, len(wanted))
    labels = np.array([pair.entailed for pair in wanted])
    groups = [pair.premise for pair in wanted]
    scores = np.array([row["support"] for row in rows])
    metrics = _figures("", labels, scores, THRESHOLD, groups)
    for name, score in (("cosine", _cosine), ("overlap", _overlap)):
        tuned = [pair for pair in pairs if half_of(pair.premise) == "tune"] or wanted
        threshold = best_threshold(
            np.array([pair.entailed for pair in tuned]), score(tuned, embedder)
        )
        metrics |= _figures(f"{name}_", labels, score(wanted, embedder), threshold, groups)
    metrics |= _by_kind(rows)
    metrics["p50_ms"] = median(seconds) * 1000
    return Report(
        name=f"grounding ({split})",
        metrics=metrics,
        n=len(rows),
        settings={"split": split, "embedding_model": embedder.name, "threshold": THRESHOLD},
        rows=tuple(rows),
    )


def _row(pair: NliPair, score: float, reasons: list[str]) -> dict[str, Any]:
    return {
        "hypothesis": pair.hypothesis,
        "label": pair.label,
        "kind": pair.kind,
        "language": detect_language(pair.hypothesis).value,
        "support": round(score, 4),
        "reasons": reasons,
    }


def _figures(
    name: str, labels: BoolArray, scores: Array, threshold: float, groups: Sequence[str]
) -> dict[str, float]:
    accepted = scores >= threshold
    area = bootstrap(groups, lambda at: auc(labels[at], scores[at]))
    balance = bootstrap(groups, lambda at: balanced_accuracy(labels[at], accepted[at]))
    return {
        f"{name}auc": auc(labels, scores),
        f"{name}auc_low": area[0],
        f"{name}auc_high": area[1],
        f"{name}balanced_accuracy": balanced_accuracy(labels, accepted),
        f"{name}balanced_accuracy_low": balance[0],
        f"{name}balanced_accuracy_high": balance[1],
        f"{name}kept": float(accepted[labels].mean()) if labels.any() else 0.0,
        f"{name}caught": float((~accepted[~labels]).mean()) if not labels.all() else 0.0,
    }


def _by_kind(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """By kind and language of the claim: the share of what is entailed kept, of the rest caught."""
    groups: dict[str, list[bool]] = {}
    for row in rows:
        if row["kind"]:
            entailed = row["label"] == "entailment"
            right = (row["support"] >= THRESHOLD) == entailed
            name = f"{'kept' if entailed else 'caught'}: {row['kind']}, {row['language']}"
            groups.setdefault(name, []).append(right)
    return {name: sum(right) / len(right) for name, right in sorted(groups.items())}


def _cosine(pairs: Sequence[NliPair], embedder: Embedder) -> Array:
    """Of the sentence embeddings."""
    premises = embedder.encode_passages([pair.premise for pair in pairs])
    claims = embedder.encode_passages([pair.hypothesis for pair in pairs])
    cosines: Array = np.einsum("nd,nd->n", premises, claims).astype(np.float64)
    return cosines


def _overlap(pairs: Sequence[NliPair], _: Embedder) -> Array:
    """Share of the claim's words that the premise has, by their stems."""
    return np.array([_shared(pair) for pair in pairs])


def _shared(pair: NliPair) -> float:
    premise = {word.stem for word in words_of(pair.premise, MAX_WORDS)}
    claim = {word.stem for word in words_of(pair.hypothesis, MAX_WORDS)}
    return len(claim & premise) / max(1, len(claim))
