"""Text becomes vectors."""

from citydip_rag.embedding.base import Embedder, Encoding, TokenVectors
from citydip_rag.embedding.sentence_transformers import SentenceTransformersEmbedder, model_name

__all__ = ["Embedder", "Encoding", "SentenceTransformersEmbedder", "TokenVectors", "model_name"]
