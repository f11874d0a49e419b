"""From what a run has found to tables, targets and a Markdown page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, Final

import ir_measures
from ir_measures import R, nDCG

from versus.figures import OURS, Row, Table, Target, percentile
from versus.material import Dataset
from versus.measures import QUOTING
from versus.plan import CLIENTS, Plan
from versus.state import State

TITLES: Final = {
    OURS: "citydip-rag",
    "haystack": "Haystack",
    "llamaindex": "LlamaIndex",
    "txtai": "txtai",
    QUOTING: "citydip-rag, quoting",
}
_MEASURES: Final = {"nDCG@10": nDCG @ 10, "R@1": R @ 1, "R@10": R @ 10}


def tables(plan: Plan, state: State, datasets: Sequence[Dataset]) -> list[Table]:
    """All figures of a run; tables of which nothing is known are left out."""
    made = [_of_size(state, size) for size in plan.sizes]
    made += [_of_quality(state, dataset) for dataset in datasets]
    made += [_of_answers(state)]
    made += [_of_stages(state, size) for size in plan.sizes]
    for table in made:
        table.rows = [row for row in table.rows if row.values]
    return [table for table in made if table.rows]


def _row(
    key: str,
    label: str,
    unit: str,
    results: Mapping[str, Any],
    value: Callable[[Any], float],
    *,
    more: bool = False,
) -> Row:
    values = {system: value(result) for system, result in results.items()}
    return Row(key, label, unit, values, more)


def _of_size(state: State, size: int) -> Table:
    built = state.of(f"build@{size}")
    own = {s: r for s, r in built.items() if not r["handed"]}
    alike = own if len(own) == len(built) else {}  # rates are compared where all embed
    found = state.of(f"search@{size}")
    rows = [
        _row("index_rate", "indexing", "passages/s", alike, _of("passages_per_s"), more=True),
        _row("index_cold", "the same with imports and model", "s", alike, _of("cold_s")),
        _row("index_memory", "peak memory while indexing", "MiB", alike, _of("peak_mib")),
        _row("disk", "index on disk", "MiB", built, _of("disk_mib")),
        _row("cold", "cold start to first result", "s", state.of(f"cold@{size}"), _typical),
    ]
    rows += [_search_row(found, clients, share) for clients in CLIENTS for share in (0.5, 0.95)]
    rows.append(_row("search_memory", "peak memory while searching", "MiB", found, _of("peak_mib")))
    return Table(f"{size:,} passages", rows)


def _search_row(found: Mapping[str, Any], clients: int, share: float) -> Row:
    name, many = f"p{share * 100:.0f}", "s" if clients > 1 else ""
    return _row(
        f"search_{clients}_{name}",
        f"search {name}, {clients} client{many}",
        "ms",
        found,
        lambda result: percentile(result[str(clients)]["ms"], share),
    )


def _of(name: str) -> Callable[[Any], float]:
    return lambda result: float(result[name])


def _typical(starts: Sequence[Mapping[str, float]], name: str = "seconds") -> float:
    return median(start[name] for start in starts)


def _of_quality(state: State, dataset: Dataset) -> Table:
    values: dict[str, dict[str, float]] = {name: {} for name in _MEASURES}
    for system, result in state.of(f"quality@{dataset.name}").items():
        for name, value in scores(dataset, result["found"]).items():
            values[name][system] = value
    rows = [Row(name, name, "", found, more_is_better=True) for name, found in values.items()]
    count = f"{len(dataset.passages):,} passages, {len(dataset.queries):,} questions"
    return Table(f"{dataset.name}: {count}", rows)


def scores(dataset: Dataset, found: Mapping[str, Sequence[str] | None]) -> dict[str, float]:
    """The measures of the field; by ranks, so that equal scores keep their order."""
    run = {
        query: {identity: 1 / (rank + 1) for rank, identity in enumerate(ids or ())}
        for query, ids in found.items()
    }
    values = ir_measures.calc_aggregate(list(_MEASURES.values()), dataset.qrels, run)
    return {name: float(values[measure]) for name, measure in _MEASURES.items()}


def _of_answers(state: State) -> Table:
    results = state.of("answers")
    kept = _answered(results)
    rows = [_row("cold_answer", "cold start to first answer", "s", results, _of("cold_s"))]
    if kept:
        for key, label in (("first_ms", "first text"), ("whole_ms", "whole answer")):
            rows.append(_row(key, f"{label}, median", "ms", results, _median_of(key, kept)))
        size = _median_of("answer", kept)
        rows.append(_row("characters", "characters of an answer, median", "", results, size))
    label = f"Answers with the same model server, {len(kept)} questions that all answered"
    return Table(label, rows)


def _answered(results: Mapping[str, Any]) -> list[int]:
    """Numbers of the questions that no system declined."""
    asked = [result["asked"] for result in results.values()]
    return [n for n, each in enumerate(zip(*asked, strict=False)) if all(a["answer"] for a in each)]


def _median_of(key: str, kept: Sequence[int]) -> Callable[[Any], float]:
    def value(result: Any) -> float:
        values = [result["asked"][n][key] for n in kept]
        return median(len(v) if isinstance(v, str) else v for v in values)

    return value


def _of_stages(state: State, size: int) -> Table:
    """Where a cold start, a search and memory go."""
    starts, found = state.of(f"cold@{size}"), state.of(f"search@{size}")
    stages = (
        ("imported_s", "cold start: imports", "s"),
        ("opened_s", "cold start: opening model and index", "s"),
        ("searched_s", "cold start: first search", "s"),
        ("imported_mib", "memory after imports", "MiB"),
        ("opened_mib", "memory after opening", "MiB"),
    )
    rows = [
        _row(key, label, unit, starts, lambda result, key=key: _typical(result, key))
        for key, label, unit in stages
    ]
    rows.append(
        _row(
            "embed",
            "embedding a question, p50",
            "ms",
            found,
            lambda r: percentile(r["embed_ms"], 0.5),
        )
    )
    return Table(f"Where it goes, {size:,} passages", rows)


def targets(made: Sequence[Table]) -> list[Target]:
    """What issue 5 asks for, as far as it was measured."""
    wanted = [
        ("search p50, 1 client, 2.5 times faster than the fastest", "search_1_p50", 2.5),
        ("indexing no slower than the fastest", "index_rate", 1.0),
        ("cold start to first result 3 times quicker", "cold", 3.0),
        ("memory while searching no more than the leanest", "search_memory", 1.0),
        ("memory while indexing no more than the leanest", "index_memory", 1.0),
        ("nDCG@10 no worse than the best", "nDCG@10", 1.0),
    ]
    return [
        Target(f"{table.title}: {label}", row, ratio)
        for table in made
        for label, key, ratio in wanted
        for row in table.rows
        if row.key == key and OURS in row.values and row.best_of_others()
    ]


def markdown(made: Sequence[Table], wanted: Sequence[Target], state: State, machine: str) -> str:
    """The page: figures with ratios, targets, set-ups, failures."""
    parts = [
        f"Measured on {machine}. In brackets: how many times better ours is; below 1, worse.",
        *(_markdown_table(table) for table in made),
        *_targets_in_words(wanted),
        *_setups(state),
        *_caveats(state),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    systems = [name for name in TITLES if any(name in row.values for row in table.rows)]
    lines = [
        f"### {table.title}\n",
        "| | " + " | ".join(TITLES[system] for system in systems) + " |",
        "|---|" + "---:|" * len(systems),
    ]
    for row in table.rows:
        cells = [_cell(row, system) for system in systems]
        label = f"{row.label} ({row.unit})" if row.unit else row.label
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(row: Row, system: str) -> str:
    if system not in row.values:
        return "–"
    text = row.shown(system)
    return (
        text if system == OURS or OURS not in row.values else f"{text} ({row.ratio(system):.2f}×)"
    )


def _targets_in_words(wanted: Sequence[Target]) -> list[str]:
    if not wanted:
        return []
    lines = [
        f"- {'met' if target.met else '**missed**'}: {target.label} ({target.reached:.2f}× of"
        f" {TITLES[target.row.best_of_others()]}, wanted {target.ratio:g}×)"
        for target in wanted
    ]
    return ["### Targets\n\n" + "\n".join(lines)]


def _setups(state: State) -> list[str]:
    lines = []
    for system, told in state.of("describe").items():
        versions = ", ".join(f"{name} {version}" for name, version in told["versions"].items())
        lines.append(f"- **{TITLES[system]}**: {told['description']}. {versions}")
    return ["### Set-ups\n\n" + "\n".join(lines)] if lines else []


def _caveats(state: State) -> list[str]:
    lines = [
        f"- {TITLES.get(f['system'], f['system'])} failed at {f['step']}: {f['reason']}"
        for f in state.failures
    ]
    for step, results in state.results.items():
        if not step.startswith("search@"):
            continue
        for system, run in results.items():
            failed = sum(run[str(clients)]["failed"] for clients in CLIENTS)
            if failed or run["differing"]:
                lines.append(
                    f"- {TITLES[system]}, {step}: {failed} searches failed, {run['differing']}"
                    " gave other passages among 16 clients than alone"
                )
    return ["### Failures\n\n" + "\n".join(lines)] if lines else []
