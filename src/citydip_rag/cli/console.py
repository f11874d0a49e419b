"""What the commands share: the screen, progress, quiet libraries, and errors as one line."""

from __future__ import annotations

import errno
import json
import logging
import os
import shlex
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, Final, NoReturn

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from citydip_rag.cli import INTERRUPTED
from citydip_rag.errors import CitydipError
from citydip_rag.values import index_address

screen = Console()
remarks = Console(stderr=True)
"""For progress, notes and errors: standard output holds results alone."""

_THINGS: Final = {"reading": "files", "embedding": "passages"}
"""What the stages of indexing go through."""
_TRACE: Final = "Run it again as: citydip --verbose … to see where; and please report it."
_ROOM: Final = "Make room on the disk that it was to be written to, and run it again."
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}

logger = logging.getLogger(__name__)

Step = Callable[[int, int], None]


@contextmanager
def progress_bar(what: str) -> Iterator[Step]:
    """A progress bar on standard error; called with (done, total)."""
    with Progress(*_columns(), console=remarks, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def step(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield step


@contextmanager
def stage_bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar that names its stage; called with (stage, done, total).

    Where nobody sits before it, a line for each stage as it begins.
    """
    if not remarks.is_terminal:
        yield _lines()
        return
    with Progress(*_columns(), console=remarks, transient=True) as bar:
        task = bar.add_task("", total=None)

        def step(stage: str, done: int, total: int) -> None:
            bar.update(task, description=stage.capitalize(), completed=done, total=total)

        yield step


def _lines() -> Callable[[str, int, int], None]:
    begun: set[str] = set()

    def step(stage: str, _: int, total: int) -> None:
        if stage not in begun:
            begun.add(stage)
            remarks.print(f"{stage.capitalize()} {_THINGS[stage]}: {total}", highlight=False)

    return step


def _columns() -> tuple[ProgressColumn, ...]:
    return (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )


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


def run(command: Callable[[], object]) -> None:
    """Run the program.

    Our errors become a message and status 2, Ctrl-C status 130, a reader that has gone 141, and
    what nobody foresaw a line that says where to report it, with its trace in the log.
    """
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a terminal of few characters loses none of ours
            stream.reconfigure(errors="backslashreplace")
    try:
        _run_to_the_end(command)
    except CitydipError as error:
        _stop(error.slug, error.message, error.remedy)
    except KeyboardInterrupt:
        _interrupted()
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        _forget_output()
        sys.exit(141)
    except OSError as error:
        _forget_output()
        logger.info("system error", exc_info=error)
        remedy = _ROOM if error.errno in _FULL else _TRACE
        _stop("system-error", f"The system refused: {error.strerror or error}.", remedy)
    except Exception as error:  # the last boundary before the person
        logger.info("unexpected error", exc_info=error)
        _stop("internal-error", f"Something unforeseen happened: {type(error).__name__}.", _TRACE)


def _run_to_the_end(command: Callable[[], object]) -> None:
    """Run until what was written has arrived: a full disk shows when it is flushed."""
    try:
        command()
    except SystemExit as ending:
        if ending.code == INTERRUPTED:  # Typer has turned Ctrl-C into this
            _interrupted()
        if not ending.code:
            sys.stdout.flush()
        raise
    sys.stdout.flush()


def _stop(slug: str, message: str, remedy: str) -> NoReturn:
    remarks.print(f"[bold red]{slug}[/] ", end="")
    remarks.print(message, markup=False, highlight=False)
    if remedy:
        remarks.print(f"→ {remedy}", markup=False, highlight=False)
    sys.exit(2)


def command(line: str, **options: Path | str | None) -> str:
    """A command to run next, with the options that were given to this one, but for secrets."""
    named = {name: str(index_address(value)) for name, value in options.items() if value}
    given = [f"--{name} {shlex.quote(value)}" for name, value in named.items()]
    return " ".join([f"citydip {line}", *given])


def _interrupted() -> None:
    remarks.print("Interrupted; nothing is lost.")


def _forget_output() -> None:
    """What could not be written is not tried again when the interpreter ends."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # no real file stands behind it
        return


def _terminated(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt
