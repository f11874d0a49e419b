"""What the commands share: the screen, progress, quiet libraries, and errors as one line."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from citydip_rag.errors import CitydipError

screen = Console()
remarks = Console(stderr=True)
"""For progress, notes and errors: standard output holds results alone."""

INTERRUPTED = 130
"""Exit status after Ctrl-C or a termination signal."""

Step = Callable[[int, int], None]


@contextmanager
def progress_bar(what: str) -> Iterator[Step]:
    """A progress bar on standard error; called with (done, total)."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=remarks, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def step(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield step


@contextmanager
def status(what: str) -> Iterator[None]:
    """A spinner on standard error while something of unknown length goes on."""
    with remarks.status(what):
        yield


def write_json(content: Any) -> None:
    """A result as JSON on standard output."""
    sys.stdout.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")


def quiet_libraries(*, verbose: bool) -> None:
    """Our log at the level asked for; the libraries' only from warnings on."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for name in ("httpx", "sentence_transformers", "transformers", "bm25s", "faiss.loader"):
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="torch")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def run(command: typer.Typer) -> None:
    """Run the program; our errors become a message and status 2, Ctrl-C becomes status 130."""
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
    try:
        command()
    except CitydipError as error:
        remarks.print(f"[bold red]{error.slug}[/] ", end="")
        remarks.print(error.message, markup=False, highlight=False)
        if error.remedy:
            remarks.print(f"→ {error.remedy}", markup=False, highlight=False)
        sys.exit(2)
    except SystemExit as ending:
        if ending.code == INTERRUPTED:  # Typer has turned Ctrl-C into this
            remarks.print("Interrupted; nothing is lost.")
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)


def _terminated(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
