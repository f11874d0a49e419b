"""The evidence head: plain alignment before training, and files that are whole or refused."""

from __future__ import annotations

import io
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from citydip_rag import Engine
from citydip_rag.errors import SettingsError
from citydip_rag.retrieval.evidence import (
    DENSE_CENTRE,
    DENSE_SCALE,
    PLAIN_WEIGHTS,
    EvidenceHead,
    alignment_features,
    find_evidence,
    soft_minimum,
)


@given(
    st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=12),
    st.lists(st.floats(0.125, 8, width=32), min_size=12, max_size=12),
)
def test_soft_minimum_bounds(values: list[float], shares: list[float]) -> None:
    column = np.array(values, dtype=np.float32)[:, None]
    raw = np.array(shares[: len(values)], dtype=np.float32)
    weights = raw / raw.sum()
    soft = float(soft_minimum(column, weights)[0])
    assert column.min() - 1e-4 <= soft <= float(weights @ column[:, 0]) + 1e-4


def test_untrained_is_the_sum_it_says(engine: Engine) -> None:
    head = EvidenceHead.untrained(engine.index.manifest.token_dimension)
    found = engine.find("Apa tantangan terbesar diplomasi kota?")
    evidence = find_evidence(head, found.query, found.language, found.candidates)
    even = np.full(len(found.query.tokens), 1 / len(found.query.tokens), dtype=np.float32)
    for item in evidence:
        assert item.candidate.alignment is not None
        values = alignment_features(item.candidate.alignment, even)[:, item.index]
        dense = (item.candidate.scores["dense"] - DENSE_CENTRE) * DENSE_SCALE
        expected = np.array(PLAIN_WEIGHTS) @ values + 2 * dense - 6
        assert item.logit == pytest.approx(expected, abs=1e-3)
    logits = [item.logit for item in evidence]
    assert logits == sorted(logits, reverse=True)
    sentences = sum(len(c.passage.sentences) for c in found.candidates)
    assert len(evidence) == sentences


def test_evidence_stands_where_it_says(engine: Engine, article: str) -> None:
    for item in engine.find("Apa yang dilakukan Walikota London?").evidence:
        document = engine.document(item.candidate.passage.document_id)
        assert document.text[item.span.start : item.span.end] == item.text
        assert item.text in article


def test_the_shipped_head_belongs_to_the_shipped_model(engine: Engine) -> None:
    dimension = engine.index.manifest.token_dimension
    head = EvidenceHead.shipped(engine.index.projection.fingerprint, dimension)
    assert head.query_down.shape[1] == dimension
    assert np.abs(head.query_up).max() > 0


def test_the_shipped_calibration_belongs_to_the_shipped_head(engine: Engine) -> None:
    assert engine.calibration.head == engine.index.projection.fingerprint


def test_save_writes_the_very_file_and_read_gives_it_back(tmp_path: Path) -> None:
    head = EvidenceHead.untrained(8)
    head.save(tmp_path / "head")  # no suffix: `citydip calibrate evidence -o head`
    assert [path.name for path in tmp_path.iterdir()] == ["head"]
    again = EvidenceHead.read((tmp_path / "head").read_bytes(), 8)
    for field in fields(head):
        assert np.array_equal(getattr(again, field.name), getattr(head, field.name))


@pytest.mark.parametrize(
    "change",
    [
        {"query_down": np.zeros(8)},
        {"query_up": np.zeros((8, 3))},
        {"text_up": np.zeros((5, 5))},
        {"gate": np.zeros(2)},
        {"output": np.zeros(3)},
        {"output": np.full(9, np.nan)},
        {"output_bias": np.array([np.inf])},
        {"colour": np.zeros(1)},
    ],
)
def test_damaged_heads_are_refused(change: dict[str, Any]) -> None:
    head = EvidenceHead.untrained(8)
    arrays = {field.name: getattr(head, field.name) for field in fields(head)}
    content = io.BytesIO()
    np.savez(content, **{**arrays, **change})
    with pytest.raises(SettingsError) as caught:
        EvidenceHead.read(content.getvalue(), 8)
    assert "citydip calibrate evidence" in caught.value.remedy
