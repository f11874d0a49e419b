"""A file becomes a Document, a Document becomes Passages."""

from citydip_rag.corpus.folder import (
    FoundFile,
    document_id,
    documents_of,
    is_unchanged,
    read_file,
    read_folder,
    scan_folder,
    title_of_name,
)
from citydip_rag.corpus.formats import known_suffixes
from citydip_rag.corpus.passages import PassageMaker
from citydip_rag.corpus.reading import READER_VERSION
from citydip_rag.corpus.walk import FileFailure
from citydip_rag.corpus.worker import ReaderProcess, ReadingLimits

__all__ = [
    "READER_VERSION",
    "FileFailure",
    "FoundFile",
    "PassageMaker",
    "ReaderProcess",
    "ReadingLimits",
    "document_id",
    "documents_of",
    "is_unchanged",
    "known_suffixes",
    "read_file",
    "read_folder",
    "scan_folder",
    "title_of_name",
]
