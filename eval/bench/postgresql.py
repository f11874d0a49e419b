"""The same index in files and in PostgreSQL: search times, answers, and what a failure costs.

    python eval/bench/postgresql.py                            # a server of its own, 20k and 100k
    python eval/bench/postgresql.py --address postgresql://…  # an empty database of yours

Passages are made of real sentences in random order; their vectors are real passages' vectors with
noise added, so that 100,000 are indexed in minutes; the answers are compared on real data as well.
Both kinds hold the very same index: the second is `citydip index copy` of the first. A search is
all that an answer asks of its index: both first stages, the passages, their token vectors, and the
alignment.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
from bench_common import ROOT, NoisyEmbedder, Row, percentile, show

from citydip_rag.copying import copy_index
from citydip_rag.corpus import FileFailure, read_folder
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.embedding import Embedder, Encoding, TokenVectors, load_embedder
from citydip_rag.engine import Engine
from citydip_rag.evaluation.collection import whole_passage
from citydip_rag.evaluation.datasets import BeirDataset, load_beir
from citydip_rag.index import Index, place_of
from citydip_rag.indexing import index_folder, index_passages
from citydip_rag.retrieval import HybridStage, Query, Retriever, TokenAlignmentReranker
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.schema import Answer
from citydip_rag.settings import DatabaseAddress, Settings, load_settings

TOKENS = 40
"""Kept of each passage, so that 100,000 fit on a small disk; ranking looks at them all the same."""
SENTENCES = 5
"""In a passage."""
SAMPLES = 400
ROUNDS = 2
TIMED = 50
"""Questions of those whose answers are compared."""
TOP = 5


class ShortEmbedder(NoisyEmbedder):
    """Passages as noisy copies of real ones, with fewer tokens."""

    def __init__(self, real: Embedder, samples: Sequence[str]) -> None:
        super().__init__(real, samples)
        self.samples = [
            Encoding(s.vector, TokenVectors(s.tokens.vectors[:TOKENS], s.tokens.offsets[:TOKENS]))
            for s in self.samples
        ]


def sentences(corpus: Path | None) -> list[str]:
    """Of the article, and of the passages of a BEIR folder."""
    texts = [d.text for d in read_folder(ROOT / "seeds") if not isinstance(d, FileFailure)]
    if corpus is not None:
        lines = (corpus / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
        texts += [json.loads(line)["text"] for line in lines if line]
    return [x[s.start : s.end] for x in texts for s in sentence_spans(x, 0, len(x))]


def questions(corpus: Path | None) -> list[str]:
    """Of our suite, and of a BEIR folder."""
    files = [ROOT / "eval" / "questions" / "diplomasi-kota.jsonl"]
    asked = [json.loads(x)["question"] for f in files for x in f.read_text("utf-8").splitlines()]
    if corpus is not None:
        lines = (corpus / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        asked += [json.loads(line)["text"] for line in lines[:100]]
    return asked


def build(settings: Settings, embedder: Embedder, pool: Sequence[str], count: int) -> float:
    """An index of so many passages, twenty to a document: seconds."""
    chance = random.Random(count)  # noqa: S311
    made = [
        whole_passage(f"{i}", "", f"Nomor {i}. {' '.join(chance.choices(pool, k=SENTENCES))}")
        for i in range(count)
    ]
    begun = time.perf_counter()
    index_passages(settings, embedder, [d for d, _ in made], [p for _, p in made])
    return time.perf_counter() - begun


def timed(index: Index, queries: Sequence[Query], clients: int) -> list[float]:
    """Milliseconds of each search."""
    retriever = Retriever(HybridStage(), TokenAlignmentReranker())

    def search(query: Query) -> float:
        begun = time.perf_counter()
        retriever.search(index, query, TOP)
        return (time.perf_counter() - begun) * 1000

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(search, queries))  # warm
        return [ms for _ in range(ROUNDS) for ms in pool.map(search, queries)]


def found(index: Index, queries: Sequence[Query]) -> list[list[str]]:
    """Ids of the best passages of each question."""
    retriever = Retriever(HybridStage(), TokenAlignmentReranker())
    return [[c.passage.id for c in retriever.search(index, query, TOP)] for query in queries]


def stages(index: Index, queries: Sequence[Query]) -> Iterator[tuple[str, float]]:
    """Median milliseconds of each thing that is asked of an index."""
    numbers = np.array(index.store.numbers()[:20], dtype=np.int64)
    parts = {
        "vectors.search": lambda q: index.vectors.search(q.vector, 20),
        "words.search": lambda q: index.words.search(q.text, 20),
        "vectors.score": lambda q: index.vectors.score(q.vector, numbers),
        "words.score": lambda q: index.words.score(q.text, numbers),
        "passages": lambda _: index.store.passages(numbers.tolist()),
        "tokens": lambda _: index.tokens.of(numbers.tolist()),
    }
    for name, part in parts.items():
        times = []
        for query in queries:
            begun = time.perf_counter()
            part(query)
            times.append((time.perf_counter() - begun) * 1000)
        yield name, percentile(times, 0.5)


def compare(
    settings: Settings, database: DatabaseAddress, embedder: Embedder, asked: Sequence[str]
) -> Iterator[Row]:
    """Both kinds, one after the other, over the same index."""
    lists = []
    for kind, address in (("files", settings.index), ("PostgreSQL", database)):
        place = place_of(address)
        begun = time.perf_counter()
        index = place.open(embedder)
        size = f"{len(index):,} passages, {kind}"
        yield f"{size}: open", (time.perf_counter() - begun) * 1000, "ms"
        queries = [encode_query(embedder, index, question) for question in asked]
        for name, value in stages(index, queries[:TIMED]):
            yield f"{size}: {name} p50", value, "ms"
        for clients in (1, 8):
            times = timed(index, queries[:TIMED], clients)
            yield f"{size}: search p50, {clients} client(s)", percentile(times, 0.5), "ms"
            yield f"{size}: search p95, {clients} client(s)", percentile(times, 0.95), "ms"
        lists.append(found(index, queries))
        index.close()
        place.close()
    yield from agreement(size.removesuffix(", PostgreSQL"), lists)


def answers(settings: Settings, database: DatabaseAddress, embedder: Embedder) -> Iterator[Row]:
    """Our suite's questions about the article, answered from both kinds."""
    index_folder(settings, embedder)
    copy_index(settings.index, database, overwrite=True)
    asked = questions(None)
    said: list[list[Answer]] = []
    for kind, address in (("files", settings.index), ("PostgreSQL", database)):
        engine = Engine.open(settings.model_copy(update={"index": address}), embedder)
        said.append([asyncio.run(engine.ask(question)) for question in asked])
        engine.close()
        times = [answer.timings_ms["total"] for answer in said[-1]]
        yield f"{len(asked)} suite questions, {kind}: ask p50", percentile(times, 0.5), "ms"
    same = np.mean([a.answer == b.answer for a, b in zip(*said, strict=True)])
    yield f"{len(asked)} suite questions: same answer", 100 * float(same), "%"


def judged(
    settings: Settings, database: DatabaseAddress, embedder: Embedder, data: BeirDataset
) -> Iterator[Row]:
    """A BEIR data set, embedded by the real model: R@1 of both kinds, and how they agree."""
    made = [whole_passage(i, title, text) for i, (title, text) in data.corpus.items()]
    index_passages(settings, embedder, [d for d, _ in made], [p for _, p in made])
    copy_index(settings.index, database, overwrite=True)
    lists = []
    for kind, address in (("files", settings.index), ("PostgreSQL", database)):
        place = place_of(address)
        index = place.open(embedder)
        queries = [encode_query(embedder, index, question) for question in data.queries.values()]
        lists.append(found(index, queries))
        place.close()
        right = [one[0] in data.qrels[i] for i, one in zip(data.queries, lists[-1], strict=True)]
        yield (
            f"{data.name}, {len(queries)} questions, {kind}: R@1",
            100 * float(np.mean(right)),
            "%",
        )
    yield from agreement(data.name, lists)


def agreement(name: str, lists: Sequence[Sequence[Sequence[str]]]) -> Iterator[Row]:
    """How far two kinds find the same passages."""
    pairs = list(zip(*lists, strict=True))
    first = np.mean([a[:1] == b[:1] for a, b in pairs])
    shared = np.mean([len({*a} & {*b}) / max(len(a), 1) for a, b in pairs])
    yield f"{name}: same first passage", 100 * float(first), "%"
    yield f"{name}: shared among the first {TOP}", 100 * float(shared), "%"


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--address", help="A database to fill; default: a server of its own.")
    parser.add_argument("--beir", type=Path, help="Folder of a BEIR data set, for its texts too.")
    parser.add_argument("--json", type=Path, default=ROOT / "eval" / "out" / "postgres.json")
    options = parser.parse_args()
    real = load_embedder()
    pool, asked = sentences(options.beir), questions(options.beir)
    rows: list[Row] = []
    with ExitStack() as stack:
        address = DatabaseAddress(options.address or stack.enter_context(own_server()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        rows += answers(load_settings(index=folder / "article"), address, real)
        if options.beir:
            data = load_beir(options.beir)
            rows += judged(load_settings(index=folder / "beir"), address, real, data)
        show(rows, options.json)
        for size in options.sizes:
            settings = load_settings(index=folder / f"{size}")
            embedder = ShortEmbedder(real, random.Random(0).choices(pool, k=SAMPLES))  # noqa: S311
            seconds = build(settings, embedder, pool, size)
            rows.append((f"{size:,} passages: index in files", seconds, "s"))
            begun = time.perf_counter()
            copy_index(settings.index, address, overwrite=True)
            rows.append((f"{size:,} passages: copy", time.perf_counter() - begun, "s"))
            rows += compare(settings, address, embedder, asked)
            show(rows, options.json)


@contextmanager
def own_server() -> Iterator[str]:
    """A real PostgreSQL, of the wheel that the tests use: its address."""
    sys.path.insert(0, str(ROOT / "tests"))
    from postgres import postgres

    with postgres() as server:
        yield server.address()


if __name__ == "__main__":
    main()
