"""What a generator may write, and what of it is shown."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citydip_rag import Language
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.generation.base import introduction

TEXTS = [
    "Nomor satu adalah kota. Ini tidak benar. Walikota\n  bertemu investor.",
    "Iklim berubah [3] cepat. “Kami masih masuk” kata mereka.",
]
Check = Callable[[str], Any]
PASSAGES = [whole_passage(f"d{n}", "", text)[1] for n, text in enumerate(TEXTS, start=1)]
QUOTES = ["Nomor satu adalah kota.", "Ini tidak benar.", "Walikota bertemu investor."]


@pytest.fixture(scope="module")
def check(grounded: Callable[..., Any]) -> Check:
    return lambda raw: grounded(raw, PASSAGES)


@pytest.mark.parametrize("fragment", ["omor satu", "Nomor sat", "adalah ko", "o", "investo"])
def test_a_piece_of_a_word_is_no_quotation(check: Check, fragment: str) -> None:
    grounded = check(f"{fragment} [1]")
    assert grounded.text == ""
    assert [claim.supported for claim in grounded.claims] == [False]


@pytest.mark.parametrize("fragment", ["adalah kota.", "satu", "“Kami masih masuk”", "[3] cepat."])
def test_a_piece_of_a_sentence_is_no_quotation(check: Check, fragment: str) -> None:
    """What stands before it may have denied it."""
    escaped = fragment.replace("[", "\\[")
    assert check(f"{escaped} [1]").citations == []


@pytest.mark.parametrize(
    ("words", "quote"),
    [
        ("Nomor satu adalah kota", "Nomor satu adalah kota."),
        ("Walikota bertemu investor.", "Walikota\n  bertemu investor."),
        ("Iklim berubah \\[3] cepat.", "Iklim berubah [3] cepat."),
        ("Nomor satu adalah kota. Ini tidak benar.", "Nomor satu adalah kota. Ini tidak benar."),
    ],
)
def test_whole_sentences_are_a_quotation(check: Check, words: str, quote: str) -> None:
    (citation,) = check(f"{words} [1]").citations
    assert citation.quote == quote


def test_only_our_own_introduction_is_shown_unchecked(check: Check) -> None:
    for asked in Language:
        for written in Language:
            lead = introduction(asked, written)
            assert check(f"{lead}\n\nIni tidak benar. [1]").text.startswith(f"{lead}\n\nIni")
    grounded = check("The mayor is corrupt, as they say:\n\nIni tidak benar. [1]")
    assert grounded.text == "Ini tidak benar. [1]"
    assert grounded.claims[0].text == "The mayor is corrupt, as they say:"
    assert not grounded.claims[0].supported
    assert check(f"{introduction(Language.ENGLISH, 'id')}\n\nKota berperang. [1]").text == ""


def test_the_claims_of_an_answer_are_all_listed(check: Check) -> None:
    grounded = check("Kota berperang. [1] Nomor satu adalah kota. [99] Bulan jatuh.")
    assert grounded.text == "Nomor satu adalah kota. [1]"
    assert [(claim.supported, claim.citations) for claim in grounded.claims] == [
        (False, ()),
        (True, (1,)),
        (False, ()),
    ]


def test_several_markers_are_one_citation(check: Check) -> None:
    grounded = check("Ini tidak benar. [2] [1][7] Nomor satu adalah kota. [0]")
    assert grounded.text == "Ini tidak benar. [1] Nomor satu adalah kota. [2]"


@pytest.mark.parametrize("raw", ["a" + " " * 30_000 + "b", "kata " * 20_000, "\\[" * 20_000])
def test_long_texts_are_read_in_no_time(check: Check, raw: str) -> None:
    begun = time.perf_counter()
    check(raw)
    assert time.perf_counter() - begun < 2


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*QUOTES, "Bulan jatuh.", "Kota", "omor", "\n\n", "Katanya:"]),
            st.sampled_from(["", " ", "\n", "\n\n"]),
            st.sampled_from(["", "[1]", "[2]", "[9]", "[1] [2]"]),
        ),
        max_size=8,
    )
)
@settings(max_examples=150, deadline=None)
def test_all_that_is_shown_is_quoted(check: Check, parts: list[tuple[str, str, str]]) -> None:
    grounded = check(" ".join("".join(part) for part in parts))
    assert [citation.number for citation in grounded.citations] == list(
        range(1, len(grounded.citations) + 1)
    )
    shown = re.findall(r"(.+?) \[(\d+)\](?: |\Z)", grounded.text, re.DOTALL)
    assert len(shown) == len(grounded.citations)
    for (words, number), citation in zip(shown, grounded.citations, strict=True):
        passage = next(p for p in PASSAGES if p.document_id == citation.document_id)
        assert passage.text[citation.start : citation.end] == citation.quote
        assert words.split() == citation.quote.split()
        assert int(number) == citation.number
