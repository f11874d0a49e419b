"""The steps of a run: indexing, cold starts, searches, quality, answers."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from itertools import islice
from time import perf_counter
from typing import Any, Final

from versus.adapters.base import Server
from versus.figures import OURS
from versus.material import Dataset, Material, write_passages
from versus.plan import CLIENTS, DEPTH, SHARED_FROM, Plan
from versus.process import SystemFailedError, WorkerProcess
from versus.state import State

QUOTING: Final = "ours, quoting"
"""Ours without a language model, beside ours with one."""
_HOURS: Final = 3 * 3600.0
_CHECKED: Final = 16
"""Questions of the crowd that are asked again alone, to see whether the answers are the same."""

logger = logging.getLogger(__name__)


def start(plan: Plan, system: str) -> WorkerProcess:
    """A fresh process."""
    return WorkerProcess(plan.pythons[system], system, plan.setup, plan.log(system))


def describe(plan: Plan, state: State) -> None:
    """Versions and set-ups."""
    for system in [s for s in plan.systems if not state.has("describe", s)]:
        with state.attempt("describe", system), start(plan, system) as worker:
            state.put("describe", system, worker.call("describe", timeout=300))


def build(plan: Plan, state: State, material: Material, size: int) -> None:
    """Index so many passages, each system in a process of its own."""
    what, step = str(size), f"build@{size}"
    file = write_passages(material.passages(size), plan.passages(what))
    for system in plan.systems:
        if state.has(step, system):
            continue
        with state.attempt(step, system), start(plan, system) as worker:
            folder = plan.index(system, what)
            shutil.rmtree(folder, ignore_errors=True)
            given = "" if system == OURS or size < SHARED_FROM else _handed(state, step)
            worker.call("hello", timeout=300)
            imported = perf_counter() - worker.begun
            made = worker.call(
                "index", _HOURS, passages=str(file), folder=str(folder), vectors=given
            )
            if system == OURS and size >= SHARED_FROM:
                made["vectors"] = worker.call("save_vectors", folder=str(folder))
            cold = imported + made["load_s"] + made["index_s"]
            state.put(step, system, made | {"handed": bool(given), "cold_s": cold})


def _handed(state: State, step: str) -> str:
    try:
        return str(state.of(step)[OURS]["vectors"])
    except KeyError:
        raise SystemFailedError("there are no vectors of ours to hand over") from None


def cold(plan: Plan, state: State, question: str, size: int) -> None:
    """From the start of a process to its first result over a saved index."""
    step = f"cold@{size}"
    for system in [s for s in plan.systems if not state.has(step, s)]:
        with state.attempt(step, system):
            starts = [_first_result(plan, system, question, size) for _ in range(plan.starts)]
            state.put(step, system, starts)


def _first_result(plan: Plan, system: str, question: str, size: int) -> dict[str, float]:
    with start(plan, system) as worker:
        imported = worker.call("hello", timeout=300)
        at_import = perf_counter() - worker.begun
        opened = worker.call("open", folder=str(plan.index(system, str(size))))
        at_open = perf_counter() - worker.begun
        answer = worker.call("search", queries=[question], k=DEPTH, clients=1)
        at_result = perf_counter() - worker.begun
        if answer["failed"]:
            raise SystemFailedError("the first search failed; see the log")
    return {
        "imported_s": at_import,
        "opened_s": at_open - at_import,
        "searched_s": at_result - at_open,
        "seconds": at_result,
        "imported_mib": imported["resident_mib"],
        "opened_mib": opened["resident_mib"],
    }


def search(plan: Plan, state: State, questions: Sequence[str], size: int) -> None:
    """Searches by one and by sixteen clients; all are open, and take turns in each round."""
    step = f"search@{size}"
    waiting = [s for s in plan.systems if not state.has(step, s)]
    runs: dict[str, dict[str, Any]] = {}
    with ExitStack() as stack:
        workers = {}
        for system in waiting:
            with state.attempt(step, system):
                worker = stack.enter_context(start(plan, system))
                worker.call("open", folder=str(plan.index(system, str(size))))
                workers[system] = worker
                runs[system] = {str(n): {"ms": [], "failed": 0} for n in CLIENTS}
        asked = _Questions(questions)
        warming = asked.take(plan.warming)
        rounds = [(asked.take(plan.single), asked.take(plan.crowd)) for _ in range(plan.rounds)]
        for number, pair in enumerate([(warming, warming), *rounds]):
            for system in list(workers):
                with state.attempt(step, system):
                    try:
                        _turn(workers[system], runs[system], pair, counted=number > 0)
                    except SystemFailedError:
                        del workers[system]
                        raise
        for system, worker in workers.items():
            with state.attempt(step, system):
                memory = worker.call("memory")
                embedding = worker.call("embed", queries=rounds[-1][0])["ms"]
                state.put(step, system, runs[system] | memory | {"embed_ms": embedding})


def _turn(
    worker: WorkerProcess, run: dict[str, Any], pair: tuple[list[str], list[str]], *, counted: bool
) -> None:
    for clients, queries in zip(CLIENTS, pair, strict=True):
        answer = worker.call("search", queries=queries, k=DEPTH, clients=clients)
        if counted:
            kept = run[str(clients)]
            kept["ms"] += answer["ms"]
            kept["failed"] += answer["failed"]
            kept["seconds"] = kept.get("seconds", 0.0) + answer["seconds"]
    alone = worker.call("search", queries=pair[1][:_CHECKED], k=DEPTH, clients=1)
    run["differing"] = run.get("differing", 0) + sum(
        a != b for a, b in zip(alone["found"], answer["found"], strict=False)
    )


class _Questions:
    """Hands out questions, none twice before all have been asked."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._pending = _endless(questions)

    def take(self, count: int) -> list[str]:
        return list(islice(self._pending, count))


def _endless(questions: Sequence[str]) -> Iterator[str]:
    while True:
        yield from questions


def profile(plan: Plan, state: State, questions: Sequence[str], size: int) -> None:
    """Where the time of our searches goes, by function."""
    with state.attempt("profile", OURS), start(plan, OURS) as worker:
        worker.call("open", folder=str(plan.index(OURS, str(size))))
        worker.call("search", queries=list(questions[: plan.warming]), k=DEPTH, clients=1)
        text = worker.call("profile", queries=list(questions[: plan.single]), k=DEPTH)
        state.put(f"profile@{size}", OURS, text)


def quality(plan: Plan, state: State, dataset: Dataset) -> None:
    """What is found for the queries of a data set."""
    step = f"quality@{dataset.name}"
    file = write_passages(dataset.passages, plan.passages(dataset.name))
    for system in [s for s in plan.systems if not state.has(step, s)]:
        with state.attempt(step, system), start(plan, system) as worker:
            folder = plan.index(system, dataset.name)
            shutil.rmtree(folder, ignore_errors=True)
            made = worker.call("index", _HOURS, passages=str(file), folder=str(folder))
            worker.call("open", folder=str(folder))
            queries = list(dataset.queries.values())
            found = worker.call("search", _HOURS, queries=queries, k=DEPTH, clients=1)
            run = dict(zip(dataset.queries, found["found"], strict=True))
            state.put(step, system, {"found": run, "failed": found["failed"]} | made)


def answers(plan: Plan, state: State, questions: Sequence[str], size: int, server: Server) -> None:
    """Whole answers with the same model server, from the index of so many passages."""
    given = asdict(server)
    variants: list[tuple[str, str, dict[str, Any] | None]] = [(QUOTING, OURS, None)]
    variants += [(system, system, given) for system in plan.systems]
    for name, system, llm in [v for v in variants if v[1] in plan.pythons]:
        if state.has("answers", name):
            continue
        with state.attempt("answers", name), start(plan, system) as worker:
            worker.call("open", folder=str(plan.index(system, str(size))), server=llm)
            first = worker.call("ask", question=questions[0])
            seconds = perf_counter() - worker.begun
            asked = [worker.call("ask", question=question) for question in questions[1:]]
            state.put("answers", name, {"cold_s": seconds, "first": first, "asked": asked})
