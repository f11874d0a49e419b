"""Token vectors and offsets of the real model, on any text and from many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citydip_rag.embedding import Embedder, Encoding
from citydip_rag.embedding.bundled import BUNDLED_NAME
from citydip_rag.embedding.projection import Projection, unit

ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
TRICKY = st.text(alphabet="kota besar.\n\t \u00a0\u200b\u3000“”é\u0301ﬁ½™城🙂", max_size=40)


def cosines(left: list[Encoding], right: list[Encoding]) -> list[float]:
    return [float(a.vector @ b.vector) for a, b in zip(left, right, strict=True)]


@given(st.lists(st.one_of(ANY, TRICKY), min_size=8, max_size=8))  # one pass for all eight
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_offsets_of_any_text(embedder: Embedder, texts: list[str]) -> None:
    for text, encoding in zip(texts, embedder.embed_queries(texts), strict=True):
        check_offsets(text, encoding)


def check_offsets(text: str, encoding: Encoding) -> None:
    offsets = encoding.tokens.offsets
    assert offsets.shape == (len(encoding.tokens), 2)
    assert encoding.tokens.vectors.shape == (len(offsets), len(encoding.vector))
    covered: set[int] = set()
    for start, end in offsets.tolist():
        assert 0 <= start < end <= len(text)
        assert text[start:end].strip() == text[start:end] != ""
        covered.update(range(start, end))
    letters = {i for i, character in enumerate(text) if character.isascii() and character.isalnum()}
    assert letters <= covered
    assert np.isclose(np.linalg.norm(encoding.vector), 1, atol=1e-4)


def test_a_letter_right_behind_a_heading_is_not_lost(
    embedder: Embedder,
) -> None:
    text = "Kota besar."
    for heading in ("", "Kota", "Kota › Dasar hukum", "Bab 1:", "“Judul”"):
        offsets = embedder.embed_passages([text], [heading])[0].tokens.offsets.tolist()
        pieces = [text[start:end] for start, end in offsets]
        assert "".join(pieces) == "Kotabesar."


def test_headings_must_be_one_a_passage(embedder: Embedder) -> None:
    with pytest.raises(ValueError, match="zip"):
        embedder.embed_passages(["satu", "dua"], ["hanya satu"])


def test_beyond_the_limit_nothing_is_seen(embedder: Embedder) -> None:
    long = "kota besar " * 400
    assert embedder.count_tokens([long])[0] > embedder.max_tokens
    one, other = embedder.embed_passages([long + "pertama", long + "tepung terigu"])
    assert len(one.tokens) == len(other.tokens) <= embedder.max_tokens - 2
    assert float(one.vector @ other.vector) > 0.9999
    assert int(one.tokens.offsets.max()) < len(long)


def test_threads_do_not_disturb_one_another(embedder: Embedder) -> None:
    """Truncating and plain calls share one tokenizer, whose truncation is state."""
    long = ("kota besar " * 400).strip()
    texts = [f"Kota nomor {i} bekerja sama." for i in range(8)]
    alone = embedder.embed_queries(texts)
    with ThreadPoolExecutor(8) as pool:
        counts, encodings = [], []
        for text in texts * 5:
            encodings.append(pool.submit(embedder.embed_queries, [text]))
            counts += [pool.submit(embedder.count_tokens, [long]) for _ in range(10)]
        assert {tuple(count.result()) for count in counts} == {(800,)}
        together = [future.result()[0] for future in encodings]
    assert min(cosines(alone * 5, together)) > 0.9999


def test_the_model_tells_related_from_unrelated_in_both_languages(
    embedder: Embedder,
) -> None:
    passages = embedder.encode_passages(
        ["Walikota menandatangani perjanjian iklim Paris.", "Aduk tepung dan gula sampai rata."]
    )
    questions = embedder.encode_queries(["Which climate agreement?", "Bagaimana membuat kue?"])
    assert (questions @ passages.T).argmax(axis=1).tolist() == [0, 1]


def test_who_it_is(embedder: Embedder) -> None:
    assert embedder.name == BUNDLED_NAME
    assert (embedder.dimension, embedder.max_tokens) == (384, 512)
    assert len(embedder.fingerprint) == 32


def test_projection_keeps_the_nearest_token(embedder: Embedder, article: str) -> None:
    """Compressed to 192 bytes, tokens of the real model keep their order of likeness."""
    encodings = embedder.embed_passages(article.split("\n")[1:])
    tokens = np.concatenate([encoding.tokens.vectors for encoding in encodings])
    bare = Projection(np.zeros(384, np.float32), np.eye(384, dtype=np.float32))
    assert np.allclose(bare.apply(tokens[:20]), tokens[:20], atol=1e-3)
    few = Projection.fit(tokens[:50])
    assert few.matrix.shape == (384, 384)
    assert few.fingerprint != bare.fingerprint
    exact, small = few.apply(tokens[:300]), unit(few.compress(tokens[:300]))
    assert (exact * small).sum(axis=1).min() > 0.999
    assert few.compress(tokens[:0]).shape == (0, 384)
