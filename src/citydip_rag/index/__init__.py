"""Vectors and words become something to search, kept on disk."""

from citydip_rag.index.builder import Built, IndexBuilder, forget_cache, write_lock
from citydip_rag.index.generation import ChunkingSettings, FileRecord, Manifest
from citydip_rag.index.previous import Held, Previous
from citydip_rag.index.reader import Index

__all__ = [
    "Built",
    "ChunkingSettings",
    "FileRecord",
    "Held",
    "Index",
    "IndexBuilder",
    "Manifest",
    "Previous",
    "forget_cache",
    "write_lock",
]
