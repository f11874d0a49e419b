"""`citydip calibrate`: learn from data when to answer, and which sentences do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from citydip_rag.cli.console import progress_bar, screen, status
from citydip_rag.cli.opening import IndexOption, opened
from citydip_rag.settings import load_settings

if TYPE_CHECKING:
    from pydantic import BaseModel

app = typer.Typer(
    help="Fit the abstention threshold and the evidence scores to data; results are files.",
    no_args_is_help=True,
)

SquadArgument = Annotated[Path, typer.Argument(metavar="SQUAD_JSON", help="Training questions.")]


@app.command()
def abstention(
    questions: Annotated[
        list[Path] | None,
        typer.Option("--questions", help="Question files on the indexed documents."),
    ] = None,
    squad: Annotated[
        list[Path] | None,
        typer.Option("--squad", help="SQuAD files, on contexts of their own."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=50, help="Questions per SQuAD file.")] = 700,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("calibration.json"),
    index: IndexOption = None,
) -> None:
    """Fit when to answer and when to abstain.

    Give --questions, --squad or both; neither needs the other. In all there must be at least 8
    questions that the documents answer and 8 that they do not, and better 50 of each.

    The weights are learned from all files; the threshold is chosen on the question files, if any,
    since they are about the documents at hand.

    Use the result with CITYDIP_CALIBRATION=calibration.json.
    """
    from citydip_rag.errors import EvaluationError
    from citydip_rag.evaluation.calibration import (
        examples_from_questions,
        examples_from_squad,
        fit,
    )
    from citydip_rag.evaluation.datasets import load_squad

    if not questions and not squad:
        raise EvaluationError("There is nothing to fit on.", "Give --questions or --squad.")
    _check_writable(output, *(questions or []), *(squad or []))
    engine = opened(index)
    groups = {path.name: examples_from_questions(engine, path) for path in questions or []}
    for path in squad or []:
        with progress_bar(f"Embedding {path.name}") as step:
            groups[path.name] = examples_from_squad(
                load_squad(path), engine.settings, engine.embedder, limit, step
            )
    deciding = {path.name for path in questions or []}
    fitted = fit(groups, engine.index.projection.fingerprint, deciding)
    engine.close()
    _write(fitted, output)
    for name, value in fitted.cross_validated.items():
        screen.print(f"{name} {value:.3f}", highlight=False)
    screen.print(f"threshold {fitted.threshold:g} → {output}", highlight=False)


@app.command()
def evidence(
    squad: SquadArgument,
    limit: Annotated[int, typer.Option("--limit", min=50, help="Questions to train on.")] = 4000,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("evidence-head.npz"),
) -> None:
    """Train the scores by which answering sentences are found.

    Use the result with CITYDIP_EVIDENCE_HEAD=evidence-head.npz, then calibrate the abstention anew.
    """
    from citydip_rag.evaluation.datasets import load_squad
    from citydip_rag.evaluation.training import train_head
    from citydip_rag.parts import make_embedder

    _check_writable(output, squad)
    settings = load_settings()
    dataset = load_squad(squad)
    with status("Loading the model"):
        embedder = make_embedder(settings)
    with progress_bar("Embedding, then training") as step:
        head = train_head(dataset, settings, embedder, limit, step)
    head.save(output)
    screen.print(f"→ {output}", highlight=False)


@app.command()
def grounding(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="NLI_JSONL…", help="Pairs to learn from; the large file first."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("support.json"),
) -> None:
    """Learn from premises and hypotheses which claims a sentence bears out.

    Of the first file the half is used that `citydip eval grounding --split test` does not see, of
    further files, such as eval/claims/*.dev.jsonl, all pairs.
    """
    from citydip_rag.evaluation.datasets import load_nli
    from citydip_rag.evaluation.support import fit_support, pairs_from
    from citydip_rag.parts import make_embedder

    _check_writable(output, *files)
    pairs = [load_nli(path) for path in files]
    with status("Loading the model"):
        embedder = make_embedder(load_settings())
    groups = {}
    for number, path in enumerate(files):
        with progress_bar(f"Comparing {path.name}") as step:
            groups[path.name] = pairs_from(pairs[number], embedder, whole=number > 0, progress=step)
    fitted = fit_support(groups)
    _write(fitted, output)
    for name, value in fitted.cross_validated.items():
        screen.print(f"{name} {value:.3f}", highlight=False)
    screen.print(f"→ {output}", highlight=False)


@app.command()
def projection(
    squad: SquadArgument,
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("projection.npz"),
) -> None:
    """Learn how the model's token vectors are compressed.

    The file that is shipped for the bundled model was made so; an index of another model learns
    its own when it is first built.
    """
    from citydip_rag.evaluation.datasets import load_squad
    from citydip_rag.evaluation.training import fit_projection
    from citydip_rag.parts import make_embedder

    _check_writable(output, squad)
    settings = load_settings()
    dataset = load_squad(squad)
    with status("Loading the model and embedding"):
        fit_projection(dataset, settings, make_embedder(settings)).save(output)
    screen.print(f"→ {output}", highlight=False)


def _check_writable(output: Path, *read: Path) -> None:
    """Before hours are spent on it: can the result be written, and not over what it is of?"""
    from citydip_rag.evaluation.reports import check_writable

    check_writable([output], read)


def _write(fitted: BaseModel, output: Path) -> None:
    from citydip_rag.evaluation.reports import write_all

    write_all({output: fitted.model_dump_json(indent=2) + "\n"})
