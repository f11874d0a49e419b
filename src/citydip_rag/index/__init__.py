"""Vectors and words become something to search, kept on disk."""

from citydip_rag.index.builder import Built, IndexBuilder, forget_cache, write_lock
from citydip_rag.index.generation import ChunkingSettings, Manifest
from citydip_rag.index.reader import Index

__all__ = [
    "Built",
    "ChunkingSettings",
    "Index",
    "IndexBuilder",
    "Manifest",
    "forget_cache",
    "write_lock",
]
