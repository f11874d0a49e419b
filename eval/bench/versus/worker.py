"""One system in a process of its own: reads what to do from its input, a JSON object a line.

Each line is `{"do": name, ...arguments}`, and each is answered by one line, `{"ok": result}` or
`{"error": reason}`. Whatever the libraries print goes to the log.
"""

from __future__ import annotations

import cProfile
import io
import json
import os
import pstats
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any, TextIO

from versus.adapters import Listener, Passage, Server, Setup, System, load
from versus.clients import run_clients
from versus.memory import peak_mib, resident_mib

_PROFILED = 14
"""Lines of a profile that are told."""


class Worker:
    """A system, and what may be done with it."""

    def __init__(self, system: System) -> None:
        """Take a system that has loaded nothing."""
        self.system = system
        self.passages: list[Passage] = []

    def hello(self) -> dict[str, float]:
        """Its library has been imported."""
        return {"resident_mib": resident_mib()}

    def describe(self) -> dict[str, Any]:
        """What it is."""
        return {"description": self.system.description, "versions": self.system.versions()}

    def index(self, passages: str, folder: str, vectors: str = "") -> dict[str, float]:
        """Load the model, embed a little to be warm, index; passages come in a file."""
        given = None
        if vectors:
            import numpy as np

            given = np.load(vectors)
        lines = Path(passages).read_text("utf-8").splitlines()
        self.passages = [Passage(**json.loads(line)) for line in lines]
        begun = perf_counter()
        self.system.load(len(self.passages))
        loaded = perf_counter()
        (warming := Path(folder) / "warming").mkdir(parents=True)
        self.system.index(self.passages[:16], warming)
        (whole := Path(folder) / "whole").mkdir()
        started = perf_counter()
        self.system.index(self.passages, whole, given)
        seconds = perf_counter() - started
        return {
            "load_s": loaded - begun,
            "index_s": seconds,
            "passages_per_s": len(self.passages) / seconds,
            "peak_mib": peak_mib(),
            "disk_mib": sum(f.stat().st_size for f in whole.rglob("*") if f.is_file()) / 2**20,
        }

    def save_vectors(self, folder: str) -> str:
        """The file with the vectors of what was just indexed; only ours has this."""
        ours: Any = self.system
        return str(ours.save_vectors(self.passages, Path(folder) / "whole"))

    def open(self, folder: str, server: dict[str, Any] | None = None) -> dict[str, float]:
        """Open a saved index, with its model, and with a model server where one is given."""
        self.system.server = Server(**server) if server else None
        self.system.open(Path(folder) / "whole")
        return {"resident_mib": resident_mib()}

    def search(self, queries: list[str], k: int, clients: int) -> dict[str, Any]:
        """Search for each, by so many threads."""
        run = run_clients(lambda query: self.system.search(query, k), queries, clients)
        return {"found": run.results, "ms": run.ms, "seconds": run.seconds, "failed": run.failed}

    def embed(self, queries: list[str]) -> dict[str, Any]:
        """Embed each and nothing else."""
        return {"ms": run_clients(self.system.embed, queries, 1).ms}

    def ask(self, question: str) -> dict[str, Any]:
        """Milliseconds to the first text that stays, and to the whole answer."""
        listener = Listener()
        answer = self.system.ask(question, listener)
        whole = listener.elapsed_ms
        first = whole if listener.first_ms is None else listener.first_ms
        return {"first_ms": first, "whole_ms": whole, "answer": answer}

    def memory(self) -> dict[str, float]:
        """Peak and present resident memory of this process."""
        return {"peak_mib": peak_mib(), "resident_mib": resident_mib()}

    def profile(self, queries: list[str], k: int) -> str:
        """Where the time of these searches goes, by function."""
        profiler = cProfile.Profile()
        for query in queries:
            profiler.runcall(self.system.search, query, k)
        text = io.StringIO()
        stats = pstats.Stats(profiler, stream=text).strip_dirs()
        stats.sort_stats("tottime").print_stats(_PROFILED)
        return text.getvalue()


ACTIONS = frozenset(name for name in vars(Worker) if not name.startswith("_"))


def _done(worker: Worker, action: str, request: dict[str, Any]) -> Any:
    if action not in ACTIONS:
        raise ValueError(f"there is nothing called {action!r} to do")
    return getattr(worker, action)(**request)


def serve(name: str, setup: Setup, lines: TextIO, reply: Callable[[str], None]) -> None:
    """Answer each line until there are no more."""
    worker: Worker | None = None
    for line in lines:
        request = json.loads(line)
        action = request.pop("do")
        try:
            worker = worker or Worker(load(name)(setup))
            answer = {"ok": _done(worker, action, request)}
        except Exception as error:  # noqa: BLE001  # a library may fail in any way, and all are told
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        reply(json.dumps(answer))


def main() -> None:
    """Serve standard input; standard output is kept for the answers."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def reply(line: str) -> None:
        answers.write(line + "\n")
        answers.flush()

    serve(sys.argv[1], Setup(**json.loads(sys.argv[2])), sys.stdin, reply)


if __name__ == "__main__":
    main()
