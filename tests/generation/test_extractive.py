"""Which sentences are quoted, on evidence given by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from citydip_rag import Language, Passage
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.corpus.text import structure
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.generation import ExtractiveGenerator, GenerationRequest
from citydip_rag.generation.extractive import (
    CONTINUATION_MARGIN,
    MARGIN,
    MAX_LIST_SENTENCES,
    MAX_SENTENCES,
    choose_sentences,
)
from citydip_rag.retrieval import Candidate
from citydip_rag.retrieval.evidence import Evidence
from citydip_rag.schema import DocumentName

LEANING = "Kota menghadapi tantangan. Salah satu yang terbesar adalah biaya. Pajak naik. Air naik."


def named(identity: str) -> DocumentName:
    return DocumentName(title=identity, source=identity)


def made(question: str, texts: Sequence[str], logits: dict[tuple[int, int], float]) -> list[str]:
    """The quotations for a question; logits are by passage and sentence."""
    request = requested(question, texts, logits)
    return [
        sentences(request.passages[chosen.passage])[chosen.index]
        for chosen in choose_sentences(request)
    ]


def requested(
    question: str, texts: Sequence[str], logits: dict[tuple[int, int], float]
) -> GenerationRequest:
    passages = [whole_passage(f"p{n}", "", text)[1] for n, text in enumerate(texts)]
    candidates = [Candidate(n, passage, {"score": 1.0}) for n, passage in enumerate(passages)]
    evidence = [
        Evidence(
            candidates[place],
            index,
            logit=logit,
            strength=logit,
            alignment=np.zeros(1, dtype=np.float32),
        )
        for (place, index), logit in sorted(logits.items(), key=lambda item: -item[1])
    ]
    return GenerationRequest(question, Language.INDONESIAN, passages, evidence)


def sentences(passage: Passage) -> list[str]:
    return [
        passage.text[span.start - passage.start : span.end - passage.start]
        for span in passage.sentences
    ]


def test_a_leaning_sentence_brings_the_one_before() -> None:
    said = made("Apa tantangan terbesar?", [LEANING], {(0, 1): 3.0})
    assert said == ["Kota menghadapi tantangan.", "Salah satu yang terbesar adalah biaya."]


def test_the_best_sentence_is_continued_by_one_that_leans_on_it() -> None:
    text = "Kota membayar iuran. Hal ini mahal. Pajak naik."
    near = made("Apa?", [text], {(0, 0): 3.0, (0, 1): 3.1 - CONTINUATION_MARGIN})
    assert near == ["Kota membayar iuran.", "Hal ini mahal."]
    far = made("Apa?", [text], {(0, 0): 3.0, (0, 1): 2.9 - CONTINUATION_MARGIN})
    assert far == ["Kota membayar iuran."]
    specified = made("Apa?", [LEANING], {(0, 0): 3.0, (0, 1): 2.9 - CONTINUATION_MARGIN})
    assert specified == ["Kota menghadapi tantangan.", "Salah satu yang terbesar adalah biaya."]


def test_what_is_far_behind_the_best_is_left_out() -> None:
    near = made("Apa?", [LEANING], {(0, 2): 3.0, (0, 3): 3.1 - MARGIN})
    assert near == ["Pajak naik.", "Air naik."]
    far = made("Apa?", [LEANING], {(0, 2): 3.0, (0, 3): 2.9 - MARGIN})
    assert far == ["Pajak naik."]


def test_an_answer_quotes_one_language() -> None:
    request = requested("Apa?", ["Pajak naik.", "Taxes rise."], {(0, 0): 3.0, (1, 0): 2.9})
    other = request.passages[1].model_copy(update={"language": "en"})
    request.evidence[1].candidate.passage = other
    passages = [request.passages[0], other]
    mixed = GenerationRequest("Apa?", Language.INDONESIAN, passages, request.evidence)
    assert [chosen.passage for chosen in choose_sentences(mixed)] == [0]


def test_never_more_than_three_and_in_reading_order() -> None:
    text = "Satu naik. Dua naik. Tiga naik. Empat naik. Lima naik."
    said = made("Apa?", [text], {(0, index): 3 - index / 100 for index in (4, 2, 0, 1, 3)})
    assert said == ["Satu naik.", "Dua naik.", "Tiga naik."]
    leaning = "Awal naik. Itu satu. Itu dua. Itu tiga. Itu empat."
    assert len(made("Apa?", [leaning], dict.fromkeys([(0, 4), (0, 3)], 2.0))) == MAX_SENTENCES


def test_documents_keep_the_order_in_which_they_were_found() -> None:
    said = made("Apa?", ["Kedua naik.", "Awal naik."], {(1, 0): 3.0, (0, 0): 2.9})
    assert said == ["Kedua naik.", "Awal naik."]


@pytest.mark.parametrize("question", ["Apa saja alasannya?", "List the reasons.", "Sebutkan!"])
def test_a_list_gets_its_items(question: str) -> None:
    text = "Ada alasan. Pertama, biaya naik. Hal itu berat. Kedua, air naik."
    assert made(question, [text], {(0, 0): 1.0}) == ["Pertama, biaya naik.", "Kedua, air naik."]


def test_a_long_list_is_cut() -> None:
    text = " ".join(f"- Butir {name} naik." for name in "ab cd ef gh ij kl mn op".split())
    assert len(made("Apa saja?", [text], {(0, 0): 1.0})) <= MAX_LIST_SENTENCES


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Apa faktor kedua?", "Kedua, air naik."),
        ("What is the second factor?", "Kedua, air naik."),
        ("What is the first factor?", "Pertama, biaya naik."),
    ],
)
def test_one_item_by_its_place(question: str, expected: str) -> None:
    text = "Ada dua faktor. Pertama, biaya naik. Kedua, air naik."
    assert made(question, [text], {(0, 0): 1.0}) == [expected]


def test_an_initial_is_no_item_of_a_list() -> None:
    text = "A. Rahman memimpin kota. B. Sutomo memimpin desa. Keduanya bertemu."
    assert made("Siapa saja yang bertemu?", [text], {(0, 2): 1.0}) == ["Keduanya bertemu."]


@pytest.mark.parametrize(
    "text",
    [
        "Sistem [1] dan [2] dipakai [lihat 3].",
        r"Rumus \[x\] dan \\[y] dipakai.",
        "[Catatan] Kota bekerja\n  sama.",
        "Kota: [10] [11]",
    ],
)
async def test_brackets_of_a_document_survive_the_whole_way(
    text: str, grounded: Callable[..., Any]
) -> None:
    request = requested("Apa?", [text], {(0, 0): 1.0})
    raw = "".join([piece async for piece in ExtractiveGenerator().stream(request)])
    shown = grounded(raw, request.passages)
    (citation,) = shown.citations
    assert citation.quote == text
    assert shown.text == " ".join(text.split()) + " [1]"


async def test_no_evidence_gives_nothing() -> None:
    request = requested("Apa?", [LEANING], {})
    assert [piece async for piece in ExtractiveGenerator().stream(request)] == []


LIST = (
    "(1) Tanda tangan sah jika memenuhi:\na. satu syarat;\nb. dua syarat; dan\n"
    "c. tiga syarat.\n(2) Lain."
)


@pytest.mark.parametrize("best", [0, 1, 2])
def test_a_sentence_that_announces_points_comes_with_all_of_them(best: int) -> None:
    """Whether the announcement or one of the points answers best."""
    extract = structure(LIST)
    spans = [s for b in extract.blocks for s in sentence_spans(LIST, b.start, b.end)]
    whole = whole_passage("p", "", LIST)[1].model_copy(update={"sentences": tuple(spans)})
    evidence = [
        Evidence(Candidate(0, whole, {"score": 1.0}), i, logit=s, strength=s, alignment=np.zeros(1))
        for i, s in sorted(
            enumerate(-abs(i - best) / 2 for i in range(5)), key=lambda item: -item[1]
        )
    ]
    request = GenerationRequest("Kapan sah?", Language.INDONESIAN, [whole], evidence)
    chosen = choose_sentences(request)
    assert [sentence.index for sentence in chosen] == [0, 1, 2, 3]
