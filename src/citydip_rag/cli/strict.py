"""`citydip index --strict`: a file that gives no text is a failure."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from citydip_rag.cli.console import remarks
from citydip_rag.schema import FileReport, FileStatus


def refuse_unread(files: Iterable[FileReport]) -> None:
    """End with status 1, naming the files that could not be read, if there are any."""
    failed = [file.source for file in files if file.status is FileStatus.FAILED]
    if failed:
        said = "1 file" if len(failed) == 1 else f"{len(failed)} files"
        remarks.print(
            f"{said} could not be read, and all others are indexed: {', '.join(failed)}.",
            style="red",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
        raise typer.Exit(1)
