"""Ask a folder of documents; every sentence of the answer leads to the exact words it rests on."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
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

_HOMES: Final = {
    "Engine": "engine",
    "CitydipError": "errors",
    "IndexReport": "indexing",
    "index_folder": "indexing",
    "Settings": "settings",
    "load_settings": "settings",
}
"""Where what is not in `schema` is defined."""


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used: the command line answers before that is done."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'schema')}"), name)


def __dir__() -> list[str]:
    return __all__
