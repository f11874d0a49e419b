"""Sentences and passages with exact offsets."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from citydip_rag.corpus.folder import make_document
from citydip_rag.corpus.passages import PassageMaker
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.corpus.text import structure


def sentences(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentence_spans(text, 0, len(text))]


@pytest.mark.parametrize(
    "text",
    [
        "Biayanya Rp. 5.000 per orang. Mahal sekali.",
        "Lihat hlm. 12 dan No. 7. Itu penting.",
        "PT. Maju Jaya Tbk. untung besar. Pemiliknya senang.",
        "Budi Santoso, S.H. hadir di sana. Ia pulang.",
        "Menurut Ps. 5 UU No. 11 hal itu sah. Titik.",
        "Dr. Ani, M.Si. memimpin rapat. Rapat selesai.",
        "Mr. Smith met Prof. Jones, i.e. the chair. They agreed.",
        "It grew by 3.5 percent. Nobody knew why.",
        "“Kami siap.” Itu kata mereka.",
    ],
)
def test_abbreviations_do_not_end_sentences(text: str) -> None:
    assert len(sentences(text)) == 2


def test_numbered_items_keep_their_number() -> None:
    assert sentences("1. Aduk tepung. 2. Panggang kue.") == ["1. Aduk tepung.", "2. Panggang kue."]


def test_endless_sentence_is_cut() -> None:
    text = "kata " * 2_000
    found = sentences(text)
    assert all(len(piece) <= 1_200 for piece in found)
    assert "".join(found).replace(" ", "") == text.replace(" ", "")


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_sentences_cover_everything_once(text: str) -> None:
    spans = sentence_spans(text, 0, len(text))
    assert all(span.start < span.end for span in spans)
    assert all(a.end <= b.start for a, b in pairwise(spans))
    covered = "".join(text[span.start : span.end] for span in spans)
    assert "".join(covered.split()) == "".join(text.split())


def count_words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


word = st.sampled_from("Kota kota walikota kerja sama Paris. tahun 2015, benar? ya! dan di".split())
line = st.lists(word, min_size=1, max_size=60).map(" ".join)


@given(st.lists(line, min_size=1, max_size=15), st.integers(1, 20), st.integers(20, 60))
@settings(max_examples=100, deadline=None)
def test_passages_are_whole_sentences_of_one_section(
    lines: list[str], least: int, most: int
) -> None:
    text = "\n".join(lines)
    document = make_document(structure(text), "a.txt", "")
    passages = PassageMaker(count_words, least, most).passages(document)
    assert [p.position for p in passages] == list(range(len(passages)))
    covered: list[int] = []
    for passage in passages:
        assert document.text[passage.start : passage.end] == passage.text
        assert (passage.start, passage.end) == (
            passage.sentences[0].start,
            passage.sentences[-1].end,
        )
        counts = count_words([document.text[s.start : s.end] for s in passage.sentences])
        assert sum(counts) <= most or len(counts) == 1
        assert not any(h.start < passage.end and passage.start < h.end for h in document.headings)
        for span in passage.sentences:
            covered += [i for i in range(span.start, span.end) if not document.text[i].isspace()]
    wanted = [
        i
        for block in document.blocks
        for i in range(block.start, block.end)
        if not document.text[i].isspace()
    ]
    assert covered == wanted
