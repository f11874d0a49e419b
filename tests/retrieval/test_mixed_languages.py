"""A corpus in two languages: neither pushes the other aside."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from citydip_rag import Engine
from citydip_rag.embedding import Embedder
from citydip_rag.evaluation.collection import cut_passages, engine_over
from citydip_rag.retrieval import DenseStage, HybridStage, Retriever
from citydip_rag.retrieval.language_axis import LanguageAxis
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.settings import load_settings

TEXTS = [
    "Walikota Surabaya menandatangani perjanjian dengan kota Busan. Taman kota dibangun bersama.",
    "Walikota Medan menandatangani perjanjian dengan kota Ichikawa. Pelabuhan dibangun bersama.",
    "Walikota Padang menandatangani perjanjian dengan kota Hildesheim. Museum dibangun bersama.",
    "Kereta api pertama di Jawa berjalan pada tahun 1867. Jalurnya dari Semarang.",
    "Donat dibuat dari tepung, gula, dan ragi. Adonannya digoreng sampai kuning.",
    "The museum of the harbour opened in 1988. Its roof was repaired by the city.",
    "Bread is baked from flour, water and salt. The dough must rest for an hour.",
    "The first railway of the island was opened by the governor. It carried sugar and coffee.",
]


def test_the_shipped_axis_is_the_one_found_from_our_texts(engine: Engine) -> None:
    """It is shipped since finding it takes seconds, and does not move with a text of the page."""
    made = engine.embedder, engine.index.projection
    shipped, found = LanguageAxis.of(*made), LanguageAxis.between(*made)
    assert float(shipped.direction @ found.direction) > 0.98


@pytest.fixture(scope="module")
def mixed(embedder: Embedder) -> Iterator[Engine]:
    settings = load_settings()
    documents, passages = cut_passages(TEXTS, settings, embedder)
    assert [document.language for document in documents] == ["id"] * 5 + ["en"] * 3
    with engine_over(documents, passages, settings, embedder) as engine:
        yield engine


def ranking(engine: Engine, retriever: Retriever, question: str) -> list[str]:
    query = encode_query(engine.embedder, engine.index, question)
    return [c.passage.text for c in retriever.search(engine.index, query, len(TEXTS))]


@pytest.mark.parametrize(("name", "place"), [("Busan", 0), ("Ichikawa", 1), ("Hildesheim", 2)])
@pytest.mark.parametrize("asks", ["Walikota mana yang bekerja sama dengan {}?", "Which mayor: {}?"])
def test_names_are_found_among_passages_that_read_alike(
    mixed: Engine, asks: str, name: str, place: int
) -> None:
    assert ranking(mixed, Retriever(HybridStage()), asks.format(name))[0] == TEXTS[place]


def test_words_leave_the_order_of_another_language_alone(
    embedder: Embedder,
) -> None:
    settings = load_settings()
    with engine_over(*cut_passages(TEXTS[:5], settings, embedder), settings, embedder) as engine:
        for question in ("Which agreements did mayors sign?", "When did the first train run?"):
            dense = ranking(engine, Retriever(DenseStage()), question)
            assert ranking(engine, Retriever(HybridStage()), question) == dense


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Kapan kereta api pertama di Jawa berjalan?", "Kereta api pertama di Jawa"),
        ("Donat dibuat dari apa?", "Donat dibuat dari tepung"),
        ("What is bread baked from?", "Bread is baked from flour"),
        ("When did the museum of the harbour open?", "The museum of the harbour"),
    ],
)
async def test_the_answer_is_quoted_in_the_language_that_holds_it(
    mixed: Engine, question: str, answer: str
) -> None:
    result = await mixed.ask(question)
    assert not result.abstained
    assert result.citations[0].quote.startswith(answer)


def test_no_document_allowed_finds_nothing(mixed: Engine) -> None:
    assert mixed.retrieve("kota", 5, []) == []
