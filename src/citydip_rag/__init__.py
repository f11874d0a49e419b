"""Ask a folder of documents; every sentence of the answer leads to the exact words it rests on."""

from citydip_rag.engine import Engine
from citydip_rag.errors import CitydipError
from citydip_rag.indexing import IndexReport, index_folder
from citydip_rag.schema import (
    Answer,
    Citation,
    Claim,
    Document,
    Language,
    Passage,
    PassageHit,
    SearchResult,
    Span,
)
from citydip_rag.settings import Settings, load_settings

__all__ = [
    "Answer",
    "Citation",
    "CitydipError",
    "Claim",
    "Document",
    "Engine",
    "IndexReport",
    "Language",
    "Passage",
    "PassageHit",
    "SearchResult",
    "Settings",
    "Span",
    "index_folder",
    "load_settings",
]
