"""`citydip index --watch`: the index follows the folder until Ctrl-C."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from time import sleep
from typing import TYPE_CHECKING

from citydip_rag.cli import show
from citydip_rag.cli.console import remarks, stage_bar, status
from citydip_rag.errors import CitydipError, IndexBusyError
from citydip_rag.settings import Settings

if TYPE_CHECKING:
    from citydip_rag.indexing import IndexReport

_BUSY_SECONDS = 2.0
"""Until it is tried again while another process writes the index."""
_LOOK_MILLISECONDS = 30_000
_SETTLED_MILLISECONDS = 1_000
"""A folder counts as changed when nothing has happened in it for so long."""


def follow(settings: Settings, *, rebuild: bool, ended: threading.Event | None = None) -> None:
    """Index the folder now and whenever it changes.

    What goes wrong in one run (an empty folder, another process that writes) is said, and the next
    change is waited for.

    Args:
        settings: say where folder and index are.
        rebuild: whether the first run does everything anew.
        ended: set to end it; else it goes on until it is interrupted.
    """
    from citydip_rag.indexing import index_folder
    from citydip_rag.parts import make_embedder

    with status("Loading the model"):
        index = partial(index_folder, settings, make_embedder(settings))
    _run(partial(index, rebuild=rebuild))
    remarks.print(f"Watching {settings.seeds.name}; Ctrl-C ends it.", markup=False)
    for _ in _changes(settings, ended):
        _run(index)


def _changes(settings: Settings, ended: threading.Event | None) -> Iterator[object]:
    from watchfiles import watch

    return watch(
        settings.seeds,
        stop_event=ended,
        debounce=_SETTLED_MILLISECONDS,
        raise_interrupt=True,
        rust_timeout=_LOOK_MILLISECONDS,
        yield_on_timeout=True,  # in case something happened while nobody was watching
        ignore_permission_denied=True,
    )


def _run(index: Callable[..., IndexReport]) -> None:
    try:
        with stage_bar() as step:
            report = index(progress=step)
    except IndexBusyError:  # a server that was sent a file, for instance
        sleep(_BUSY_SECONDS)
        _run(index)
        return
    except CitydipError as error:
        remarks.print(f"{error.message} {error.remedy}", markup=False, highlight=False)
        return
    if report.changed:
        show.index_report(report)
