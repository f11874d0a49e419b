"""From features to a probability that the evidence bears a claim out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from citydip_rag.grounding.comparing import FEATURES, KINDS
from citydip_rag.grounding.logistic import Logistic

MARGIN: Final = 0.3
"""Log odds by which a unit that decides may align worse than the best."""


class SupportModel(Logistic):
    """Made by `citydip calibrate grounding`; its bias is such that few wrong claims reach 0.5."""

    known = FEATURES
    shipped = "support.json"
    what = "verifier's file"
    command = "citydip calibrate grounding"

    def best(self, units: Sequence[Mapping[str, float]]) -> tuple[float, int]:
        """Log odds that a claim is borne out, and the place of the unit that says so.

        Args:
            units: features of the claim against each unit; at least one.
        """
        terms = self._terms(units)
        place = best_unit(terms, self._checked)
        return float(terms[place].sum()) + self.bias, place

    def nearest(self, units: Sequence[Mapping[str, float]]) -> int:
        """Place of the unit that a claim aligns with best, whatever the checks find there."""
        return int(self._terms(units)[:, ~self._checked].sum(axis=1).argmax())

    def _terms(self, units: Sequence[Mapping[str, float]]) -> npt.NDArray[np.float64]:
        """(units, features) of the log odds."""
        values = np.array([[unit[name] for name in self.features] for unit in units])
        centred = values - np.array(self.means)
        terms: npt.NDArray[np.float64] = centred / np.array(self.scales) * np.array(self.weights)
        return terms

    @property
    def _checked(self) -> npt.NDArray[np.bool_]:
        return np.array([name in KINDS for name in self.features])


def best_unit(terms: npt.NDArray[np.float64], checked: npt.NDArray[np.bool_]) -> int:
    """Place of the unit that decides.

    It is one that the claim aligns with best: else a claim that the evidence contradicts would be
    taken for borne out by some other sentence that only resembles it.

    Args:
        terms: (units, features) of the log odds.
        checked: (features,) which of them are findings of the exact checks.
    """
    alignment = terms[:, ~checked].sum(axis=1)
    near = alignment >= alignment.max() - MARGIN
    return int(np.argmax(np.where(near, terms.sum(axis=1), -np.inf)))


def probability(logit: float) -> float:
    """Of log odds."""
    return 1 / (1 + math.exp(-max(-60.0, min(60.0, logit))))
