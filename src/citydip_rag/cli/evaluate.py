"""`citydip eval`: how good are the answers?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from citydip_rag.cli import show
from citydip_rag.cli.console import progress_bar, status
from citydip_rag.cli.suite import compare, init, suite
from citydip_rag.settings import load_settings

_BEIR = ("corpus.jsonl", "queries.jsonl", "qrels")
"""What is read of a data set's folder."""

app = typer.Typer(
    help="Measure retrieval, answers and grounding on data sets and on your own questions.",
    no_args_is_help=True,
)

JsonFileOption = Annotated[
    Path | None, typer.Option("--json", help="Write the figures to this file.", dir_okay=False)
]
Mode = Literal["hybrid", "dense", "lexical"]
Split = Literal["all", "tune", "test"]


@app.command()
def retrieval(
    folder: Annotated[Path, typer.Argument(metavar="BEIR_DIR", help="corpus.jsonl and so on.")],
    mode: Annotated[Mode | None, typer.Option("--mode", help="[default: hybrid]")] = None,
    *,
    rerank: Annotated[
        bool | None, typer.Option("--rerank/--no-rerank", help="Second stage by token alignment.")
    ] = None,
    json_file: JsonFileOption = None,
) -> None:
    """Search a BEIR folder: nDCG, recall, MRR. Each corpus entry is one passage as it stands.

    With --mode dense or lexical the second stage is off unless --rerank is given.
    """
    from citydip_rag.evaluation.datasets import load_beir
    from citydip_rag.evaluation.retrieval import evaluate_retrieval
    from citydip_rag.parts import make_embedder

    if mode in {"dense", "lexical"} and rerank is None:
        rerank = False
    settings = load_settings(retrieval_mode=mode, rerank=rerank)
    _check_writable(json_file, *(folder / name for name in _BEIR))  # it holds others, too
    dataset = load_beir(folder)
    with status("Loading the model"):
        embedder = make_embedder(settings)
    with progress_bar("Embedding passages") as step:
        result = evaluate_retrieval(dataset, settings, embedder, step)
    show.report(result)
    if json_file:
        result.write(json_file)


@app.command()
def qa(
    file: Annotated[Path, typer.Argument(metavar="SQUAD_JSON", help="SQuAD 1.1 or 2.0.")],
    json_file: JsonFileOption = None,
) -> None:
    """Answer a SQuAD file's questions from all of its contexts: citations and abstentions."""
    from citydip_rag.evaluation.datasets import load_squad
    from citydip_rag.evaluation.qa import evaluate_qa
    from citydip_rag.parts import make_embedder

    settings = load_settings()
    _check_writable(json_file, file)
    dataset = load_squad(file)
    with status("Loading the model"):
        embedder = make_embedder(settings)
    with progress_bar("Embedding passages") as step:
        result = evaluate_qa(dataset, settings, embedder, step)
    show.report(result)
    if json_file:
        result.write(json_file)


@app.command()
def grounding(
    file: Annotated[Path, typer.Argument(metavar="NLI_JSONL", help="premise, hypothesis, label.")],
    split: Annotated[
        Split, typer.Option("--split", help="Calibrating sees tune alone.", show_default=True)
    ] = "test",
    json_file: JsonFileOption = None,
) -> None:
    """Tell what follows from a text from what does not: entailment against the rest.

    The file has one JSON object a line: premise, hypothesis, and label (entailment, neutral or
    contradiction). All pairs of one premise are in one split.
    """
    from citydip_rag.evaluation.datasets import load_nli
    from citydip_rag.evaluation.grounding import evaluate_grounding, verifier_over
    from citydip_rag.parts import make_embedder

    _check_writable(json_file, file)
    pairs = load_nli(file)
    settings = load_settings()
    with status("Loading the model"):
        embedder = make_embedder(settings)
    with progress_bar("Encoding premises") as step:
        verifier, passages = verifier_over(pairs, embedder, progress=step)
    with progress_bar("Judging") as step:
        result = evaluate_grounding(pairs, split, embedder, verifier, passages, step)
    show.report(result)
    if json_file:
        result.write(json_file)


def _check_writable(json_file: Path | None, *read: Path) -> None:
    """Before anything is computed: can the figures be written, and not over what they are of?"""
    from citydip_rag.evaluation.reports import check_writable

    check_writable([json_file] if json_file else [], read)


app.command()(suite)
app.command()(compare)
app.command("init")(init)
