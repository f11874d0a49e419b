"""Only what this service gave can be rated, whole and for a while."""

from __future__ import annotations

import sys
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citydip_rag.errors import ReceiptError
from citydip_rag.feedback.receipts import MAX_RECEIPT_CHARACTERS, VALID, Seal, today
from citydip_rag.schema import Policy

sys.path.insert(0, str(Path(__file__).parent))
from given import QUOTE, answer

SEAL = Seal(Seal.new_key())
RECEIPT = SEAL.receipt(answer())


def test_a_receipt_holds_the_answer_and_an_id_of_its_own() -> None:
    said = answer(standalone="Apa kerja kota?", policy=Policy.MARK)
    first, second = (SEAL.opened(SEAL.receipt(said)) for _ in range(2))
    assert first.id != second.id
    assert (first.question, first.standalone) == (said.question, said.standalone)
    assert first.answer == said.answer
    assert [(c.document_id, c.start, c.end, c.quote) for c in first.citations] == [
        ("a", 5, 5 + len(QUOTE), QUOTE)
    ]
    assert (first.generator, first.model, first.generation) == ("extractive", "e5", "g1")
    assert first.policy is Policy.MARK
    assert first.day == today()


@pytest.mark.parametrize("made_up", ["", "a", "====", "é" * 9, "QUJD" * 30, "A" * 47_999])
def test_what_is_made_up_is_not_taken(made_up: str) -> None:
    with pytest.raises(ReceiptError) as caught:
        SEAL.opened(made_up)
    assert caught.value.status == 404


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_altered_receipt_is_taken(data: st.DataObject) -> None:
    signed = bytearray(urlsafe_b64decode(RECEIPT + "=="))
    place = data.draw(st.integers(0, len(signed) - 1))
    signed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ReceiptError):
        SEAL.opened(urlsafe_b64encode(signed).decode())


def test_another_services_receipt_is_not_taken_and_an_earlier_keys_is() -> None:
    key = Seal.new_key()
    receipt = Seal(key).receipt(answer())
    with pytest.raises(ReceiptError):
        SEAL.opened(receipt)
    later = Seal(key).under(Seal.new_key())
    assert later.opened(receipt).answer == answer().answer
    with pytest.raises(ReceiptError):
        Seal(key).opened(later.receipt(answer()))


def test_an_old_answer_is_not_rated(monkeypatch: pytest.MonkeyPatch) -> None:
    receipt = SEAL.receipt(answer())
    last = today() + VALID
    monkeypatch.setattr("citydip_rag.feedback.receipts.today", lambda: last)
    assert SEAL.opened(receipt)
    monkeypatch.setattr("citydip_rag.feedback.receipts.today", lambda: last + timedelta(days=1))
    with pytest.raises(ReceiptError) as caught:
        SEAL.opened(receipt)
    assert caught.value.status == 410


def test_an_answer_as_long_as_they_get_has_one_and_an_endless_one_has_none() -> None:
    words = " ".join(f"kata{n}" for n in range(3_000))[:20_000]
    assert 0 < len(SEAL.receipt(answer(answer=words))) < MAX_RECEIPT_CHARACTERS
    endless = " ".join(str(n * 7919 % 100_003) for n in range(40_000))
    assert SEAL.receipt(answer(answer=endless)) == ""
