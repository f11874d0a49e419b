"""`citydip index`: a folder becomes an index; `citydip index copy`: an index goes elsewhere."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from citydip_rag.cli import show
from citydip_rag.cli.console import (
    command,
    progress_bar,
    remarks,
    screen,
    stage_bar,
    status,
    write_json,
)
from citydip_rag.cli.opening import IndexOption
from citydip_rag.cli.strict import refuse_unread
from citydip_rag.errors import CitydipError
from citydip_rag.settings import Settings, load_settings
from citydip_rag.values import DatabaseAddress, index_address

app = typer.Typer()


@app.callback(invoke_without_command=True)
def index(
    context: typer.Context,
    seeds: Annotated[
        Path | None, typer.Option("--seeds", help="Folder of the documents. [default: seeds]")
    ] = None,
    index: IndexOption = None,
    *,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="Read and embed everything anew; mends any index.")
    ] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on, and index again whenever the folder changes.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="End with status 1 if a file could not be read; the index is made all the same.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Index the documents of a folder. The old index answers until the new one is complete.

    Only what changed since the last run is read and embedded. A running server takes the new index
    by itself. `citydip index copy` takes an index to another place.
    """
    if context.invoked_subcommand:
        return
    from citydip_rag.cli.watch import follow
    from citydip_rag.indexing import index_folder, up_to_date
    from citydip_rag.parts import make_embedder

    if watch and (strict or as_json):
        raise typer.BadParameter("--strict and --json are for one run, and --watch goes on")
    settings = load_settings(seeds=seeds, index=index)
    if watch:
        follow(settings, rebuild=rebuild)
        return
    with status("Looking for what changed"):
        report = None if rebuild else up_to_date(settings)
    if report is None:
        with status("Loading the model"):
            embedder = make_embedder(settings)
        with stage_bar() as step:
            report = index_folder(settings, embedder, rebuild=rebuild, progress=step)
    if as_json:
        write_json(report.model_dump(mode="json"))
    else:
        show.index_report(report, index)
    if strict:
        refuse_unread(report.files)


@app.command()
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help="Folder or postgresql://…")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Folder or postgresql://…")],
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the index that is there.")
    ] = False,
) -> None:
    """Copy an index to another folder or database. Nothing is embedded anew.

    Keys and feedback are not copied.
    """
    from citydip_rag.copying import copy_index

    settings, goal = load_settings(index=source), load_settings(index=target).index
    with progress_bar("Copying") as step:
        built = copy_index(settings.index, goal, overwrite=overwrite, progress=step)
    held = f"{built.manifest.documents} documents, {built.manifest.passages} passages"
    screen.print(f"{held} are now in {goal}.", markup=False, highlight=False)
    for line in _left_behind(settings, goal):
        remarks.print(line, markup=False, highlight=False, soft_wrap=True)


def _left_behind(settings: Settings, goal: Path | DatabaseAddress) -> list[str]:
    """What to say of keys and ratings that were beside the index and are not beside its copy."""
    if settings.state is not None:  # they are where they were, for the copy's servers too
        return []
    from citydip_rag.access import Keys, has_state
    from citydip_rag.feedback import Store

    try:
        if not has_state(settings):
            return []
        with closing(Keys.open(settings)) as keys, closing(Store.open(settings)) as store:
            valid = sum(not key.why_over() for key in keys.all())
            rated = sum(1 for _ in store.ratings())
    except CitydipError as error:
        return [f"Keys and feedback are not copied, and cannot be looked at: {error}"]
    if not valid and not rated:
        return []
    address = index_address(settings.state_address)
    kept = address.resolve() if isinstance(address, Path) else address
    anew = command("keys add NAME", index=str(goal))
    return [
        f"Not copied: {valid} keys and {rated} ratings, which stay in {kept}.",
        f"→ Name that with CITYDIP_STATE, or make keys anew: {anew}; see docs/running.md",
    ]
