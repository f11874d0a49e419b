"""What the benchmarks share: synthetic passages, percentiles, the table and its machine."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from citydip_rag.embedding import Embedder, Encoding, TokenVectors

ROOT = Path(__file__).resolve().parents[2]
CITYDIP = [sys.executable, "-c", "from citydip_rag.cli import main; main()"]
Row = tuple[str, float, str]
"""What was measured, the figure, its unit."""


class NoisyEmbedder(Embedder):
    """Questions by the real model; passages as noisy copies of a few real encodings."""

    def __init__(self, real: Embedder, samples: Sequence[str]) -> None:
        self.real = real
        self.samples = real.embed_passages(samples)
        self.random = np.random.default_rng(0)

    name = property(lambda self: self.real.name)
    fingerprint = property(lambda self: self.real.fingerprint)
    dimension = property(lambda self: self.real.dimension)
    max_tokens = property(lambda self: self.real.max_tokens)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """As the real model does."""
        return self.real.count_tokens(texts)

    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        """As the real model does."""
        return self.real.embed_queries(texts)

    def embed_passages(
        self,
        texts: Sequence[str],
        headings: Sequence[str] = (),  # noqa: ARG002
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Encoding]:
        """A real passage's vectors, moved a little, for each text."""
        made = []
        for i, text in enumerate(texts):
            sample = self.samples[int(self.random.integers(len(self.samples)))]
            vector = sample.vector + 0.03 * self.random.standard_normal(self.dimension)
            tokens = TokenVectors(
                sample.tokens.vectors,
                np.minimum(sample.tokens.offsets, len(text)).astype(np.int32),
            )
            made.append(Encoding((vector / np.linalg.norm(vector)).astype(np.float32), tokens))
            if progress is not None:
                progress(i + 1, len(texts))
        return made


@contextmanager
def served(
    index: Path, command: Sequence[str] = (*CITYDIP, "serve")
) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`citydip serve`, or another command with its options, on a free port; ended afterwards."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--index", str(index)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(timeout=60)


def resident_mib(process: subprocess.Popen[bytes]) -> float:
    """Resident memory of a process, in MiB."""
    status = Path(f"/proc/{process.pid}/status")
    if not status.is_file():
        pages = subprocess.check_output(["ps", "-o", "rss=", "-p", str(process.pid)])
        return int(pages) / 1024
    line = next(x for x in status.read_text().splitlines() if x.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def percentile(values: Sequence[float], share: float) -> float:
    """A percentile of some figures."""
    return float(np.percentile(values, share * 100))


def machine() -> str:
    """What these figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = lines[0].split(":", 1)[1].strip() if lines else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def show(rows: Sequence[Row], path: Path) -> None:
    """Print the figures and write them as JSON."""
    table = Table("what", "value", "unit", title=machine(), title_justify="left")
    for what, value, unit in rows:
        table.add_row(what, f"{value:,.1f}", unit)
    Console().print(table)
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {"machine": machine(), "rows": rows}
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
