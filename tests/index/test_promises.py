"""The corners of the index seams: what each implementation promises of odd input."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citydip_rag.embedding.projection import unit
from citydip_rag.index.base import LexicalIndex, VectorIndex

sys.path.insert(0, str(Path(__file__).parent))
from kinds import VECTORS, WORDS, make_vectors, make_words, reopened

__all__ = ["make_vectors", "make_words"]

MakeVectors = Callable[[], VectorIndex]
MakeWords = Callable[[], LexicalIndex]
vector_indexes = pytest.mark.parametrize("make_vectors", VECTORS, indirect=True)
lexical_indexes = pytest.mark.parametrize("make_words", WORDS, indirect=True)
ROWS = unit(np.random.default_rng(3).standard_normal((300, 16)))
IDS = np.arange(1_000, 1_300, dtype=np.int64)
NONE = IDS[:0]
PARIS = "Walikota menandatangani perjanjian iklim Paris pada tahun 2015."
TEXTS = [
    PARIS,
    "Kota besar bekerja sama dengan kota lain di Asia.",
    "Diplomasi kota dijalankan oleh pemerintah daerah.",
    "The mayor of London met investors from abroad.",
]


@vector_indexes
def test_search_is_exact_enough(make_vectors: MakeVectors) -> None:
    index = make_vectors()
    index.add(IDS, ROWS)
    found = 0
    for row in ROWS[:50]:
        hits = index.search(row, 10)
        exact = IDS[np.argsort(-(ROWS @ row))[:10]]
        found += len(set(hits.ids.tolist()) & set(exact.tolist()))
        assert np.allclose(hits.scores, index.score(row, hits.ids), atol=1e-5)
    assert found >= 0.98 * 500


@vector_indexes
def test_empty_vector_index(make_vectors: MakeVectors, tmp_path: Path) -> None:
    index = make_vectors()
    index.add(NONE, ROWS[:0])
    index.remove(IDS[:3])
    for candidate in (index, reopened(index, tmp_path)):
        assert len(candidate) == 0
        assert len(candidate.search(ROWS[0], 5)) == 0
        assert len(candidate.search(ROWS[0], 5, allowed=IDS[:3])) == 0
        assert candidate.score(ROWS[0], NONE).shape == (0,)
    index.add(IDS[:1], ROWS[:1])
    assert index.search(ROWS[0], 5).ids.tolist() == [1_000]


@vector_indexes
def test_refused_vectors_leave_the_index_as_it_was(make_vectors: MakeVectors) -> None:
    index = make_vectors()
    index.add(IDS[:50], ROWS[:50])
    with pytest.raises(ValueError, match="already used"):
        index.add(IDS[49:52], ROWS[49:52])
    with pytest.raises(ValueError, match="already used"):
        index.add(np.array([7, 7]), ROWS[60:62])
    assert len(index) == 50
    assert 7 not in index.search(ROWS[60], 50).ids
    with pytest.raises(KeyError):
        index.score(ROWS[0], np.array([7]))


@vector_indexes
def test_removed_vectors_can_come_back(make_vectors: MakeVectors) -> None:
    index = make_vectors()
    index.add(IDS, ROWS)
    index.remove(IDS[5:295])
    assert len(index) == 10
    assert index.search(ROWS[2], 1).ids.tolist() == [1_002]
    index.add(IDS[5:100], ROWS[5:100])
    assert index.search(ROWS[50], 1).ids.tolist() == [1_050]
    index.remove(IDS)
    assert len(index) == 0
    assert len(index.search(ROWS[0], 5)) == 0


@vector_indexes
def test_loaded_vectors_can_be_changed(make_vectors: MakeVectors, tmp_path: Path) -> None:
    index = make_vectors()
    index.add(IDS[:100], ROWS[:100])
    loaded = reopened(index, tmp_path)
    loaded.add(IDS[100:], ROWS[100:])
    loaded.remove(IDS[:10])
    assert len(loaded) == 290
    assert loaded.search(ROWS[200], 1).ids.tolist() == [1_200]
    assert 1_003 not in loaded.search(ROWS[3], 290).ids


@vector_indexes
def test_allowed_may_be_unknown_or_none_at_all(make_vectors: MakeVectors) -> None:
    index = make_vectors()
    index.add(IDS, ROWS)
    assert index.search(ROWS[0], 5, allowed=np.array([1_200, 5, 1_100])).ids.size == 2
    assert len(index.search(ROWS[0], 5, allowed=NONE)) == 0
    assert len(index.search(ROWS[0], 2, allowed=IDS[:9])) == 2
    assert len(index.search(ROWS[0], 0)) == 0


@lexical_indexes
def test_coverage_means_the_same_for_every_query(make_words: MakeWords) -> None:
    index = make_words()
    ids = np.arange(4, dtype=np.int64)
    index.add(ids, TEXTS)
    same = index.score(PARIS, ids)
    across = index.score("Did the mayors sign a treaty about the climate?", ids[:3])
    assert same.argmax() == 0
    assert same[0] > 0.4
    assert across.max() < 0.05
    assert same.dtype == np.float32
    assert index.score("", ids).tolist() == [0] * 4
    assert index.score("?! –", ids).tolist() == [0] * 4
    twice = index.score(f"{PARIS} {PARIS}", ids)
    assert np.allclose(twice, same)
    half = index.score("Paris zzzz", ids)[0]
    assert 0 < half < index.score("Paris", ids)[0]


@lexical_indexes
@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("bekerja", 1),
        ("pekerjaan", 1),  # one stem with bekerja
        ("penandatanganan PERJANJIAN", 0),
        ("investor meeting mayors", 3),
        ("2015", 0),
        ("diplomasinya", 2),
    ],
)
def test_words_are_found_in_other_forms(make_words: MakeWords, query: str, best: int) -> None:
    index = make_words()
    index.add(np.arange(4, dtype=np.int64), TEXTS)
    assert index.search(query, 1).ids.tolist() == [best]


WORDS = "kota Kota besar walikota the mayor 2015 café 城市 – ? x".split()


@lexical_indexes
@given(
    texts=st.lists(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), max_size=6),
    query=st.lists(st.sampled_from([*WORDS, "lain"]), max_size=6).map(" ".join),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # it makes indexes anew
)
def test_coverage_lies_between_nought_and_one(
    make_words: MakeWords, texts: list[str], query: str
) -> None:
    index = make_words()
    ids = np.arange(len(texts), dtype=np.int64) + 5
    index.add(ids, texts)
    scores = index.score(query, ids)
    assert scores.shape == (len(texts),)
    assert ((scores >= 0) & (scores <= 1)).all()
    hits = index.search(query, 10)
    assert (np.diff(hits.scores) <= 0).all()
    assert set(hits.ids.tolist()) == {int(i) for i, s in zip(ids, scores, strict=True) if s > 0}


@lexical_indexes
def test_empty_lexical_index(make_words: MakeWords, tmp_path: Path) -> None:
    index = make_words()
    index.add(NONE, [])
    index.remove(IDS[:2])
    for candidate in (index, reopened(index, tmp_path)):
        assert len(candidate) == 0
        assert len(candidate.search("kota", 5)) == 0
    index.add(IDS[:2], ["", "– ?"])  # no word in any of them
    assert len(index.search("kota", 5)) == 0
    assert index.score("kota", IDS[:2]).tolist() == [0, 0]


@lexical_indexes
def test_refused_texts_leave_the_index_as_it_was(make_words: MakeWords) -> None:
    index = make_words()
    index.add(IDS[:4], TEXTS)
    with pytest.raises(ValueError, match="already used"):
        index.add(IDS[3:5], ["tepung", "gula"])
    with pytest.raises(ValueError, match="already used"):
        index.add(np.array([7, 7]), ["tepung", "gula"])
    assert len(index) == 4
    assert len(index.search("tepung gula", 5)) == 0


@lexical_indexes
def test_loaded_texts_can_be_changed(make_words: MakeWords, tmp_path: Path) -> None:
    index = make_words()
    index.add(IDS[:4], TEXTS)
    loaded = reopened(index, tmp_path)
    loaded.add(IDS[4:5], ["Tepung dan gula."])
    scores = loaded.score("gula kota", IDS[:5])
    assert loaded.search("gula", 5, allowed=IDS[:4]).ids.size == 0
    assert loaded.search("kota", 5, allowed=NONE).ids.size == 0
    assert loaded.search("kota", 0).ids.size == 0
    whole = make_words()
    whole.add(IDS[:5], [*TEXTS, "Tepung dan gula."])
    assert np.allclose(scores, whole.score("gula kota", IDS[:5]))
