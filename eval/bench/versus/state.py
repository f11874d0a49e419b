"""What a run has found so far, on disk after every step."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from versus.process import SystemFailedError

logger = logging.getLogger(__name__)


class State:
    """Results by step and system, and what failed."""

    def __init__(self, path: Path) -> None:
        """Begin with nothing; `resumed` goes on with a file."""
        self.path = path
        self.results: dict[str, dict[str, Any]] = {}
        self.failures: list[dict[str, str]] = []

    @classmethod
    def resumed(cls, path: Path) -> Self:
        """Go on with a run; what failed in it is tried again."""
        state = cls(path)
        if path.is_file():
            state.results = json.loads(path.read_text("utf-8"))["results"]
        return state

    def has(self, step: str, system: str) -> bool:
        """Whether this is known already."""
        return system in self.results.get(step, {})

    def of(self, step: str) -> dict[str, Any]:
        """A step's results, by system."""
        return self.results.get(step, {})

    def put(self, step: str, system: str, result: Any) -> None:
        """Keep a result."""
        self.results.setdefault(step, {})[system] = result
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {"results": self.results, "failures": self.failures}
        self.path.write_text(json.dumps(content), encoding="utf-8")

    @contextmanager
    def attempt(self, step: str, system: str) -> Iterator[None]:
        """A failure within is noted, and the others go on."""
        logger.info("%s: %s", step, system)
        try:
            yield
        except SystemFailedError as error:
            logger.warning("%s: %s failed: %s", step, system, error)
            self.failures.append({"step": step, "system": system, "reason": str(error)})
