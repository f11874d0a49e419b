"""`citydip feedback`: what readers think of the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from citydip_rag.cli import show
from citydip_rag.cli.console import command, remarks, screen, write_json
from citydip_rag.cli.opening import IndexOption
from citydip_rag.errors import EvaluationError
from citydip_rag.settings import load_settings

if TYPE_CHECKING:
    from citydip_rag.feedback import Rated, Store

app = typer.Typer(
    help="Read the ratings of answers and the logged questions, turn them into questions for an"
    " evaluation, forget them.",
    no_args_is_help=True,
)

Wanted = Literal["good", "bad", "all"]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.command("list")
def ratings(
    rating: Annotated[Wanted, typer.Option("--rating", help="Only these.")] = "all",
    index: IndexOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """List the ratings, the newest first."""
    with _opened(index) as store:
        found = list(_ratings(store, rating))
    if as_json:
        write_json([one.model_dump(mode="json") for one in found])
    else:
        show.ratings(found)


@app.command()
def questions(index: IndexOption = None, *, as_json: JsonOption = False) -> None:
    """List the logged questions, the newest first; there are none unless question_log is on."""
    with _opened(index) as store:
        found = list(store.asked())
    if as_json:
        write_json([one.model_dump(mode="json") for one in found])
    else:
        show.asked(found)


@app.command()
def export(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="A file that does not exist yet. [default: screen]"),
    ] = None,
    rating: Annotated[
        Wanted, typer.Option("--rating", help="Which answers' questions.", show_default=True)
    ] = "bad",
    index: IndexOption = None,
) -> None:
    """Turn rated answers into a question file for citydip eval suite, for you to review.

    A good answer's quotations become the evidence. What evidence a bad answer should have quoted
    nobody has said: fill it in; citydip eval suite names the lines that still lack it. Ids begin
    with draft- until you have reviewed them.
    """
    from citydip_rag.evaluation.rated import rated_questions
    from citydip_rag.evaluation.reports import check_writable, write_all

    if output is not None and output.exists():
        raise EvaluationError(
            f"{output} is there already, and may hold what you have reviewed.",
            "Name another file with --output.",
        )
    check_writable([output] if output else [])
    with _opened(index) as store:
        found = rated_questions(_ratings(store, rating))
    lines = "".join(question.json_line() for question in found)
    if output is None:
        typer.echo(lines, nl=False)
    elif lines:
        write_all({output: lines})
    unfinished = sum(not question.is_complete for question in found)
    said = f"{len(found)} questions, {unfinished} of them without their evidence yet"
    remarks.print(said if found else "There are no such ratings.", highlight=False)
    if found and output is not None:
        then = command(f"eval suite {output}", index=index)
        remarks.print(f"→ review {output}, then: {then}", markup=False, highlight=False)


@app.command()
def forget(
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, metavar="DAYS", help="Only what is older.")
    ] = None,
    index: IndexOption = None,
    *,
    everything: Annotated[bool, typer.Option("--all", help="All of it.")] = False,
) -> None:
    """Delete ratings and logged questions for good: all, or those older than so many days."""
    from citydip_rag.feedback import today

    if everything == (older_than is not None):
        raise typer.BadParameter("give --all, or --older-than DAYS")
    before = None if older_than is None else today() - timedelta(days=older_than)
    with _opened(index) as store:
        counts = store.forget_ratings(before), store.forget_questions(before)
    screen.print(f"Forgotten: {counts[0]} ratings, {counts[1]} questions", highlight=False)


def _opened(index: str | None) -> closing[Store]:
    from citydip_rag.feedback import Store

    return closing(Store.open(load_settings(index=index)))


def _ratings(store: Store, wanted: Wanted) -> Iterator[Rated]:
    from citydip_rag.feedback import Rating

    return store.ratings(None if wanted == "all" else Rating(wanted))
