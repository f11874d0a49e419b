"""Do the documents hold the answer? A calibrated decision.

A logistic regression over the features of retrieval and sentence evidence gives the probability;
below the threshold the system abstains. Weights and threshold are fitted on data by
`citydip calibrate abstention` and stored with what they were fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from citydip_rag.errors import SettingsError
from citydip_rag.grounding.features import FEATURES


class Calibration(BaseModel):
    """Weights, threshold, and where they come from.

    Attributes:
        features: names, in the order of the other lists.
        means, scales: bring each feature to mean 0 and deviation 1 on the calibration data.
        weights, bias: of the logistic regression.
        threshold: probability below which the system abstains.
        head: fingerprint of the projection whose evidence scores were calibrated.
        fitted_on: name of each data set to the number of its questions.
        cross_validated: figures on folds left out while fitting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    features: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    weights: tuple[float, ...]
    bias: float
    threshold: float
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
    def load(cls, path: Path | None) -> Self:
        """Read a calibration file; None means the one that is shipped.

        Raises:
            SettingsError: the file is missing or malformed.
        """
        source = path or Path(str(files("citydip_rag.grounding").joinpath("calibration.json")))
        try:
            return cls.model_validate_json(source.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise SettingsError(
                f"The calibration file {source.name} is missing or malformed.",
                "Make it anew: citydip calibrate abstention --help",
            ) from error

    def confidence(self, values: Mapping[str, float]) -> float:
        """Probability that the documents hold the answer."""
        total = self.bias + sum(
            weight * (values[name] - mean) / scale
            for name, weight, mean, scale in zip(
                self.features, self.weights, self.means, self.scales, strict=True
            )
        )
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))

    def answers(self, confidence: float) -> bool:
        """Whether this probability is enough to answer."""
        return confidence >= self.threshold


def balanced_accuracy(
    answerable: Sequence[float], unanswerable: Sequence[float], threshold: float
) -> float:
    """Mean of the shares of answerable questions answered and of unanswerable ones declined."""
    kept = sum(p >= threshold for p in answerable) / max(1, len(answerable))
    declined = sum(p < threshold for p in unanswerable) / max(1, len(unanswerable))
    return (kept + declined) / 2
