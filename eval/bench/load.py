"""How a server bears load: many clients at once, ten minutes of it, ten thousand idle connections.

`python eval/bench/load.py --help`. A real `citydip serve` is asked over loopback, each question
once: those of TyDi QA where shared/data lies beside the checkout, else those in eval/questions with
a number behind them. The clients run on the same processors; `cost` says how much they take.

Beside it runs a server that embeds questions one after the other, each in a pass of its own. The
two are asked in turn, so that what else the machine does falls on both.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import numpy as np
from asking import REFUSED, Tally, ask_for
from bench_common import CITYDIP, ROOT, machine, resident_mib, served
from rich.console import Console
from rich.table import Table

DATA: Final = ROOT.parent / "shared" / "data"
ONE_BY_ONE: Final = [sys.executable, str(Path(__file__).parent / "one_by_one.py")]
COMPARED_CLIENTS: Final = 16
SAMPLE_SECONDS: Final = 5.0
WARMING_QUESTIONS_SECONDS: Final = 3.0
QUICK: Final[dict[str, Any]] = {"clients": [1, 8], "seconds": 3.0, "rounds": 1, "idle": 200}

Report = dict[str, Any]


def questions() -> Iterator[str]:
    """Real questions, each of them once."""
    own = [
        json.loads(line)["question"]
        for path in sorted((ROOT / "eval" / "questions").glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line
    ]
    asked = [
        qa["question"]
        for path in sorted((DATA / "squad").glob("*train*.json"))
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]
    mixed = (q for pair in zip(asked, itertools.cycle(own), strict=False) for q in pair)
    known: set[str] = set()
    for text in mixed:
        if text not in known:
            known.add(text)
            yield text
    for number in itertools.count(1):
        for text in own:
            yield f"{text} ({number})"


@contextmanager
def sampled(process: subprocess.Popen[bytes], rows: list[tuple[float, float]]) -> Iterator[None]:
    """Note (seconds, MiB) of a process for as long as the block lasts, in the running loop."""
    begun = perf_counter()

    async def sample() -> None:
        while True:
            rows.append((round(perf_counter() - begun, 1), round(resident_mib(process), 1)))
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.get_running_loop().create_task(sample())
    try:
        yield
    finally:
        sampling.cancel()


async def under_load(
    server: tuple[str, subprocess.Popen[bytes]], clients: int, asked: Iterator[str], seconds: float
) -> Report:
    """One run: its figures, what the clients cost, and the server's memory meanwhile."""
    address, process = server
    memory: list[tuple[float, float]] = []
    spent = process_time()
    with sampled(process, memory):
        tally = await ask_for(address, clients, asked, seconds)
    cost = (process_time() - spent) * 1000 / max(1, len(tally.times) + tally.errors[REFUSED])
    return {
        "clients": clients,
        **tally.figures(),
        "cost_ms_per_request": round(cost, 3),
        "memory_mib": memory,
    }


async def compared(
    ours: str, other: str, asked: Iterator[str], seconds: float, rounds: int
) -> Report:
    """Answers a second of both at sixteen clients, asked in turn."""
    rates: dict[str, list[float]] = {"as_served": [], "one_by_one": []}
    for _ in range(rounds):
        for name, address in (("as_served", ours), ("one_by_one", other)):
            tally: Tally = await ask_for(address, COMPARED_CLIENTS, asked, seconds)
            rates[name].append(round(tally.rate, 2))
    ratios = [a / b for a, b in zip(rates["as_served"], rates["one_by_one"], strict=True)]
    return {
        "clients": COMPARED_CLIENTS,
        **rates,
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in ratios],
    }


async def crowded(
    server: tuple[str, subprocess.Popen[bytes]], idle: int, asked: Iterator[str], seconds: float
) -> Report:
    """How sixteen clients are served beside so many connections that say nothing."""
    address, _ = server
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < idle + 256:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(idle + 256, hard), hard))
    host, port = address.removeprefix("http://").split(":")
    opened = await asyncio.gather(
        *(asyncio.open_connection(host, int(port)) for _ in range(idle)), return_exceptions=True
    )
    silent = [streams for streams in opened if not isinstance(streams, BaseException)]
    report = await under_load(server, COMPARED_CLIENTS, asked, seconds)
    for _, writer in silent:
        writer.close()
    return {"idle": len(silent), **report}


def steadiness(memory: Sequence[tuple[float, float]]) -> Report:
    """How memory went: at the end of the first fifth, at the end, and its slope between."""
    later = memory[len(memory) // 5 :]
    seconds, mib = np.array(later).T
    slope = float(np.polyfit(seconds / 60, mib, 1)[0]) if len(later) > 1 else 0.0
    return {
        "first_mib": float(mib[0]),
        "last_mib": float(mib[-1]),
        "most_mib": float(mib.max()),
        "slope_mib_a_minute": round(slope, 2),
    }


async def until_ready(address: str, asked: Iterator[str]) -> None:
    """Wait until a server answers, and warm it."""
    begun = perf_counter()
    while not (await ask_for(address, 1, asked, 0.5)).times:
        if perf_counter() - begun > 120:
            raise TimeoutError("the server did not answer within two minutes")
    await ask_for(address, 4, asked, WARMING_QUESTIONS_SECONDS)


async def measured(index: Path, chosen: argparse.Namespace) -> Report:
    """All that was asked for."""
    asked = questions()
    report: Report = {"machine": machine(), "levels": []}
    with served(index) as ours, served(index, ONE_BY_ONE) as other:
        for address, _ in (ours, other):
            await until_ready(address, asked)
        report["one_by_one"] = await compared(
            ours[0], other[0], asked, chosen.seconds, chosen.rounds
        )
    with served(index) as ours:
        await until_ready(ours[0], asked)
        for clients in chosen.clients:
            report["levels"].append(await under_load(ours, clients, asked, chosen.seconds))
        if chosen.idle:
            report["crowd"] = await crowded(ours, chosen.idle, asked, chosen.seconds)
        if chosen.minutes:
            steady = await under_load(ours, COMPARED_CLIENTS, asked, chosen.minutes * 60)
            report["steady"] = {**steady, **steadiness(steady["memory_mib"])}
    return report


def show_load(report: Report, path: Path) -> None:
    """Print the figures and write them as JSON."""
    columns = ("answers_a_second", "p50_ms", "p95_ms", "p99_ms", "refused", "errors")
    table = Table("clients", *columns, "MiB", title=report["machine"], title_justify="left")
    named = [(str(level["clients"]), level) for level in report["levels"]]
    if "crowd" in report:
        named.append((f"16, beside {report['crowd']['idle']:,} idle", report["crowd"]))
    if "steady" in report:
        named.append((f"16, for {report['steady']['seconds']:.0f} s", report["steady"]))
    for name, level in named:
        table.add_row(
            name, *(str(level[column]) for column in columns), str(level["memory_mib"][-1][1])
        )
    console = Console()
    console.print(table)
    one = report["one_by_one"]
    console.print(
        f"as served against one by one, {one['clients']} clients: {one['ratio']} times"
        f" ({one['as_served']} against {one['one_by_one']} a second)"
    )
    if "steady" in report:
        steady = report["steady"]
        console.print(
            f"memory: {steady['first_mib']} MiB, then {steady['last_mib']} MiB,"
            f" {steady['slope_mib_a_minute']:+} MiB a minute"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=3, help="against one by one")
    parser.add_argument("--minutes", type=float, default=0.0, help="of a run that watches memory")
    parser.add_argument("--idle", type=int, default=10_000, help="connections; 0: none")
    parser.add_argument("--seeds", type=Path, default=ROOT / "seeds", help="documents to ask")
    parser.add_argument("--quick", action="store_true", help="little of each, for CI")
    parser.add_argument("--json", type=Path, default=ROOT / "eval" / "out" / "bench-load.json")
    chosen = parser.parse_args()
    if chosen.quick:
        vars(chosen).update(QUICK)
    return chosen


def main() -> None:
    """Index, measure, print, and write."""
    chosen = options()
    os.environ.pop("CITYDIP_INDEX", None)
    with tempfile.TemporaryDirectory(prefix="citydip-load-") as folder:
        index = Path(folder) / "index"
        command = [*CITYDIP, "index", "--seeds", str(chosen.seeds), "--index", str(index)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        report = asyncio.run(measured(index, chosen))
    show_load(report, chosen.json)


if __name__ == "__main__":
    main()
