"""Retrieval on real vectors: languages, alignment, evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from citydip_rag import Engine
from citydip_rag.embedding import Embedder
from citydip_rag.errors import SettingsError
from citydip_rag.evaluation.collection import engine_over, whole_passage
from citydip_rag.index.tokens import TokenBatch
from citydip_rag.retrieval import DenseStage, HybridStage, LexicalStage, Retriever
from citydip_rag.retrieval.alignment import align, sentence_starts
from citydip_rag.retrieval.evidence import EvidenceHead, find_evidence, soft_minimum
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.settings import load_settings

TEXTS = {
    "paris": "Perjanjian iklim Paris diikuti ratusan kota. Kota-kota itu mengurangi emisi.",
    "flour": "Donat dibuat dari tepung, gula, dan ragi. Adonan digoreng sampai kuning.",
    "trade": "Walikota memimpin misi dagang ke luar negeri. Investor bertemu di sana.",
    "train": "Kereta api pertama berjalan pada tahun 1867. Jalurnya pendek.",
    "x17": "Nomor seri perangkat itu adalah ZX-4417. Perangkatnya biru.",
}


@pytest.fixture(scope="module")
def small(embedder: Embedder) -> Iterator[Engine]:
    pairs = [whole_passage(name, "", text) for name, text in TEXTS.items()]
    settings = load_settings()
    with engine_over([d for d, _ in pairs], [p for _, p in pairs], settings, embedder) as engine:
        yield engine


def order(engine: Engine, retriever: Retriever, question: str) -> list[str]:
    query = encode_query(engine.embedder, engine.index, question)
    return [c.passage.id for c in retriever.search(engine.index, query, 5)]


def test_words_help_in_the_same_language(small: Engine) -> None:
    hybrid = Retriever(HybridStage())
    assert order(small, hybrid, "ZX-4417")[0] == "x17"
    assert order(small, hybrid, "misi dagang walikota")[0] == "trade"


def test_words_do_not_hurt_across_languages(small: Engine) -> None:
    question = "Which agreement on the climate did hundreds of cities join?"
    dense = order(small, Retriever(DenseStage()), question)
    assert dense[0] == "paris"
    assert order(small, Retriever(HybridStage()), question)[0] == "paris"


def test_modes(small: Engine) -> None:
    assert order(small, Retriever(LexicalStage()), "tepung ragi") == ["flour"]
    assert len(order(small, Retriever(DenseStage()), "tepung ragi")) == 5


def test_limits_and_filters(small: Engine) -> None:
    assert len(small.retrieve("kota", 2)) == 2
    only = small.retrieve("kota", 5, ["train", "flour"])
    assert {c.passage.document_id for c in only} == {"train", "flour"}


def test_alignment_has_a_column_a_sentence(small: Engine) -> None:
    found = small.find("Siapa yang memimpin misi dagang?")
    candidate = found.candidates[0]
    assert candidate.passage.id == "trade"
    assert candidate.alignment is not None
    assert candidate.alignment.shape == (len(found.query.tokens), 2)
    assert candidate.alignment[:, 0].mean() > candidate.alignment[:, 1].mean()
    assert candidate.scores["score"] > candidate.scores["dense"]


def test_sentences_the_model_did_not_see_are_no_evidence(
    embedder: Embedder,
) -> None:
    text = " ".join(f"Kalimat nomor {i} berbicara tentang kota dan walikota." for i in range(90))
    document, passage = whole_passage("long", "", text)
    with engine_over([document], [passage], load_settings(), embedder) as engine:
        found = engine.find("Apa kata kalimat tentang walikota?")
        candidate = found.candidates[0]
        assert candidate.tokens is not None
        starts = sentence_starts(candidate.tokens, passage)
        assert starts[-1] == len(candidate.tokens.offsets)
        tokens = TokenBatch(candidate.tokens.vectors, [candidate.tokens.offsets])
        aligned = align(found.query.tokens, tokens, [passage])
        assert (aligned[:, -1] == -1).all()
        assert 0 < len(found.evidence) < len(passage.sentences)


def test_best_evidence_is_the_answering_sentence(small: Engine) -> None:
    assert small.find("Kapan kereta api pertama berjalan?").evidence[0].text.endswith("1867.")
    english = small.find("What are donuts made of?").evidence[0]
    assert english.text == "Donat dibuat dari tepung, gula, dan ragi."


def test_untrained_head_orders_as_plain_alignment(small: Engine) -> None:
    found = small.find("Siapa memimpin misi dagang?")
    dimension = small.index.manifest.token_dimension
    evidence = find_evidence(EvidenceHead.untrained(dimension), found.query, "id", found.candidates)
    assert evidence[0].text.startswith("Walikota memimpin")
    weights = EvidenceHead.untrained(dimension).weights(found.query.tokens)
    assert np.allclose(weights, 1 / len(found.query.tokens))


def test_head_files(tmp_path: Path) -> None:
    head = EvidenceHead.shipped("476da31e00f910f1", 192)
    assert np.abs(head.query_up).max() > 0
    head.save(tmp_path / "head.npz")
    again = EvidenceHead.read((tmp_path / "head.npz").read_bytes(), 192)
    assert np.array_equal(again.output, head.output)
    with pytest.raises(SettingsError, match="another model"):
        EvidenceHead.read((tmp_path / "head.npz").read_bytes(), 64)
    for garbage in (b"", b"PK\x03\x04 nonsense", b"\x00" * 50):
        with pytest.raises(SettingsError, match="citydip calibrate evidence"):
            EvidenceHead.read(garbage, 192)
    assert EvidenceHead.shipped("unknown", 8).query_down.shape == (1, 8)


def test_soft_minimum_lies_between_minimum_and_mean() -> None:
    values = np.array([[0.1, 0.9], [0.8, 0.9], [0.7, 0.9]], dtype=np.float32)
    soft = soft_minimum(values, np.full(3, 1 / 3, dtype=np.float32))
    assert 0.1 < soft[0] < values[:, 0].mean()
    assert np.isclose(soft[1], 0.9, atol=1e-3)
