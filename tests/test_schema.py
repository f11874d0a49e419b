"""The nouns hold what the contracts promise."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from citydip_rag import Answer, Citation, Claim, Language, Span

ANSWER: dict[str, Any] = {
    "question": "Apa?",
    "standalone": "Apa itu kota?",
    "answer": "Kota. [1]",
    "abstained": False,
    "confidence": 0.9,
    "language": "id",
    "citations": [
        {
            "number": 1,
            "document_id": "d",
            "title": "t",
            "source": "s.txt",
            "page": 3,
            "place": "t, hlm. 3",
            "start": 0,
            "end": 5,
            "quote": "Kota.",
        }
    ],
    "claims": [
        {"text": "Kota.", "supported": True, "support": 1.0, "citations": [1], "reasons": []}
    ],
    "passages": [],
    "discarded": [],
    "policy": "strict",
    "notice": "",
    "written": "",
    "failure": "",
    "generator": "extractive",
    "model": "none",
    "generation": "g",
    "timings_ms": {"total": 1.5},
    "receipt": "",
}


def test_an_answer_is_its_own_json() -> None:
    answer = Answer.model_validate(ANSWER)
    assert answer.model_dump(mode="json") == ANSWER
    assert Answer.model_validate_json(answer.model_dump_json()) == answer
    assert answer.language is Language.INDONESIAN
    assert isinstance(answer.citations[0], Citation)


@pytest.mark.parametrize(
    "change",
    [
        {"confidence": 1.01},
        {"confidence": float("nan")},
        {"language": "fr"},
        {"claims": [{"text": "x", "supported": True, "support": -0.1}]},
        {"citations": [{**ANSWER["citations"][0], "number": 0}]},
        {"secret": 1},
    ],
)
def test_what_no_answer_can_be(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Answer.model_validate({**ANSWER, **change})


def test_nouns_do_not_change() -> None:
    claim = Claim(text="Kota.", supported=True, support=1)
    with pytest.raises(ValidationError, match="frozen"):
        claim.supported = False
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Span(start=-1, end=3)
