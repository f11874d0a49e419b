"""Fitting the abstention on groups of every shape."""

from __future__ import annotations

import numpy as np
import pytest

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.calibration import Example, fit
from citydip_rag.grounding import FEATURES, Calibration


def examples(count: int, *, answerable: bool) -> list[Example]:
    random = np.random.default_rng(int(answerable))
    centre = 1 if answerable else -1
    return [
        Example({name: float(random.normal(centre, 0.2)) for name in FEATURES}, answerable)
        for _ in range(count)
    ]


YES, NO = examples(20, answerable=True), examples(20, answerable=False)


def test_the_threshold_lies_in_the_middle_of_the_gap() -> None:
    fitted = fit({"made": [*YES, *NO]}, "head")
    assert 0.35 < fitted.threshold < 0.65
    assert fitted.fitted_on == {"made": 40}


def test_groups_of_one_kind_leave_out_what_they_cannot_tell() -> None:
    fitted = fit({"yes": YES, "no": NO}, "head")
    assert fitted.cross_validated == {"yes: answered": 1, "no: declined": 1}
    assert Calibration.model_validate_json(fitted.model_dump_json()) == fitted


def test_small_groups_are_fitted_together() -> None:
    groups = {f"g{i}": [*YES[4 * i : 4 * i + 4], *NO[4 * i : 4 * i + 4]] for i in range(2)}
    fitted = fit(groups, "head")
    assert all(fitted.answers(fitted.confidence(example.values)) for example in YES)
    assert not any(fitted.answers(fitted.confidence(example.values)) for example in NO)


def test_nothing_to_fit_on() -> None:
    with pytest.raises(EvaluationError, match="at least 8"):
        fit({"empty": []}, "head")


def test_what_is_lacking_is_said_by_kind() -> None:
    with pytest.raises(EvaluationError, match="there are 20 and 3") as caught:
        fit({"one-sided": [*YES, *NO[:3]]}, "head")
    assert caught.value.remedy.startswith("Add 5 more unanswerable ones")
    with pytest.raises(EvaluationError, match="Add 6 more answerable and 8 more unanswerable ones"):
        fit({"few": YES[:2]}, "head")


def test_features_that_never_vary_are_left_alone() -> None:
    """Questions of one language on one document have several of these."""
    constant = FEATURES[-2:]
    same = [
        Example({**each.values, **dict.fromkeys(constant, 0.3)}, each.answerable)
        for each in (*YES, *NO)
    ]
    fitted = fit({"made": same}, "head")
    for name in constant:
        place = fitted.features.index(name)
        assert (fitted.scales[place], fitted.weights[place]) == (1, 0)
    sure = fitted.confidence(same[0].values)
    assert fitted.confidence({**same[0].values, constant[0]: 5.0}) == sure
    assert all(fitted.answers(fitted.confidence(each.values)) is each.answerable for each in same)
