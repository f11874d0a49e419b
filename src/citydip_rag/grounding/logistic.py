"""What the two calibrated decisions have in common: a logistic regression that a command fits."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from citydip_rag.errors import SettingsError


class Logistic(BaseModel):
    """A fitted logistic regression, and where it comes from.

    Attributes:
        features: names, in the order of the other lists.
        means, scales: bring each feature to mean 0 and deviation 1 on the data.
        weights, bias: of the regression.
        head: fingerprint of the projection of the token vectors that it was fitted with.
        fitted_on: name of each data set to the number of its examples.
        cross_validated: figures on folds left out while fitting.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    known: ClassVar[tuple[str, ...]]
    """Names of the features there are."""
    shipped: ClassVar[str]
    """Name of the file in this package."""
    what: ClassVar[str]
    """What the file is called, for people."""
    command: ClassVar[str]
    """What makes it anew."""

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
        if len(lengths) != 1 or not set(self.features) <= set(self.known):
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
        source = path or Path(str(files("citydip_rag.grounding").joinpath(cls.shipped)))
        try:
            return cls.model_validate_json(source.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            raise SettingsError(
                f"The {cls.what} {source.name} is missing or malformed.",
                f"Make it anew: {cls.command} --help",
            ) from error
