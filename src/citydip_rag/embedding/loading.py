"""Which implementation runs a model."""

from __future__ import annotations

import logging

from citydip_rag.embedding.base import Embedder
from citydip_rag.embedding.onnx import OnnxEmbedder
from citydip_rag.embedding.sentence_transformers import (
    BUNDLED,
    Dtype,
    SentenceTransformersEmbedder,
)

logger = logging.getLogger(__name__)


def load_embedder(model: str = BUNDLED, dtype: Dtype = "auto") -> Embedder:
    """Load a model: the bundled one on ONNX Runtime, any other through sentence-transformers.

    The bundled model goes through sentence-transformers, too, where ONNX Runtime does not work, and
    where a number type is asked for by name.

    Raises:
        ModelError: the model cannot be loaded.
    """
    embedder = _bundled() if model == BUNDLED and dtype == "auto" else None
    return embedder or SentenceTransformersEmbedder(model, dtype)


def _bundled() -> Embedder | None:
    try:
        return OnnxEmbedder.bundled()
    except ImportError as error:
        logger.warning(
            "ONNX Runtime does not work here (%s); the bundled model runs on sentence-transformers,"
            " which takes longer to start and to answer",
            error,
        )
        return None
