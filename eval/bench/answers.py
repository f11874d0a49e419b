"""How long answers take, to the first word and whole, and what checking costs.

`python eval/bench/answers.py --help`. Without a model's file only quotations are measured; with
one, a real model answers in this process: `--gguf FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench_common import ROOT, Row, percentile, show

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import load_embedder
from citydip_rag.events import Written
from citydip_rag.grounding import AlignmentVerifier
from citydip_rag.schema import Policy

QUESTIONS = (
    "What is the greatest challenge of city diplomacy?",
    "Apa tantangan terbesar diplomasi kota?",
    "What did mayors do about the Paris climate agreement?",
    "Mengapa walikota menjadi penting dalam diplomasi?",
)


def measure_checking(engine: Engine, claims: Path) -> Iterator[Row]:
    """Milliseconds for one sentence of a model against all passages that it was given."""
    verifier = AlignmentVerifier.for_index(engine.embedder, engine.index)
    passages = [c.passage for c in engine.retrieve(QUESTIONS[1], 5)]
    texts = [json.loads(line)["hypothesis"] for line in claims.read_text("utf-8").splitlines()]
    taken = []
    for text in texts:
        begun = time.perf_counter()
        verifier.support(text, passages)
        taken.append((time.perf_counter() - begun) * 1000)
    yield "checking one sentence, p50", percentile(taken, 0.5), "ms"
    yield "checking one sentence, p95", percentile(taken, 0.95), "ms"


async def ask(engine: Engine, question: str, generator: str) -> tuple[float, float]:
    """Milliseconds to the first piece of text and to the whole, checked answer."""
    begun = time.perf_counter()
    first = 0.0
    async for event in engine.stream(question, generator=generator, policy=Policy.STRICT):
        if isinstance(event, Written) and event.text and not first:
            first = time.perf_counter() - begun
    return first * 1000, (time.perf_counter() - begun) * 1000


async def measure_answers(
    engine: Engine, generator: str, clients: Sequence[int], rounds: int
) -> list[Row]:
    """Times at so many clients at once, each of which asks so many questions."""
    rows: list[Row] = []
    await ask(engine, QUESTIONS[0], generator)  # the model is loaded, the caches are warm

    async def client(number: int) -> list[tuple[float, float]]:
        return [
            await ask(engine, QUESTIONS[(number + turn) % len(QUESTIONS)], generator)
            for turn in range(rounds)
        ]

    for count in clients:
        results = await asyncio.gather(*(client(number) for number in range(count)))
        times = [pair for result in results for pair in result]
        for name, values in (
            ("first text", [first for first, _ in times if first]),
            ("whole answer", [whole for _, whole in times]),
        ):
            at = f"{generator}, {count} at once"
            rows.append((f"{at}: {name}, p50", percentile(values, 0.5), "ms"))
            rows.append((f"{at}: {name}, p95", percentile(values, 0.95), "ms"))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gguf", type=Path, help="a model's file")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=3, help="questions of each client")
    parser.add_argument("--tokens", type=int, default=80, help="of a model's answer at most")
    parser.add_argument(
        "--claims", type=Path, default=ROOT / "eval/claims/diplomasi-kota.dev.jsonl"
    )
    parser.add_argument("--json", type=Path, default=ROOT / "eval/out/bench-answers.json")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            seeds=ROOT / "seeds",
            index=Path(folder),
            llm_gguf=chosen.gguf,
            llm_max_tokens=chosen.tokens,
            llm_passages=2,
            llm_first_token_seconds=600,
            llm_total_seconds=1200,
            generator="llamacpp" if chosen.gguf else "extractive",
        )
        embedder = load_embedder()
        index_folder(settings, embedder)
        engine = Engine.open(settings, embedder)
        rows = list(measure_checking(engine, chosen.claims))

        async def measure() -> None:
            for generator in dict.fromkeys(("extractive", engine.generator.name)):
                rows.extend(await measure_answers(engine, generator, chosen.clients, chosen.rounds))
            await engine.generators.aclose()

        asyncio.run(measure())
        engine.close()
    show(rows, chosen.json)


if __name__ == "__main__":
    main()
