"""`citydip calibrate abstention`: when to answer, learned from questions of both kinds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding import Embedder
from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.collection import cut_passages, engine_over
from citydip_rag.evaluation.datasets import SquadDataset
from citydip_rag.evaluation.questions import load_questions
from citydip_rag.grounding import FEATURES, Calibration
from citydip_rag.settings import Settings

_FOLDS = 8
_REPEATS = 5
_REGULARIZATION = 0.3
"""Inverse strength of the L2 penalty, chosen by cross-validation on the article's dev questions."""
_LEAST = 1e-4
"""Deviation of a feature that counts as varying: scales are written with five digits."""

Progress = Callable[[int, int], None]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Example:
    """The features of one question, and whether the documents held its answer."""

    values: Mapping[str, float]
    answerable: bool


def examples_from_questions(engine: Engine, path: Path) -> list[Example]:
    """Examples from a question file on the engine's own documents."""
    return [
        Example(values, question.answerable)
        for question in load_questions(path)
        if (values := engine.features(question.question))
    ]


def examples_from_squad(
    dataset: SquadDataset,
    settings: Settings,
    embedder: Embedder,
    limit: int,
    progress: Progress | None = None,
) -> list[Example]:
    """Examples from a SQuAD file.

    Of the questions every second one is taken, those that `train_head` does not see. Each
    answerable one is asked twice: of all contexts, and of all but those that hold a gold
    answer, which makes it unanswerable. Impossible questions are asked once.
    """
    documents, passages = cut_passages(dataset.contexts, settings, embedder)
    unseen = dataset.questions[1::2]
    chosen = unseen[:: max(1, len(unseen) // limit)][:limit]
    examples: list[Example] = []
    with engine_over(documents, passages, settings, embedder, progress) as engine:
        for question in chosen:
            examples.append(Example(engine.features(question.question), question.answerable))
            if not question.answerable:
                continue
            gold = {text.lower() for text, _ in question.answers}
            holding = frozenset(
                passage.id
                for passage in passages
                if passage.document_id == documents[question.context].id
                or any(text in passage.text.lower() for text in gold)
            )
            examples.append(Example(engine.features(question.question, holding), answerable=False))
    return [example for example in examples if example.values]


def fit(
    groups: Mapping[str, Sequence[Example]], head: str, deciding: Collection[str] = ()
) -> Calibration:
    """Fit weights and threshold.

    Every group weighs the same however many examples it has, and within a group both kinds do.
    The threshold is where both kinds of mistake are equally frequent on folds left out while
    fitting.

    Args:
        groups: examples by the name of their data set.
        head: fingerprint of the evidence scores they were made with.
        deciding: names of the groups that the threshold is chosen on; by default all.

    Raises:
        EvaluationError: there are too few examples of either kind.
    """
    from sklearn.model_selection import StratifiedKFold

    values, labels, weights, groups_of = _arrays(groups)
    _check_enough(int(labels.sum()), int((~labels).sum()))
    # Folds hold alike of every group and kind, or of each kind where the groups are small.
    strata = groups_of if np.bincount(groups_of).max() >= _FOLDS else labels
    left_out = np.zeros(len(labels))
    for seed in range(_REPEATS):
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=seed)
        for train, test in folds.split(values, strata):
            means, scales, model = _fit(values[train], labels[train], weights[train])
            left_out[test] += model.predict_proba((values[test] - means) / scales)[:, 1] / _REPEATS
    chosen = [not deciding or name in deciding for name in groups]
    decisive = np.array(chosen)[groups_of // 2]
    if len(set(labels[decisive])) < len((True, False)):  # only one kind of question: no choice
        decisive[:] = True
    threshold = _equal_error_threshold(left_out[decisive], labels[decisive], weights[decisive])
    means, scales, model = _fit(values, labels, weights)
    return Calibration(
        features=FEATURES,
        means=tuple(means.round(5).tolist()),
        scales=tuple(scales.round(5).tolist()),
        weights=tuple(np.where(_varies(values), model.coef_[0], 0).round(5).tolist()),
        bias=round(float(model.intercept_[0]), 5),
        threshold=round(threshold, 4),
        head=head,
        fitted_on={name: len(examples) for name, examples in groups.items()},
        cross_validated=_figures(groups, left_out, labels, groups_of, threshold),
    )


def _check_enough(answerable: int, unanswerable: int) -> None:
    if min(answerable, unanswerable) >= _FOLDS:
        return
    kinds = (("answerable", answerable), ("unanswerable", unanswerable))
    lacking = " and ".join(f"{_FOLDS - n} more {kind}" for kind, n in kinds if n < _FOLDS)
    raise EvaluationError(
        f"Calibrating needs at least {_FOLDS} answerable and {_FOLDS} unanswerable questions;"
        f" there are {answerable} and {unanswerable}.",
        f"Add {lacking} ones, or give --squad beside.",
    )


def _arrays(
    groups: Mapping[str, Sequence[Example]],
) -> tuple[Array, npt.NDArray[np.bool_], Array, npt.NDArray[np.int64]]:
    """Features (n, f), labels (n,), weights (n,) and strata (n,): group and label in one number."""
    rows, labels, weights, strata = [], [], [], []
    for number, examples in enumerate(groups.values()):
        count = {kind: sum(e.answerable == kind for e in examples) for kind in (True, False)}
        for example in examples:
            rows.append([example.values[name] for name in FEATURES])
            labels.append(example.answerable)
            weights.append(1 / count[example.answerable])
            strata.append(2 * number + example.answerable)
    scaled = np.array(weights) * len(rows) / sum(weights)
    return np.array(rows), np.array(labels, dtype=bool), scaled, np.array(strata, dtype=np.int64)


def _fit(values: Array, labels: npt.NDArray[np.bool_], weights: Array) -> tuple[Array, Array, Any]:
    from sklearn.linear_model import LogisticRegression

    means = np.average(values, axis=0, weights=weights)
    deviations = np.sqrt(np.average((values - means) ** 2, axis=0, weights=weights))
    # A feature that never varies is left as it is: divided by next to nothing, the first value that
    # differs would outweigh all else.
    scales = np.where(_varies(values), deviations + 1e-6, 1.0)
    model = LogisticRegression(C=_REGULARIZATION, max_iter=1000)
    model.fit((values - means) / scales, labels, sample_weight=weights)
    return means, scales, model


def _varies(values: Array) -> npt.NDArray[np.bool_]:
    """Which features are not the same in all examples."""
    varies: npt.NDArray[np.bool_] = values.std(axis=0) > _LEAST
    return varies


def _equal_error_threshold(scores: Array, labels: npt.NDArray[np.bool_], weights: Array) -> float:
    """Where as large a share of answerable questions is declined as of the others is answered.

    Balanced accuracy is nearly flat around its maximum, so that chance would choose; equal error
    rates favour neither mistake.
    """
    grid = np.linspace(0.05, 0.95, 361)
    totals = {kind: weights[labels == kind].sum() for kind in (True, False)}
    lost = np.array([weights[labels & (scores < t)].sum() for t in grid]) / totals[True]
    wrong = np.array([weights[~labels & (scores >= t)].sum() for t in grid]) / totals[False]
    nearest = np.flatnonzero(np.abs(lost - wrong) <= np.abs(lost - wrong).min() + 1e-9)
    return float(grid[nearest].mean())


def _figures(
    groups: Mapping[str, Sequence[Example]],
    scores: Array,
    labels: npt.NDArray[np.bool_],
    strata: npt.NDArray[np.int64],
    threshold: float,
) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    figures: dict[str, float] = {}
    for number, name in enumerate(groups):
        own = strata // 2 == number
        yes, no = scores[own & labels], scores[own & ~labels]
        if len(yes) and len(no):
            figures[f"{name}: auc"] = round(float(roc_auc_score(labels[own], scores[own])), 4)
        if len(yes):
            figures[f"{name}: answered"] = round(float((yes >= threshold).mean()), 4)
        if len(no):
            figures[f"{name}: declined"] = round(float((no < threshold).mean()), 4)
    return figures
