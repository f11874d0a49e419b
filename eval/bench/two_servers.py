"""One index over two PostgreSQL servers: the plan of a search, and its time.

    python eval/bench/two_servers.py --programs /usr/lib/postgresql/18/bin

Both servers are started here, on loopback. The first holds the index and half of its partitions;
the other half are moved to the second and become foreign partitions (postgres_fdw). `--programs`
names a folder of PostgreSQL's programs that has postgres_fdw and pgvector; the wheel that the tests
use has no postgres_fdw.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import psycopg
from bench_common import ROOT, percentile, show
from postgresql import TOP, ShortEmbedder, build, found, questions, sentences
from rich.console import Console

sys.path.insert(0, str(ROOT / "tests"))
from citydip_rag.embedding import load_embedder
from citydip_rag.index import Index
from citydip_rag.index.postgres.migrations import PARTITIONED, PARTITIONS, migrate
from citydip_rag.index.postgres.vectors import PostgresVectors, grow
from citydip_rag.retrieval import Query
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.settings import DatabaseAddress, load_settings
from postgres import postgres

ROUNDS = 1
TIMED = 30


def move_half(near: str, far: str) -> None:
    """Move the second half of all partitions to another server, and leave foreign ones."""
    with psycopg.connect(far, autocommit=True) as there:
        migrate(there)
    parts = urlsplit(far)
    with psycopg.connect(near, autocommit=True) as here:
        here.execute("create extension postgres_fdw")
        here.execute(
            "create server far foreign data wrapper postgres_fdw options (host '127.0.0.1',"
            f" port '{parts.port}', dbname '{parts.path[1:]}', extensions 'vector',"
            " use_remote_estimate 'true', fdw_tuple_cost '10', batch_size '200')"
        )
        here.execute("create user mapping for postgres server far options (user 'postgres')")
        for table in PARTITIONED:
            for part in range(PARTITIONS // 2, PARTITIONS):
                name = f"citydip.{table}_{part}"
                with here.transaction():
                    here.execute(f"alter table citydip.{table} detach partition {name}")
                    here.execute(f"alter table {name} rename to moved")
                    here.execute(
                        f"create foreign table {name} partition of citydip.{table} for values"
                        f" with (modulus {PARTITIONS}, remainder {part}) server far"
                        f" options (schema_name 'citydip', table_name '{table}_{part}')"
                    )
                    here.execute(f"insert into {name} select * from citydip.moved")
                    here.execute("drop table citydip.moved")
    with psycopg.connect(far, autocommit=True) as there:
        for part in range(PARTITIONS // 2, PARTITIONS):
            graph = _graph(near, part)
            if graph:
                there.execute(graph)
            for table in PARTITIONED:
                there.execute(f"analyze citydip.{table}_{part}")
    with psycopg.connect(near, autocommit=True) as here:
        here.execute("analyze citydip.passage, citydip.vector, citydip.words")


def _graph(near: str, part: int) -> str:
    """The statement that makes on the other server the graph which a local part has here."""
    with psycopg.connect(near) as here:
        row = here.execute(
            "select indexdef from pg_indexes where indexname like 'vector_0_graph%'"
        ).fetchone()
    return str(row[0]).replace("vector_0", f"vector_{part}") if row else ""


def plan(address: str, query: Query, dimension: int) -> str:
    """How the server goes about the nearest vectors: the very statement that a search runs."""
    said: list[str] = []

    class Explaining(PostgresVectors):
        def _rows(self, statement: str, **values: object) -> list[tuple]:
            with psycopg.connect(address) as connection:
                connection.execute("set hnsw.ef_search = 100")
                connection.execute("set hnsw.iterative_scan = strict_order")
                asked = (
                    f"explain (analyze, verbose, costs off, buffers off, summary on) {statement}"
                )
                (newest,) = connection.execute("select max(id) from citydip.generation").fetchone()
                rows = connection.execute(asked, {**values, "generation": newest}).fetchall()
            said.extend(row[0] for row in rows)
            return []

    Explaining(None, 0, dimension).search(query.vector, 20)
    return "\n".join(_short(line) for line in said)


def _short(line: str) -> str:
    """A line of a plan without the 384 numbers of its vector."""
    begun, _, rest = line.partition("[")
    numbers, bracket, end = rest.partition("]")
    return f"{begun}[…]{_short(end)}" if bracket and len(numbers) > 100 else line


def timed(work: Callable[[Query], object], queries: Sequence[Query]) -> list[float]:
    """Milliseconds of each."""
    times = []
    for query in [*queries, *queries * ROUNDS]:
        begun = time.perf_counter()
        work(query)
        times.append((time.perf_counter() - begun) * 1000)
    return times[len(queries) :]


def main() -> None:
    """Measure a search before and after half of the partitions are moved."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--programs", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--beir", type=Path, help="Folder of a BEIR data set to take texts from.")
    parser.add_argument("--json", type=Path, default=ROOT / "eval" / "out" / "two_servers.json")
    options = parser.parse_args()
    real = load_embedder()
    pool, asked = sentences(options.beir), questions(options.beir)[:TIMED]
    embedder = ShortEmbedder(real, random.Random(0).choices(pool, k=400))  # noqa: S311
    rows = []
    with ExitStack() as stack:
        servers = [stack.enter_context(postgres(programs=options.programs)) for _ in range(2)]
        near, far = (server.address() for server in servers)
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = load_settings(index=near, seeds=Path(folder))
        build(settings, embedder, pool, options.passages)
        with psycopg.connect(near, autocommit=True) as connection:
            grow(connection, embedder.dimension, vectors=1 << 60)  # graphs, however few they are
        before: list[list[str]] = []
        for where in ("one server", "two servers"):
            index = Index.open(DatabaseAddress(near), embedder)
            queries = [encode_query(embedder, index, question) for question in asked]
            parts: dict[str, Callable[[Query], object]] = {
                "vectors": lambda q, i=index: i.vectors.search(q.vector, 20),
                "words": lambda q, i=index: i.words.search(q.text, 20),
                "all of a search": lambda q, i=index: found(i, [q]),
            }
            for name, part in parts.items():
                times = timed(part, queries)
                rows.append((f"{where}: {name} p50", percentile(times, 0.5), "ms"))
            if before:
                same = np.mean([a == b for a, b in zip(before, found(index, queries), strict=True)])
                rows.append((f"the same {TOP} passages", 100 * float(same), "%"))
            else:
                before = found(index, queries)
                move_half(near, far)
            index.place.close()
        text = plan(near, queries[0], embedder.dimension)
        Console().print(text, markup=False, highlight=False, soft_wrap=True)
    show(rows, options.json)


if __name__ == "__main__":
    main()
