"""`citydip calibrate grounding`: what to make of alignment and findings, learned from pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding import Embedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.datasets import NliPair
from citydip_rag.evaluation.grounding import chosen, verifier_over
from citydip_rag.evaluation.statistics import Array, BoolArray, auc, balanced_accuracy
from citydip_rag.grounding import SupportModel
from citydip_rag.grounding.comparing import CONTRADICTING, DOUBTFUL, FEATURES, KINDS
from citydip_rag.grounding.support import best_unit

_FOLDS: Final = 8
_ROUNDS: Final = 3
"""Of fitting and then choosing anew which unit of its premise speaks for a pair."""
_REGULARIZATION: Final = 0.3
_LEAST_SCALE: Final = 0.01
_SMALL_SHARE: Final = 0.5
"""Weight of every further data set, all its pairs together, beside the first."""
_CONTRADICTION: Final = 4.0
"""Log odds that a contradiction costs at least, however rare it is in the data."""
_DOUBT: Final = 0.75
"""The same for what makes doubtful."""
_ABOVE: Final = 1e-6
_TRUE_OF_MODEL: Final = 0.6
"""Share of a laptop's model's sentences that the passages bear out, and"""
_TRUE_OF_SHOWN: Final = 0.95
"""the share of those that are shown: of the thresholds that keep to it, the one that shows most."""

_LEAST_COSTS: Final = np.array(
    [_CONTRADICTION * (n in CONTRADICTING) + _DOUBT * (n in DOUBTFUL) for n in FEATURES]
)
_CHECKED: Final = np.array([name in KINDS for name in FEATURES])

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pairs:
    """One data set's pairs as features.

    Attributes:
        units: for each pair (units, features); pairs that cannot be read are left out.
        labels: (pairs,) whether the premise bears the hypothesis out.
        premises: of each pair; pairs of one premise are in one fold.
        head: fingerprint of the projection.
    """

    units: list[Array]
    labels: BoolArray
    premises: list[str]
    head: str


def pairs_from(
    pairs: Sequence[NliPair], embedder: Embedder, *, whole: bool, progress: Progress | None = None
) -> Pairs:
    """Features of a data set, of its tune split or of the whole."""
    pairs = chosen(pairs, "all" if whole else "tune")
    verifier, passages = verifier_over(pairs, embedder)
    units, labels, premises = [], [], []
    for number, pair in enumerate(pairs, start=1):
        examined = verifier.examine(pair.hypothesis, [passages[pair.premise]])
        if examined:
            values = [[e.compared.values[name] for name in FEATURES] for e in examined]
            units.append(np.array(values))
            labels.append(pair.entailed)
            premises.append(pair.premise)
        if progress is not None:
            progress(number, len(pairs))
    return Pairs(units, np.array(labels, dtype=bool), premises, verifier.head)


def fit_support(groups: Mapping[str, Pairs]) -> SupportModel:
    """Fit weights, and the bias such that of what reaches 0.5 nearly all is borne out.

    The first group is the large one; each further one weighs half as much in all.

    Raises:
        EvaluationError: there are too few pairs of either kind.
    """
    data = _Data.of(groups)
    if min(data.labels.sum(), (~data.labels).sum()) < _FOLDS:
        raise EvaluationError(
            f"Calibrating needs at least {_FOLDS} entailed pairs and {_FOLDS} others."
        )
    left_out = np.zeros(len(data.labels))
    for fold in range(_FOLDS):
        test = data.folds == fold
        if test.any():
            fitted = _fit(data, ~test)
            left_out[test] = [fitted.best(units)[0] for units in data.at(test)]
    threshold = _threshold(data, left_out)
    fitted = _fit(data, np.ones(len(data.labels), dtype=bool))
    return SupportModel(
        features=FEATURES,
        means=tuple(fitted.means.round(5).tolist()),
        scales=tuple(fitted.scales.round(5).tolist()),
        weights=tuple(fitted.weights.round(5).tolist()),
        bias=round(fitted.bias - threshold, 5),
        head=next(iter(groups.values())).head,
        fitted_on={name: len(pairs.labels) for name, pairs in groups.items()},
        cross_validated=_figures(groups, data, left_out - threshold),
    )


@dataclass(frozen=True, slots=True)
class _Data:
    units: list[Array]
    labels: BoolArray
    weights: Array
    folds: npt.NDArray[np.int64]
    groups: npt.NDArray[np.int64]

    @classmethod
    def of(cls, groups: Mapping[str, Pairs]) -> _Data:
        units = [values for pairs in groups.values() for values in pairs.units]
        labels = np.concatenate([pairs.labels for pairs in groups.values()])
        first = len(next(iter(groups.values())).labels)
        weights, folds, numbers = [], [], []
        for number, pairs in enumerate(groups.values()):
            share = 1.0 if number == 0 else _SMALL_SHARE * first / len(pairs.labels)
            weights += [share] * len(pairs.labels)
            _, premise = np.unique(np.array(pairs.premises), return_inverse=True)
            folds += (premise % _FOLDS).tolist()
            numbers += [number] * len(pairs.labels)
        return cls(units, labels, np.array(weights), np.array(folds), np.array(numbers))

    def at(self, mask: BoolArray) -> list[Array]:
        return [self.units[i] for i in np.flatnonzero(mask)]


@dataclass(frozen=True, slots=True)
class _Fitted:
    means: Array
    scales: Array
    weights: Array
    bias: float

    def best(self, units: Array) -> tuple[float, int]:
        terms = (units - self.means) / self.scales * self.weights
        place = best_unit(terms, _CHECKED)
        return float(terms[place].sum()) + self.bias, place


def _fit(data: _Data, mask: BoolArray) -> _Fitted:
    from sklearn.linear_model import LogisticRegression

    units, labels, weights = data.at(mask), data.labels[mask], data.weights[mask]
    picks = [0] * len(units)
    fitted: _Fitted | None = None
    for _ in range(_ROUNDS):
        values = np.array([u[pick] for u, pick in zip(units, picks, strict=True)])
        means = np.average(values, axis=0, weights=weights)
        variance = np.average((values - means) ** 2, axis=0, weights=weights)
        scales = np.maximum(np.sqrt(variance), _LEAST_SCALE)
        model: Any = LogisticRegression(C=_REGULARIZATION, solver="newton-cholesky")
        model.fit((values - means) / scales, labels, sample_weight=weights)
        fitted = _Fitted(means, scales, model.coef_[0], float(model.intercept_[0]))
        picks = [fitted.best(u)[1] for u in units]
    assert fitted is not None  # noqa: S101  # there is at least one round
    return _with_floor(fitted)


def _with_floor(fitted: _Fitted) -> _Fitted:
    """Findings that contradict cost at least so much, and the bias stays that of no finding."""
    costs = fitted.weights / fitted.scales
    found = _LEAST_COSTS > 0
    absent = fitted.bias - float((costs * fitted.means)[found].sum())
    costs[found] = np.minimum(costs[found], -_LEAST_COSTS[found])
    bias = absent + float((costs * fitted.means)[found].sum())
    return _Fitted(fitted.means, fitted.scales, costs * fitted.scales, bias)


def _threshold(data: _Data, logits: Array) -> float:
    """The lowest at which nearly all that is shown is borne out, mean of the sets but the first.

    The first is large, and its false sentences are easier to tell than a model's.
    """
    numbers = np.unique(data.groups)
    groups = [data.groups == number for number in (numbers[1:] if len(numbers) > 1 else numbers)]
    return float(np.mean([_threshold_of(data.labels[own], logits[own]) for own in groups]))


def _threshold_of(labels: BoolArray, logits: Array) -> float:
    """The same in one data set; the share of true sentences is a model's, not the set's."""
    order = np.argsort(-logits)
    true, false = np.cumsum(labels[order]), np.cumsum(~labels[order])
    shown = _TRUE_OF_MODEL * true / max(1, true[-1])
    wrong = (1 - _TRUE_OF_MODEL) * false / max(1, false[-1])
    fine = np.flatnonzero(shown >= _TRUE_OF_SHOWN * (shown + wrong))
    return float(logits[order][fine[-1]]) - _ABOVE if len(fine) else float(logits.max())


def _figures(groups: Mapping[str, Pairs], data: _Data, logits: Array) -> dict[str, float]:
    figures: dict[str, float] = {}
    for number, name in enumerate(groups):
        own = data.groups == number
        labels, accepted = data.labels[own], logits[own] >= 0
        figures[f"{name}: auc"] = round(auc(labels, logits[own]), 4)
        figures[f"{name}: balanced accuracy"] = round(balanced_accuracy(labels, accepted), 4)
        figures[f"{name}: kept"] = round(float(accepted[labels].mean()), 4)
        figures[f"{name}: accepted wrongly"] = round(float(accepted[~labels].mean()), 4)
    return figures
