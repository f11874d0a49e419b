"""From features to a probability that the evidence bears a claim out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Final, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from citydip_rag.errors import SettingsError
from citydip_rag.grounding.comparing import FEATURES, KINDS

SHIPPED: Final = "support.json"
MARGIN: Final = 0.3
"""Log odds by which a unit that decides may align worse than the best."""


class SupportModel(BaseModel):
    """A logistic regression, made by `citydip calibrate grounding`.

    Attributes:
        features: names, in the order of the other lists.
        means, scales: bring each feature to mean 0 and deviation 1 on the data.
        weights, bias: of the regression, the bias such that 0.5 is the threshold.
        head: fingerprint of the projection of the token vectors.
        fitted_on: name of each data set to the number of its pairs.
        cross_validated: figures on folds left out while fitting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    head: str
    fitted_on: dict[str, int]
    cross_validated: dict[str, float]

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        lengths = {len(self.features), len(self.means), len(self.scales), len(self.weights)}
        if len(lengths) != 1 or not set(self.features) <= set(FEATURES):
            raise ValueError("the lists do not fit the features")
        if any(scale <= 0 for scale in self.scales):
            raise ValueError("scales are greater than 0")
        return self

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Read a file; None means the one that is shipped.

        Raises:
            SettingsError: the file is missing or malformed.
        """
        source = path or Path(str(files("citydip_rag.grounding").joinpath(SHIPPED)))
        try:
            return cls.model_validate_json(source.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise SettingsError(
                f"The verifier's file {source.name} is missing or malformed.",
                "Make it anew: citydip calibrate grounding --help",
            ) from error

    def best(self, units: Sequence[Mapping[str, float]]) -> tuple[float, int]:
        """Log odds that a claim is borne out, and the place of the unit that says so.

        Args:
            units: features of the claim against each unit; at least one.
        """
        values = np.array([[unit[name] for name in self.features] for unit in units])
        terms = (values - np.array(self.means)) / np.array(self.scales) * np.array(self.weights)
        checked = np.array([name in KINDS for name in self.features])
        place = best_unit(terms, checked)
        return float(terms[place].sum()) + self.bias, place


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
