"""Text becomes vectors."""

from citydip_rag.embedding.base import Embedder, Encoding, TokenVectors
from citydip_rag.embedding.loading import load_embedder
from citydip_rag.embedding.onnx import OnnxEmbedder
from citydip_rag.embedding.sentence_transformers import SentenceTransformersEmbedder, model_name

__all__ = [
    "Embedder",
    "Encoding",
    "OnnxEmbedder",
    "SentenceTransformersEmbedder",
    "TokenVectors",
    "load_embedder",
    "model_name",
]
