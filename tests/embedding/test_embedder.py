"""What every embedder promises, on the real one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from citydip_rag.embedding import Embedder, SentenceTransformersEmbedder
from citydip_rag.embedding.projection import Projection, shipped_projection, unit

TEXTS = [
    "Kota-kota besar seperti New York, London, Tokyo.",
    "Apa  tantangan\n terbesar “diplomasi kota”?",
    "🙂 emoji dan 城市外交 serta café.",
    "a",
]


def test_tokens_stand_where_they_say(embedder: Embedder) -> None:
    for text, encoding in zip(TEXTS, embedder.embed_queries(TEXTS), strict=True):
        covered = set()
        for start, end in encoding.tokens.offsets.tolist():
            piece = text[start:end]
            assert piece
            assert piece == piece.strip()
            covered.update(range(start, end))
        assert {i for i, c in enumerate(text) if c.isalpha() and c.isascii()} <= covered
        assert np.allclose(np.linalg.norm(encoding.tokens.vectors, axis=1), 1, atol=1e-3)
        assert np.isclose(np.linalg.norm(encoding.vector), 1, atol=1e-3)


def test_order_and_company_do_not_matter(embedder: Embedder) -> None:
    texts = [*TEXTS, "panjang " * 300, *TEXTS[::-1]]
    together = embedder.encode_passages(texts)
    alone = np.concatenate([embedder.encode_passages([text]) for text in texts])
    assert (together * alone).sum(axis=1).min() > 0.999


def test_questions_and_passages_are_told_apart(embedder: Embedder) -> None:
    question, passage = embedder.encode_queries(TEXTS[:1]), embedder.encode_passages(TEXTS[:1])
    assert float((question * passage).sum()) < 0.999


def test_heading_moves_the_vector_and_not_the_offsets(
    embedder: Embedder,
) -> None:
    bare = embedder.embed_passages(TEXTS[:1])[0]
    headed = embedder.embed_passages(TEXTS[:1], ["Kerja sama antarkota"])[0]
    assert np.array_equal(bare.tokens.offsets, headed.tokens.offsets)
    assert float(bare.vector @ headed.vector) < 0.999


def test_long_and_empty_input(embedder: Embedder) -> None:
    assert embedder.encode_queries([]).shape == (0, embedder.dimension)
    assert embedder.count_tokens([]) == []
    encoding = embedder.embed_passages(["kota " * 3_000])[0]
    assert len(encoding.tokens) <= embedder.max_tokens
    assert embedder.count_tokens(["kota kota", ""]) == [2, 0]


def test_progress_reaches_the_end(embedder: Embedder) -> None:
    seen: list[tuple[int, int]] = []
    embedder.embed_passages(TEXTS * 10, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (40, 40)


def test_projection_round_trip(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((8_000, 384)).astype(np.float32)
    rows[:, :64] *= 6
    fitted = Projection.fit(rows)
    fitted.save(tmp_path / "p.npz")
    loaded = Projection.load(tmp_path / "p.npz")
    assert loaded.fingerprint == fitted.fingerprint
    exact = loaded.apply(rows[:50])
    restored = unit(loaded.compress(rows[:50]))
    assert exact.shape == (50, 192)
    assert (exact * restored).sum(axis=1).min() > 0.999


def test_too_few_tokens_keep_all_dimensions() -> None:
    rows = np.random.default_rng(0).standard_normal((100, 384)).astype(np.float32)
    assert Projection.fit(rows).matrix.shape == (384, 384)


def test_the_bundled_model_has_its_projection(embedder: Embedder) -> None:
    shipped = shipped_projection(embedder.fingerprint)
    assert shipped is not None
    assert shipped.matrix.shape == (192, embedder.dimension)
    assert shipped_projection("unknown") is None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_number_types_agree(embedder: Embedder, dtype: str) -> None:
    other = SentenceTransformersEmbedder("bundled", dtype)
    cosine = (other.encode_queries(TEXTS) * embedder.encode_queries(TEXTS)).sum(axis=1)
    assert cosine.min() > 0.999
