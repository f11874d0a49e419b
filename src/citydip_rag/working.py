"""Threads of our own for what questions compute, so that whoever serves them never blocks.

The event loop's own pool serves others, too, and has as many threads as the library thinks fit.
Each of ours holds Python's lock for much of its time: more of them than processors would only take
turns, and whatever else the process does would wait for all of them.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

MOST_THREADS: Final = 8
"""For searching, however many processors there are."""
_CHECKING: Final = 2
"""Sentences that are checked at the same time, of all answers: the search has threads of its own,
and whoever waits for something else is to get a turn."""


async def searching(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `asyncio.to_thread` does, in a thread for searching."""
    return await _run(_searchers(), partial(work, *args, **kwargs))


async def checking(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same in a thread for checking what a model writes."""
    return await _run(_checkers(), partial(work, *args, **kwargs))


def processors() -> int:
    """How many this process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1


async def _run(threads: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    context = contextvars.copy_context()
    return await asyncio.get_running_loop().run_in_executor(threads, context.run, work)


@cache
def _searchers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(processors(), MOST_THREADS), thread_name_prefix="searching")


@cache
def _checkers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_CHECKING, thread_name_prefix="checking")
