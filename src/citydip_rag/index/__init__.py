"""Vectors and words become something to search, kept on disk or in a database."""

from citydip_rag.index.builder import write_lock
from citydip_rag.index.generation import ChunkingSettings, FileRecord, Manifest
from citydip_rag.index.place import IndexPlace, Note, place_of
from citydip_rag.index.previous import Held, Previous
from citydip_rag.index.reader import Index
from citydip_rag.index.writer import Built, Content, IndexWriter

__all__ = [
    "Built",
    "ChunkingSettings",
    "Content",
    "FileRecord",
    "Held",
    "Index",
    "IndexPlace",
    "IndexWriter",
    "Manifest",
    "Note",
    "Previous",
    "place_of",
    "write_lock",
]
