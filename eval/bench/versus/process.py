"""The driver's end of a worker."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Any, Final, Self

from versus.adapters.base import Setup

BENCH: Final = Path(__file__).resolve().parents[1]
OFFLINE: Final = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""Nothing may be fetched; NLTK's and tiktoken's files come inside llama-index-core."""


class SystemFailedError(Exception):
    """A system did not do what it was asked; the reason is the library's own."""


class WorkerProcess:
    """A fresh process with one system; a context manager that ends it."""

    def __init__(self, python: Path, system: str, setup: Setup, log: Path) -> None:
        """Start it; `begun` is the moment before."""
        log.parent.mkdir(parents=True, exist_ok=True)
        # Appended, so that no module of ours shadows a library's.
        code = f"import sys; sys.path.append({str(BENCH)!r});from versus.worker import main; main()"
        self.system = system
        self.begun = perf_counter()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [str(python), "-P", "-c", code, system, json.dumps(asdict(setup))],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                cwd=log.parent,
                env=environment(os.environ),
                text=True,
                encoding="utf-8",
            )
        self._answers: queue.Queue[str] = queue.Queue()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._process.kill()
        self._listener.join()
        with suppress(BrokenPipeError):  # what was not yet written is not wanted
            self._process.__exit__(kind, error, trace)

    def call(self, action: str, /, timeout: float = 1200, **arguments: Any) -> Any:
        """Have something done.

        Raises:
            SystemFailedError: it failed, ended, or took too long.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps({"do": action, **arguments}) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=timeout)
        except BrokenPipeError:
            line = ""
        except queue.Empty:
            self._process.kill()
            raise SystemFailedError(f"{action} took more than {timeout:.0f} s") from None
        if not line:
            raise SystemFailedError(f"its process ended while at {action}; see the log")
        answer = json.loads(line)
        if "error" in answer:
            raise SystemFailedError(f"{action}: {answer['error']}")
        return answer["ok"]

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """The variables of a worker: offline, and without settings of ours."""
    kept = {name: value for name, value in given.items() if not name.startswith("CITYDIP_")}
    return kept | OFFLINE
