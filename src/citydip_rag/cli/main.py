"""The commands people use: index, ask, search, serve, mcp, doctor."""

from __future__ import annotations

import asyncio
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Final

import typer

from citydip_rag.cli import show
from citydip_rag.cli.calibrate import app as calibrate_app
from citydip_rag.cli.console import (
    command,
    quiet_libraries,
    remarks,
    run,
    screen,
    status,
    write_json,
)
from citydip_rag.cli.evaluate import app as eval_app
from citydip_rag.cli.feedback import app as feedback_app
from citydip_rag.cli.following import answer_of
from citydip_rag.cli.indexing import app as index_app
from citydip_rag.cli.keys import app as keys_app
from citydip_rag.cli.opening import IndexOption, opened
from citydip_rag.schema import MAX_TOP_K, Language, Policy
from citydip_rag.settings import load_settings

_MCP_HELP: Final = """Serve the documents to a language model's program, over stdin and stdout.

It speaks the Model Context Protocol. Such programs start this command by
themselves, once they are told of it; their model can then ask, search and read.
Put this into their settings, with the folder of your index (some call the outer
name otherwise):

\b
{
  "mcpServers": {
    "citydip": {
      "command": "citydip",
      "args": ["mcp", "--index", "/path/to/index"]
    }
  }
}

Where `citydip` is not found, give its full path, as in /path/to/.venv/bin.
A running `citydip serve` speaks the same over HTTP: http://127.0.0.1:7860/mcp
"""

app = typer.Typer(
    name="citydip",
    help="Ask a folder of documents; every sentence of the answer leads to the exact words it rests"
    " on.\n\n"
    'Begin with: citydip index, then: citydip ask "your question", or: citydip serve.\n\n'
    "Settings come from options, from CITYDIP_* variables and from citydip.toml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(index_app, name="index")
app.add_typer(eval_app, name="eval")
app.add_typer(calibrate_app, name="calibrate")
app.add_typer(feedback_app, name="feedback")
app.add_typer(keys_app, name="keys")

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
TopKOption = Annotated[
    int | None, typer.Option("--top-k", min=1, max=MAX_TOP_K, help="Passages to return.")
]
DocumentsOption = Annotated[
    list[str] | None,
    typer.Option("--document", help="Id of a document to use alone; may be repeated."),
]


@app.callback(invoke_without_command=True)
def options(
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log.")] = False,
    show_version: Annotated[
        bool, typer.Option("--version", help="Print the version and stop.")
    ] = False,
) -> None:
    """Options before the command."""
    quiet_libraries(verbose=verbose)
    if show_version:
        screen.print(version("citydip-rag"))
        raise typer.Exit


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="In Indonesian or English.")],
    index: IndexOption = None,
    language: Annotated[
        Language | None, typer.Option("--language", help="Of the answer. [default: question's]")
    ] = None,
    top_k: TopKOption = None,
    document: DocumentsOption = None,
    generator: Annotated[
        str | None, typer.Option("--generator", help="Who answers. [default: the settings']")
    ] = None,
    policy: Annotated[
        Policy | None,
        typer.Option("--policy", help="What becomes of a model's unsupported sentences."),
    ] = None,
    *,
    claims: Annotated[
        bool,
        typer.Option("--claims", help="Show what the model wrote and how each sentence fared."),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask a question; the answer names the exact words it rests on."""
    from citydip_rag.questions import checked_question

    checked_question(question)
    engine = opened(index, generator=generator, policy=policy)
    events = engine.stream(question, language=language, top_k=top_k, documents=document or None)
    answer = asyncio.run(answer_of(events))
    if as_json:
        write_json(answer.model_dump(mode="json"))
    else:
        show.answer(answer)
        if claims:
            show.claims(answer)


@app.command()
def search(
    question: Annotated[str, typer.Argument(help="In Indonesian or English.")],
    index: IndexOption = None,
    top_k: TopKOption = None,
    document: DocumentsOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Find the best passages for a question, without an answer."""
    from citydip_rag.questions import checked_question

    checked_question(question)
    engine = opened(index)
    result = asyncio.run(engine.search(question, top_k=top_k, documents=document or None))
    if as_json:
        write_json(result.model_dump(mode="json"))
    else:
        show.passages(result)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="[default: 7860]")
    ] = None,
    seeds: Annotated[
        Path | None,
        typer.Option("--seeds", help="Folder of the documents. [default: the one indexed]"),
    ] = None,
    index: IndexOption = None,
    root_path: Annotated[
        str | None,
        typer.Option("--root-path", help="Path below which a proxy serves it, as /citydip."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option("--workers", min=1, max=64, help="Processes; several with --api-only."),
    ] = None,
    *,
    api_only: Annotated[
        bool, typer.Option("--api-only", help="Serve the API without the page.")
    ] = False,
) -> None:
    """Serve the page and the API."""
    from citydip_rag.observing.logs import wants_json
    from citydip_rag.serving import serve as run_server

    settings = load_settings(
        host=host,
        port=port,
        seeds=seeds,
        index=index,
        root_path=root_path,
        workers=workers,
        page=False if api_only else None,
    )
    if not wants_json(settings):  # else the log says so
        remarks.print("Loading the model and the index")
    run_server(settings)


@app.command(help=_MCP_HELP)
def mcp(
    index: IndexOption = None,
    generator: Annotated[
        str | None, typer.Option("--generator", help="Who answers. [default: the settings']")
    ] = None,
) -> None:
    """Serve the documents to a language model's program, over standard input and output."""
    from citydip_rag.serving import serve_mcp

    serve_mcp(load_settings(index=index, generator=generator))


@app.command()
def doctor(
    seeds: Annotated[
        Path | None,
        typer.Option("--seeds", help="Folder of the documents. [default: the one indexed]"),
    ] = None,
    index: IndexOption = None,
    *,
    as_json: JsonOption = False,
) -> None:
    """Check settings, model, documents and index, and say what to do."""
    from citydip_rag.cli.doctor import examine

    with status("Looking"):
        findings = examine(
            lambda: load_settings(seeds=seeds, index=index),
            command("index", seeds=seeds, index=index),
        )
    if as_json:
        write_json([finding.model_dump(mode="json") for finding in findings])
    else:
        show.findings(findings)
    if not all(finding.fine for finding in findings):
        raise typer.Exit(1)


def main() -> None:
    """Entry point of the `citydip` command."""
    run(app)
