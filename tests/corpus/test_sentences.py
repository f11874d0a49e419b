"""Where sentences end, and where they do not."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citydip_rag.corpus.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text, 0, len(text))]


@pytest.mark.parametrize(
    "expected",
    [
        ["Ia hadir, e.g. di Paris.", "Ia pulang."],
        ["Presiden B.J. Habibie hadir.", "Ia berpidato."],
        ["Menurut J. Smith kota itu besar.", "Ya."],
        ["Nilainya 3.14 dan Rp1.250.000,50 saja.", "Cukup."],
        ["Lihat UU No. 37 Tahun 1999 Ps. 1 ayat (2).", "Itu dasarnya."],
        ["Sdr. Budi dan Ibu Ani, S.Pd. datang.", "Mereka pulang."],
        ["Kota besar, dll. ikut serta.", "Semua senang."],
        ["Ia berkata: “Kami masih masuk.”", "Lalu ia pergi."],
        ["Benarkah?", "Ya!", "Tentu saja."],
        ["Sudah selesai (lihat bab 2).", "Lanjut."],
        ["Tidak ada titik di akhir"],
    ],
    ids=lambda expected: expected[0],
)
def test_sentences(expected: list[str]) -> None:
    assert sentences(" ".join(expected)) == expected


@pytest.mark.parametrize("gap", [600, 1_199, 1_200, 1_201, 3_000])
@pytest.mark.parametrize("space", [" ", "\u00a0", "\t"])
def test_a_wide_gap_is_no_sentence(gap: int, space: str) -> None:
    """A run of spaces, as in a table of plain text, once gave an empty sentence and a crash."""
    found = sentences(f"Kota{space * gap}besar{space * gap}sekali.")
    assert all(piece == piece.strip() != "" for piece in found)
    assert "".join("".join(found).split()) == "Kotabesarsekali."


def test_a_word_without_end_is_cut_and_nothing_lost() -> None:
    found = sentences("x" * 5_000)
    assert "".join(found) == "x" * 5_000
    assert max(len(piece) for piece in found) <= 1_200


@pytest.mark.parametrize(
    "text", ["A.B." * 20_000, "?!\"'" * 30_000, "a" + " " * 300_000 + "b", "1. " * 20_000]
)
def test_nothing_joins_sentences_without_end(text: str) -> None:
    found = sentences(text)
    assert max(map(len, found)) <= 1_400
    assert "".join("".join(found).split()) == "".join(text.split())


@given(
    st.lists(
        st.sampled_from(["Kota", " ", ". ", "\n", " " * 700, "a" * 650, "“", "” ", "1. ", "?) "]),
        max_size=30,
    ).map("".join)
)
@settings(max_examples=300, deadline=None)
def test_sentences_of_awkward_text_rise_and_cover_it(text: str) -> None:
    text = text.strip()
    spans = sentence_spans(f"Lain. {text} Lain.", 6, 6 + len(text))
    assert all(6 <= span.start < span.end <= 6 + len(text) for span in spans)
    assert all(before.end <= after.start for before, after in pairwise(spans))
    covered = [i for span in spans for i in range(span.start - 6, span.end - 6)]
    assert all(text[i].isspace() for i in set(range(len(text))) - set(covered))
    assert all(not text[span.start - 6].isspace() for span in spans)
