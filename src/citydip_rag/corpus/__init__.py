"""A file becomes a Document, a Document becomes Passages."""

from citydip_rag.corpus.folder import FileFailure, read_file, read_folder
from citydip_rag.corpus.passages import PassageMaker

__all__ = ["FileFailure", "PassageMaker", "read_file", "read_folder"]
