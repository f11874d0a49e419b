"""Speed and memory, as one table: `make bench`, or `python eval/bench/run.py --help`.

Everything runs on this machine over loopback. Searches at large sizes run on synthetic passages:
real passages' vectors with noise added, as many tokens each, so that an index of 100,000 passages
is built in minutes; the questions, their encoding and the code path are the real ones.

To measure the bundled model on torch: `CITYDIP_EMBEDDING_DTYPE=bfloat16 python eval/bench/run.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from bench_common import (
    CITYDIP,
    ROOT,
    NoisyEmbedder,
    Row,
    percentile,
    resident_mib,
    served,
    show,
)
from rich.console import Console

from citydip_rag.corpus import FileFailure, PassageMaker, read_folder
from citydip_rag.embedding import Embedder
from citydip_rag.engine import Engine
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.indexing import index_folder, index_passages
from citydip_rag.parts import make_embedder
from citydip_rag.settings import Settings, load_settings

QUESTIONS = ROOT / "eval" / "questions" / "diplomasi-kota.dev.jsonl"


def questions(count: int) -> list[str]:
    """The article's dev questions, repeated as often as needed."""
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["question"] for line in lines if line]
    return [texts[i % len(texts)] for i in range(count)]


def first_answer(address: str, begun: float) -> float:
    """Seconds from the start of the process to its first answer."""
    while time.perf_counter() - begun < 120:
        try:
            response = httpx.post(f"{address}/ask", json={"question": questions(1)[0]}, timeout=30)
            response.raise_for_status()
            return time.perf_counter() - begun
        except httpx.TransportError:
            time.sleep(0.05)
    raise TimeoutError("the server did not answer within two minutes")


async def load(address: str, clients: int, count: int) -> tuple[list[float], list[float]]:
    """Milliseconds of each `/ask`, seen by the client, and the engine's own without embedding."""
    pending = iter(questions(count))
    seen: list[float] = []
    own: list[float] = []

    async def client(session: httpx.AsyncClient) -> None:
        for question in pending:
            begun = time.perf_counter()
            response = await session.post(f"{address}/ask", json={"question": question})
            seen.append((time.perf_counter() - begun) * 1000)
            timings = response.json()["timings_ms"]
            own.append(timings["total"] - timings["embed"])

    async with httpx.AsyncClient(timeout=60) as session:
        await asyncio.gather(*(client(session) for _ in range(clients)))
    return seen, own


def measure_server(settings: Settings, count: int) -> Iterator[Row]:
    """Start-up, memory, latency and the engine's own work."""
    begun = time.perf_counter()
    with served(settings.index) as (address, process):
        yield "citydip serve to first answer", first_answer(address, begun), "s"
        asyncio.run(load(address, 1, 20))
        for clients in (1, 16):
            seen, own = asyncio.run(load(address, clients, count))
            yield f"/ask p50, {clients} client(s)", percentile(seen, 0.5), "ms"
            yield f"/ask p95, {clients} client(s)", percentile(seen, 0.95), "ms"
            if clients == 1:
                yield "engine's own work p50 (article)", statistics.median(own), "ms"
        yield "resident memory", resident_mib(process), "MiB"


def measure_command(settings: Settings) -> Row:
    """`citydip ask` from its start to its end, the quickest of five."""
    taken = []
    for question in questions(5):
        begun = time.perf_counter()
        command = [*CITYDIP, "ask", question, "--index", str(settings.index)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - begun)
    return "citydip ask, cold", min(taken), "s"


def measure_questions(embedder: Embedder, count: int) -> Iterator[Row]:
    """Milliseconds that embedding one question takes, alone and among sixteen at once."""

    def timed(question: str) -> float:
        begun = time.perf_counter()
        embedder.embed_queries([question])
        return (time.perf_counter() - begun) * 1000

    asked = questions(count)
    for question in asked[:20]:
        timed(question)
    for at_once in (1, 16):
        with ThreadPoolExecutor(at_once) as pool:
            begun = time.perf_counter()
            taken = list(pool.map(timed, asked))
        yield f"a question embedded p50, {at_once} at once", percentile(taken, 0.5), "ms"
        yield f"a question embedded p95, {at_once} at once", percentile(taken, 0.95), "ms"
        rate = count / (time.perf_counter() - begun)
        yield f"questions embedded, {at_once} at once", rate, "1/s"


def measure_embedding(embedder: Embedder, samples: Sequence[str], count: int) -> Row:
    """Passages embedded a second, of the article's lengths."""
    texts = [samples[i % len(samples)] + f" {i}" for i in range(count)]
    embedder.embed_passages(texts[:16])
    begun = time.perf_counter()
    embedder.embed_passages(texts)
    return "passages embedded", count / (time.perf_counter() - begun), "1/s"


def measure_search(
    settings: Settings, embedder: NoisyEmbedder, samples: Sequence[str], size: int
) -> Iterator[Row]:
    """The engine's own work on a question over an index of this many passages."""
    words = " ".join(samples).split()
    random = np.random.default_rng(1)
    pairs = []
    for number in range(size):
        text = " ".join(random.choice(words, 75))
        pairs.append(whole_passage(f"p{number}", "", f"{text} {number}."))
    with tempfile.TemporaryDirectory(prefix="citydip-bench-") as folder:
        local = settings.model_copy(update={"index": Path(folder)})
        index_passages(local, embedder, [d for d, _ in pairs], [p for _, p in pairs])
        begun = time.perf_counter()
        engine = Engine.open(local, embedder)
        yield f"opening an index of {size:,} passages", time.perf_counter() - begun, "s"
        own = []
        for question in questions(70):
            answer = asyncio.run(engine.ask(question))
            own.append(answer.timings_ms["total"] - answer.timings_ms["embed"])
        yield f"engine's own work p50 at {size:,} passages", statistics.median(own[10:]), "ms"
        yield f"engine's own work p95 at {size:,} passages", percentile(own[10:], 0.95), "ms"
        engine.close()


def main() -> None:
    """Measure, print, and write the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="index sizes, by commas")
    parser.add_argument("--questions", type=int, default=200, help="questions a latency is from")
    parser.add_argument("--json", type=Path, default=ROOT / "eval" / "out" / "bench.json")
    options = parser.parse_args()
    console = Console()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="citydip-bench-") as folder:
        settings = load_settings(seeds=ROOT / "seeds", index=Path(folder) / "index")
        embedder = make_embedder(settings)
        maker = PassageMaker(embedder.count_tokens)
        documents = [d for d in read_folder(settings.seeds) if not isinstance(d, FileFailure)]
        samples = [p.text for document in documents for p in maker.passages(document)]
        rows += measure_questions(embedder, options.questions)
        rows.append(measure_embedding(embedder, samples, 200))
        index_folder(settings, embedder)
        rows.append(measure_command(settings))
        rows += measure_server(settings, options.questions)
        noisy = NoisyEmbedder(embedder, samples)
        for size in (int(part) for part in options.sizes.split(",") if part):
            with console.status(f"{size:,} passages"):
                rows += measure_search(settings, noisy, samples, size)
    show(rows, options.json)


if __name__ == "__main__":
    main()
