"""A file becomes a Document, a Document becomes Passages."""

from citydip_rag.corpus.folder import read_file, read_folder
from citydip_rag.corpus.passages import PassageMaker
from citydip_rag.corpus.walk import FileFailure

__all__ = ["FileFailure", "PassageMaker", "read_file", "read_folder"]
