"""Text becomes vectors."""

from citydip_rag.embedding.base import Embedder, Encoding, TokenVectors
from citydip_rag.embedding.sentence_transformers import SentenceTransformersEmbedder

__all__ = ["Embedder", "Encoding", "SentenceTransformersEmbedder", "TokenVectors"]
