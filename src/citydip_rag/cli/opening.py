"""Opens the engine for one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citydip_rag.cli.console import command, status
from citydip_rag.errors import IndexMissingError
from citydip_rag.settings import load_settings

if TYPE_CHECKING:
    from citydip_rag.engine import Engine

IndexOption = Annotated[
    str | None,
    typer.Option("--index", help="Folder or postgresql://… of the index. [default: index]"),
]


def opened(index: str | None, **overrides: object) -> Engine:
    """The engine, which answers from what a server has removed no more than that does.

    Raises:
        IndexMissingError: names the folder that was looked in.
    """
    from citydip_rag.engine import Engine
    from citydip_rag.removals import removed_documents

    settings = load_settings(index=index, **overrides)
    try:
        with status("Loading the model"):
            engine = Engine.open(settings)
    except IndexMissingError as error:
        if isinstance(settings.index, Path) and settings.index.is_file():
            raise
        raise IndexMissingError(
            f"There is no index yet in {settings.index}.",
            f"Run: {command('index', index=index)}, or name another with --index.",
        ) from error
    engine.withdrawn = removed_documents(engine)
    return engine
