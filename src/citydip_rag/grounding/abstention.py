"""Do the documents hold the answer? A calibrated decision.

A logistic regression over the features of retrieval and sentence evidence gives the probability;
below the threshold the system abstains. Weights and threshold are fitted on data by
`citydip calibrate abstention` and stored with what they were fitted on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from citydip_rag.grounding.features import FEATURES
from citydip_rag.grounding.logistic import Logistic


class Calibration(Logistic):
    """Made by `citydip calibrate abstention`.

    Attributes:
        threshold: probability below which the system abstains.
    """

    known = FEATURES
    shipped = "calibration.json"
    what = "calibration file"
    command = "citydip calibrate abstention"

    threshold: float

    def confidence(self, values: Mapping[str, float]) -> float:
        """Probability that the documents hold the answer."""
        total = self.bias + sum(
            weight * (values[name] - mean) / scale
            for name, weight, mean, scale in zip(
                self.features, self.weights, self.means, self.scales, strict=True
            )
        )
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, total))))

    def answers(self, confidence: float, share: float = 1.0) -> bool:
        """Whether this probability is enough to answer, or that share of what is enough."""
        return confidence >= share * self.threshold


def balanced_accuracy(
    answerable: Sequence[float], unanswerable: Sequence[float], threshold: float
) -> float:
    """Mean of the shares of answerable questions answered and of unanswerable ones declined."""
    kept = sum(p >= threshold for p in answerable) / max(1, len(answerable))
    declined = sum(p < threshold for p in unanswerable) / max(1, len(unanswerable))
    return (kept + declined) / 2
