"""One contract over every index."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from citydip_rag.embedding.projection import unit
from citydip_rag.index.base import LexicalIndex, VectorIndex
from citydip_rag.index.cache import FILE, CachedEncoding, EmbeddingCache

sys.path.insert(0, str(Path(__file__).parent))
from kinds import VECTORS, WORDS, make_vectors, make_words, reopened

__all__ = ["make_vectors", "make_words"]

ROWS = unit(np.random.default_rng(0).standard_normal((60, 16)))
IDS = np.arange(100, 160, dtype=np.int64)
TEXTS = [
    "Walikota menjalin kerja sama luar negeri.",
    "Perjanjian iklim Paris ditandatangani banyak kota.",
    "The mayor of London met investors.",
    "Diplomasi kota adalah paradiplomasi.",
]


@pytest.mark.parametrize("make_vectors", VECTORS, indirect=True)
def test_vector_index(make_vectors: Callable[[], VectorIndex], tmp_path: Path) -> None:
    index = make_vectors()
    assert len(index) == 0
    assert len(index.search(ROWS[0], 5)) == 0
    index.add(IDS[:10], ROWS[:10])
    index.add(IDS[10:], ROWS[10:])
    with pytest.raises(ValueError, match="already used"):
        index.add(IDS[:1], ROWS[:1])
    hits = index.search(ROWS[3], 5)
    assert hits.ids[0] == IDS[3]
    assert np.isclose(hits.scores[0], 1, atol=1e-5)
    assert (np.diff(hits.scores) <= 0).all()
    assert len(index.search(ROWS[3], 1_000)) <= len(index)
    assert np.allclose(index.score(ROWS[3], IDS[:4]), ROWS[:4] @ ROWS[3], atol=1e-5)
    assert len(index.score(ROWS[3], IDS[:0])) == 0
    assert np.array_equal(index.vectors(IDS[4:1:-1]), ROWS[4:1:-1])
    assert index.vectors(IDS[:0]).shape == (0, 16)
    only = index.search(ROWS[3], 5, allowed=IDS[20:24])
    assert set(only.ids) == set(IDS[20:24])
    loaded = reopened(index, tmp_path)
    assert len(loaded) == 60
    assert loaded.search(ROWS[7], 3).ids.tolist() == index.search(ROWS[7], 3).ids.tolist()
    loaded.remove(np.array([IDS[7], 9_999]))
    assert len(loaded) == 59
    assert IDS[7] not in loaded.search(ROWS[7], 10).ids


@pytest.mark.parametrize("make_words", WORDS, indirect=True)
def test_lexical_index(make_words: Callable[[], LexicalIndex], tmp_path: Path) -> None:
    index = make_words()
    assert len(index) == 0
    assert len(index.search("kota", 5)) == 0
    ids = np.arange(10, 14, dtype=np.int64)
    index.add(ids[:2], TEXTS[:2])
    index.add(ids[2:], TEXTS[2:])
    with pytest.raises(ValueError, match="already used"):
        index.add(ids[:1], TEXTS[:1])
    hits = index.search("perjanjian iklim Paris", 5)
    assert hits.ids[0] == 11
    assert 0.4 < hits.scores[0] <= 1
    assert len(index.search("zzz qqq", 5)) == 0
    assert index.search("kerja sama kota", 5, allowed=ids[3:]).ids.tolist() == [13]
    across = index.score("What did the Paris climate treaty say about emissions?", ids)
    assert (across >= 0).all()
    assert across[1] < 0.25
    assert index.score("mayors meeting investor", ids).argmax() == 2
    loaded = reopened(index, tmp_path)
    assert np.allclose(loaded.score("kota Paris", ids), index.score("kota Paris", ids))
    loaded.remove(ids[1:2])
    assert len(loaded) == 3
    assert 11 not in loaded.search("Paris iklim", 5).ids
    loaded.remove(ids)
    assert len(loaded) == 0


def test_cache(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path, "model")
    keys = [cache.key("", text) for text in TEXTS]
    assert cache.missing(keys) == [0, 1, 2, 3]
    entry = CachedEncoding(
        np.ones(4, np.float32), np.ones((2, 3), np.int8), np.array([[0, 1], [2, 3]], np.int32)
    )
    empty = CachedEncoding(
        np.ones(4, np.float32), np.zeros((0, 3), np.int8), np.zeros((0, 2), np.int32)
    )
    cache.put([(keys[0], entry), (keys[2], empty)])
    assert cache.missing(keys) == [1, 3]
    first, second = cache.get([keys[0], keys[2]])
    assert np.array_equal(first.tokens, entry.tokens)
    assert np.array_equal(first.offsets, entry.offsets)
    assert len(second.offsets) == 0
    with pytest.raises(KeyError):
        list(cache.get([keys[1]]))
    assert EmbeddingCache(tmp_path, "other").missing(
        [EmbeddingCache(tmp_path, "other").key("", "a")]
    )
    cache.put([(bytes([i]) * 32, entry) for i in range(9)])
    cache.prune(keys[:1])
    assert cache.missing([keys[0], keys[2]]) == [1]
    cache.close()


def test_damaged_cache_is_begun_afresh(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database at all, not even nearly" * 40)
    cache = EmbeddingCache(tmp_path, "model")
    assert cache.missing([b"k"]) == [0]
    cache.close()
