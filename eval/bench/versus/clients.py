"""Several clients at once in one process, each a thread that takes the next question."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import perf_counter
from typing import Any


@dataclass(frozen=True, slots=True)
class Run:
    """What clients saw.

    Attributes:
        results: of each question, in their order; None where it failed.
        ms: milliseconds of each that did not fail.
        seconds: for all.
        failed: how many did.
    """

    results: list[Any]
    ms: list[float]
    seconds: float
    failed: int


def run_clients(work: Callable[[str], Any], queries: Sequence[str], clients: int) -> Run:
    """Do this with every query, with as many threads as there are clients."""
    pending = iter(enumerate(queries))  # `next` of an enumeration is atomic
    results: list[Any] = [None] * len(queries)
    taken: list[float | None] = [None] * len(queries)

    def client() -> None:
        for number, query in pending:
            begun = perf_counter()
            try:
                results[number] = work(query)
            except Exception:  # noqa: BLE001  # what a library cannot do is counted
                traceback.print_exc()
            else:
                taken[number] = (perf_counter() - begun) * 1000

    begun = perf_counter()
    if clients == 1:
        client()
    else:
        with ThreadPoolExecutor(clients) as pool:
            for future in [pool.submit(client) for _ in range(clients)]:
                future.result()
    seconds = perf_counter() - begun
    ms = [value for value in taken if value is not None]
    return Run(results, ms, seconds, len(queries) - len(ms))
