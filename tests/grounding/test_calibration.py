"""A calibration file is sound or refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citydip_rag.errors import SettingsError
from citydip_rag.grounding import FEATURES, Calibration

ONE: dict[str, Any] = {
    "features": ["logit", "dense"],
    "means": [1.0, 0.8],
    "scales": [2.0, 0.1],
    "weights": [1.5, -0.5],
    "bias": 0.25,
    "threshold": 0.5,
    "head": "h",
    "fitted_on": {"made": 10},
    "cross_validated": {},
}


def load(tmp_path: Path, content: object) -> Calibration:
    path = tmp_path / "calibration.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return Calibration.load(path)


def test_confidence_is_the_logistic_of_the_sum(tmp_path: Path) -> None:
    calibration = load(tmp_path, ONE)
    # 0.25 + 1.5 * (3 - 1) / 2 - 0.5 * (0.9 - 0.8) / 0.1 = 1.25
    assert calibration.confidence({"logit": 3, "dense": 0.9}) == pytest.approx(0.777300)
    assert calibration.confidence({"logit": 1e9, "dense": 0.8}) == pytest.approx(1)
    assert calibration.confidence({"logit": -1e9, "dense": 0.8}) == pytest.approx(0)


@pytest.mark.parametrize(
    "change",
    [
        {"scales": [0.0, 1.0]},
        {"scales": [1.0, -1.0]},
        {"scales": [1.0]},
        {"bias": float("nan")},
        {"weights": [float("inf"), 0.0]},
        {"features": ["logit", "moon"]},
        {"colour": "red"},
        {"threshold": None},
    ],
)
def test_unsound_files_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, {**ONE, **change})
    assert "calibration.json is missing or malformed" in caught.value.message
    assert "citydip calibrate abstention" in caught.value.remedy
    assert str(tmp_path) not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.json"):
        Calibration.load(tmp_path / "nowhere.json")


def test_the_shipped_file_knows_all_features() -> None:
    assert Calibration.load(None).features == FEATURES
