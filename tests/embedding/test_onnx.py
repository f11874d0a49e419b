"""The bundled model on ONNX Runtime gives what it gives on torch, and never loads that."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from citydip_rag.embedding import (
    Embedder,
    Encoding,
    OnnxEmbedder,
    SentenceTransformersEmbedder,
    bundled,
    load_embedder,
    onnx,
)
from citydip_rag.embedding.hardware import has_matrix_unit
from citydip_rag.embedding.onnx_graph import shuffled
from citydip_rag.embedding.q4 import dequantize_q4
from citydip_rag.engine import Engine
from citydip_rag.errors import ModelError
from citydip_rag.settings import Settings

ALIKE = 0.9995
"""Cosine at which what one made serves the other."""
HEAVY = ("torch", "transformers", "sentence_transformers", "onnx", "sklearn", "pandas", "gradio")
TEXTS = [
    "Apa tantangan terbesar “diplomasi kota”, dan mengapa\tkota-kota  melakukannya?",
    "How do cities take part in the global climate regime, and who pays for it?",
    "🙂 emoji dan 城市外交 serta café; ﬁ ½ ™.",
    "<s> dan </s> serta <pad> dan <unk>",
    "kota " * 3_000,
    "a",
    " \n\u00a0 ",
    "",
]
ANY = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=60)
FILES = ["encoder.onnx", "words.q4", "tokenizer.json", "SHA256SUMS"]


def check_alike(left: list[Encoding], right: list[Encoding]) -> None:
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        assert np.array_equal(one.tokens.offsets, other.tokens.offsets)
        assert float(one.vector @ other.vector) > ALIKE
        cosines = (one.tokens.vectors * other.tokens.vectors).sum(axis=1)
        assert cosines.min(initial=1) > ALIKE


def test_vectors_and_offsets_are_those_of_torch(
    on_onnx: Embedder, on_torch: Embedder, article: str
) -> None:
    texts = [*TEXTS, *filter(str.strip, article.splitlines()[:8])]
    check_alike(on_onnx.embed_queries(texts), on_torch.embed_queries(texts))
    headings = ["", "Kota › Dasar hukum"] * (len(texts) // 2) + [""] * (len(texts) % 2)
    check_alike(on_onnx.embed_passages(texts, headings), on_torch.embed_passages(texts, headings))


@given(st.lists(ANY, min_size=8, max_size=8))  # one pass of torch's for all eight
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_tokens_of_any_text_are_those_of_torch(
    on_onnx: Embedder, on_torch: Embedder, texts: list[str]
) -> None:
    assert on_onnx.count_tokens(texts) == on_torch.count_tokens(texts)
    check_alike(on_onnx.embed_queries(texts), on_torch.embed_queries(texts))


def test_an_index_of_the_one_serves_the_other(
    on_onnx: Embedder, on_torch: Embedder, engine: Engine, article_settings: Settings
) -> None:
    made_by = engine.embedder
    other = on_onnx if made_by is on_torch else on_torch
    for fact in ("name", "fingerprint", "dimension", "max_tokens"):
        assert getattr(made_by, fact) == getattr(other, fact)
    second = Engine.open(article_settings, other)
    question = "Apa itu diplomasi kota?"
    first_found, second_found = engine.find(question), second.find(question)
    second.close()
    assert [c.passage.id for c in first_found.candidates] == [
        c.passage.id for c in second_found.candidates
    ]
    assert first_found.confidence == pytest.approx(second_found.confidence, abs=0.02)


def test_company_and_threads_change_nothing(on_onnx: Embedder) -> None:
    seen: list[tuple[int, int]] = []
    together = on_onnx.embed_passages(TEXTS, progress=lambda *step: seen.append(step))
    assert seen == [(done + 1, len(TEXTS)) for done in range(len(TEXTS))]
    patient = on_onnx.in_small_batches()
    alone = [patient.embed_passages([text])[0] for text in TEXTS]
    for one, other in zip(together, alone, strict=True):
        assert np.array_equal(one.vector, other.vector)
        assert np.array_equal(one.tokens.vectors, other.tokens.vectors)


def test_answering_loads_nothing_heavy(article_settings: Settings) -> None:
    code = (
        "import asyncio, sys; from pathlib import Path; from citydip_rag import Engine, Settings;"
        "engine = Engine.open(Settings(index=Path(sys.argv[1])));"
        "answer = asyncio.run(engine.ask('Apa itu diplomasi kota?'));"
        f"print(len(answer.citations), *(m for m in {HEAVY} if m in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(article_settings.index)],
        capture_output=True,
        check=True,
        text=True,
    )
    citations, *loaded = done.stdout.split()
    assert int(citations) > 0
    assert loaded == []


def test_neighbours_share_a_byte() -> None:
    blocks = np.random.default_rng(0).integers(0, 256, (3, 18), dtype=np.uint8)
    blocks[:, :2] = np.array([1], dtype="<f2").view(np.uint8)
    weights = dequantize_q4(blocks.reshape(-1), 96).reshape(3, 32) + 8
    mixed = shuffled(blocks)
    assert mixed.shape == (3, 16)
    assert np.array_equal(mixed & 15, weights[:, 0::2])
    assert np.array_equal(mixed >> 4, weights[:, 1::2])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "altered", "gone"])
def test_what_is_damaged_is_unpacked_anew(weights: Path, name: str, damage: str) -> None:
    folder = bundled.bundled_onnx_folder()
    assert folder is not None
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    path = folder / name
    written = path.read_bytes()
    spoilt = bytearray(written)
    spoilt[len(spoilt) // 2] ^= 1
    path.write_bytes(written[:-1] if damage == "cut" else spoilt)
    if damage == "gone":
        path.unlink()
    assert bundled.bundled_onnx_folder() == folder
    assert path.read_bytes() == written
    assert weights.is_file()


def test_damage_without_the_wheel_is_not_answered_from(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = bundled.bundled_onnx_folder()
    assert folder is not None
    monkeypatch.setattr(bundled, "weights_path", lambda: None)
    assert bundled.bundled_onnx_folder() == folder
    shutil.copy(folder / "tokenizer.json", folder / "words.q4")
    assert bundled.bundled_onnx_folder() is None
    assert weights.is_file()


def test_a_tiny_model_by_both(weights: Path) -> None:
    assert weights.is_file()
    tiny, other = OnnxEmbedder.bundled(), SentenceTransformersEmbedder("bundled", "float32")
    assert tiny is not None
    assert (tiny.dimension, tiny.max_tokens) == (other.dimension, other.max_tokens) == (32, 16)
    assert tiny.fingerprint == other.fingerprint
    texts = ["kota", "kota kota", "kota " * 40, ""]
    for one, two in zip(tiny.embed_passages(texts), other.embed_passages(texts), strict=True):
        assert np.array_equal(one.tokens.offsets, two.tokens.offsets)
        assert float(one.vector @ two.vector) > 0.99  # of 32 numbers each counts for more


def test_nothing_is_reported_to_anybody(on_onnx: Embedder, tmp_path: Path) -> None:
    """Its wheels keep an id and a queue of reports in the cache folder, and send them."""
    assert on_onnx  # so that it is unpacked
    (tmp_path / "citydip-rag").symlink_to(bundled.cache_home())
    code = "from citydip_rag.embedding import load_embedder as l; l().embed_queries(['kota'])"
    subprocess.run([sys.executable, "-c", code], env={"XDG_CACHE_HOME": str(tmp_path)}, check=True)
    assert [path.name for path in tmp_path.iterdir()] == ["citydip-rag"]


def test_without_onnx_runtime_torch_takes_over_and_it_is_said(
    weights: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with caplog.at_level(logging.WARNING):
        embedder = load_embedder()
    assert isinstance(embedder, SentenceTransformersEmbedder)
    assert "ONNX Runtime does not work here" in caplog.text
    assert [path.name for path in weights.parent.rglob("*.onnx")] == []


def test_a_number_type_by_name_is_for_torch(weights: Path) -> None:
    assert weights.is_file()
    assert isinstance(load_embedder("bundled", "float32"), SentenceTransformersEmbedder)
    assert isinstance(load_embedder("bundled"), OnnxEmbedder)


def test_many_passages_are_embedded_by_the_matrix_unit(
    on_onnx: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "has_matrix_unit", lambda: True)
    assert on_onnx.for_many(onnx.MANY - 1) is on_onnx
    patient = on_onnx.in_small_batches()
    assert patient.for_many(onnx.MANY) is patient  # questions are waiting
    bulk = on_onnx.for_many(onnx.MANY)
    assert isinstance(bulk, SentenceTransformersEmbedder)
    assert bulk.fingerprint == on_onnx.fingerprint
    check_alike(on_onnx.embed_passages(TEXTS[:3]), bulk.embed_passages(TEXTS[:3]))
    monkeypatch.setattr(onnx, "has_matrix_unit", lambda: False)
    assert on_onnx.for_many(onnx.MANY) is on_onnx


def test_without_room_for_torchs_folder_all_is_embedded_here(
    on_onnx: Embedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise ModelError("The disk is full.")

    monkeypatch.setattr(onnx, "has_matrix_unit", lambda: True)
    monkeypatch.setattr(onnx, "SentenceTransformersEmbedder", refuse)
    assert on_onnx.for_many(onnx.MANY) is on_onnx
    assert "The disk is full." in caplog.text


@pytest.mark.parametrize(
    ("content", "has"),
    [
        ("model name\t: x\nflags\t\t: fpu amx_bf16 amx_tile\n", True),
        ("flags\t\t: fpu avx512_bf16\n", False),
        ("Features\t: neon amx_bf16\n", False),
        (None, False),
    ],
)
def test_a_matrix_unit_is_known_by_its_flag(
    tmp_path: Path, content: str | None, *, has: bool
) -> None:
    file = tmp_path / "cpuinfo"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    assert has_matrix_unit(file) is has
