"""What the benchmarks share: synthetic passages, percentiles, the table and its machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from citydip_rag.embedding import Embedder, Encoding, TokenVectors

ROOT = Path(__file__).resolve().parents[2]
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
