"""Claims are checked, features mean what they say, a calibration decides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citydip_rag import Engine, Language, Passage
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.errors import SettingsError
from citydip_rag.generation.base import introduction
from citydip_rag.grounding import FEATURES, Calibration
from citydip_rag.grounding.abstention import balanced_accuracy
from citydip_rag.schema import Sentence

FIRST = "Kota bekerja sama. Walikota bertemu\ninvestor di London."
SECOND = "Iklim berubah. Kota [3] bertindak."


def passage(text: str, number: int, start: int = 0) -> Passage:
    return Passage(
        id=f"d{number}:{start}",
        document_id=f"d{number}",
        position=0,
        start=start,
        end=start + len(text),
        heading="",
        language="id",
        sentences=tuple(
            Sentence(start=start + s.start, end=start + s.end)
            for s in sentence_spans(text, 0, len(text))
        ),
        text=text,
    )


Check = Callable[[str], Any]
PASSAGES = [passage(FIRST, 1, start=100), passage(SECOND, 2)]


@pytest.fixture(scope="module")
def check(grounded: Callable[..., Any]) -> Check:
    return lambda raw: grounded(raw, PASSAGES)


def test_citations_are_exact_and_renumbered(check: Check) -> None:
    grounded = check("Iklim berubah. [2] Walikota bertemu investor di London. [1]")
    assert grounded.text == "Iklim berubah. [1] Walikota bertemu investor di London. [2]"
    first, second = grounded.citations
    assert (first.document_id, first.title, first.source) == ("d2", "D2", "d2.txt")
    assert second.quote == "Walikota bertemu\ninvestor di London."
    assert FIRST[second.start - 100 : second.end - 100] == second.quote


@pytest.mark.parametrize(
    "raw", ["Kota bekerja sama.", "Kota bekerja sama. [9]", "Kota bekerja sama. [2]"]
)
def test_missing_invented_and_misplaced_markers_are_mended(check: Check, raw: str) -> None:
    grounded = check(raw)
    assert grounded.text == "Kota bekerja sama. [1]"
    assert grounded.citations[0].document_id == "d1"


def test_what_is_not_in_the_documents_is_not_shown(check: Check) -> None:
    grounded = check("Kota bekerja sama. [1] Kota berperang. [1]")
    assert "berperang" not in grounded.text
    assert [claim.supported for claim in grounded.claims] == [True, False]
    assert check("Kota berperang. [1]").text == ""
    assert check("").claims == []


def test_an_introduction_claims_nothing_and_brackets_survive(check: Check) -> None:
    lead = introduction(Language.ENGLISH, "id")
    grounded = check(f"{lead}\n\nKota \\[3] bertindak. [2]")
    assert grounded.text == f"{lead}\n\nKota [3] bertindak. [1]"
    assert grounded.citations[0].quote == "Kota [3] bertindak."


@given(st.lists(st.sampled_from([*FIRST.split(), *SECOND.split(), "[1]", "[2]", "[7]", "\\["])))
@settings(max_examples=200, deadline=None)
def test_every_quotation_stands_where_it_says(check: Check, words: list[str]) -> None:
    grounded = check(" ".join(words))
    for citation in grounded.citations:
        source = PASSAGES[0] if citation.document_id == "d1" else PASSAGES[1]
        start, end = citation.start - source.start, citation.end - source.start
        assert source.text[start:end] == citation.quote


@pytest.mark.parametrize(
    ("question", "feature", "expected"),
    [
        ("Tahun berapa perjanjian Paris ditandatangani?", "time_missing", 1),
        ("What year did mayors declare it?", "time_missing", 1),
        ("Kapan walikota mendeklarasikan mereka masih masuk?", "time_missing", 0),
        ("Berapa walikota yang mendeklarasikan mereka masih masuk?", "quantity_missing", 0),
        ("Pasal berapa yang mengatur perjanjian Paris?", "quantity_missing", 1),
        ("Apa tantangan diplomasi kota?", "time_missing", 0),
        ("Siapa yang menjadi jembatan kebijakan global?", "name_missing", 1),
        ("Kota mana saja yang memiliki hubungan langsung?", "name_missing", 0),
    ],
)
def test_asked_types(engine: Engine, question: str, feature: str, expected: float) -> None:
    assert engine.features(question)[feature] == expected


def test_unknown_names_stand_out(engine: Engine) -> None:
    known = engine.features("Apa yang dilakukan Walikota London?")["name_alignment"]
    unknown = engine.features("Apa yang dilakukan Walikota Pontianak?")["name_alignment"]
    assert known > unknown + 0.2
    assert engine.features("apa itu diplomasi kota?")["name_alignment"] == 1.0
    assert set(engine.features("a")) == set(FEATURES)


def test_the_shipped_calibration() -> None:
    calibration = Calibration.load(None)
    assert 0.2 < calibration.threshold < 0.8
    assert sum(calibration.fitted_on.values()) > 200
    middle = dict(zip(calibration.features, calibration.means, strict=True))
    confidence = calibration.confidence(middle)
    raised = calibration.model_copy(update={"bias": calibration.bias + 1})
    assert 0 < confidence < raised.confidence(middle) < 1
    assert calibration.answers(calibration.threshold)
    assert not calibration.answers(calibration.threshold - 0.01)


@pytest.mark.parametrize("content", ["", "{", "{}", '{"features": ["x"]}'])
def test_malformed_calibration_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "calibration.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(SettingsError, match="citydip calibrate abstention"):
        Calibration.load(path)
    whole = Calibration.load(None).model_dump()
    with pytest.raises(ValueError, match="do not fit"):
        Calibration.model_validate({**whole, "weights": whole["weights"][1:]})


def test_balanced_accuracy() -> None:
    assert balanced_accuracy([0.9, 0.2], [0.1, 0.3], 0.5) == 0.75
