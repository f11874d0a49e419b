"""Opens the engine for one command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from citydip_rag.cli.console import status
from citydip_rag.settings import load_settings

if TYPE_CHECKING:
    from citydip_rag.engine import Engine

IndexOption = Annotated[
    str | None,
    typer.Option("--index", help="Folder or postgresql://… of the index. [default: index]"),
]


def opened(index: str | None, **overrides: object) -> Engine:
    """The engine, which answers from what a server has removed no more than that does."""
    from citydip_rag.engine import Engine
    from citydip_rag.library import removed_documents

    settings = load_settings(index=index, **overrides)
    with status("Loading the model"):
        engine = Engine.open(settings)
    engine.withdrawn = removed_documents(engine)
    return engine
