"""Servers that have keys."""

from __future__ import annotations

from typing import Any, Final

from citydip_rag import Engine, Settings
from citydip_rag.access import Keys, Scope
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine

UNLIMITED: Final = dict.fromkeys(
    (
        *("key_questions_per_minute", "key_questions_at_once"),
        *("address_questions_per_minute", "address_questions_at_once"),
    ),
    0,
)
"""Settings of a server that may be asked without end."""


def changed(engine: Engine, **values: Any) -> Library:
    """The library of the same index under other settings."""
    settings = Settings(**{**dict(engine.settings), **values})
    return Library(LiveEngine(Engine.open(settings, engine.embedder)))


def key_for(library: Library, *scopes: Scope, name: str = "", days: int | None = None) -> str:
    """A new key of a library's server."""
    keys = Keys.open(library.live.current.settings)
    return keys.add(name or "-".join(scopes), scopes, days)


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}
