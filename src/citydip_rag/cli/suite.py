"""`citydip eval suite`, `compare` and `init`: your own questions, asked and held against gates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from citydip_rag.cli import figures
from citydip_rag.cli.console import command, progress_bar, remarks, status
from citydip_rag.cli.opening import IndexOption, opened

if TYPE_CHECKING:
    from citydip_rag.engine import Engine
    from citydip_rag.evaluation.results import SuiteReport

_SHIPPED: Final = Path("eval/questions/diplomasi-kota.jsonl")

ReportArgument = Annotated[Path, typer.Argument(help="Of citydip eval suite --json.")]


def _file(name: str, says: str) -> object:
    return typer.Option(name, help=says, dir_okay=True)


def suite(
    files: Annotated[
        list[Path] | None, typer.Argument(help=f"Question files. [default: {_SHIPPED}]")
    ] = None,
    gates: Annotated[
        Path | None, typer.Option("--gates", help="TOML of bounds; a broken one exits with 1.")
    ] = None,
    index: IndexOption = None,
    json_file: Annotated[
        Path | None, _file("--json", "Write the whole report here; compare and baselines read it.")
    ] = None,
    html_file: Annotated[
        Path | None, _file("--html", "Write a page with charts and every question here.")
    ] = None,
    markdown_file: Annotated[
        Path | None, _file("--markdown", "Write a pull request's comment here.")
    ] = None,
    junit_file: Annotated[Path | None, _file("--junit", "Write JUnit XML here.")] = None,
    proposed: Annotated[
        Path | None,
        _file("--propose-gates", "Write gates at the intervals' lower ends here, to begin."),
    ] = None,
) -> None:
    """Ask your own questions of the current index, and hold the figures against gates.

    A question file has one JSON object a line: id, question, language (id or en), answerable, and
    evidence, a list of exact texts from the documents, each of which alone carries the answer.
    citydip eval init drafts one; eval/README.md says all of it.
    """
    from citydip_rag.evaluation import Gates, load_gates
    from citydip_rag.evaluation.proposing import looseness
    from citydip_rag.evaluation.questions import read_files
    from citydip_rag.evaluation.reports import check_writable, write_all
    from citydip_rag.evaluation.suite import run_suite

    wanted = _wanted(json_file, html_file, markdown_file, junit_file, proposed)
    if proposed:
        _refuse_existing(proposed, "may hold the gates you have set", "--propose-gates")
    bounds = load_gates(gates) if gates else Gates()
    asked = files or _shipped()
    reports = [path for path, _ in wanted]
    check_writable(reports, [path for path in (gates, *asked, *bounds.files) if path])
    entries = read_files(asked)
    bounds.check_questions(entries)
    engine = opened(index)
    check_writable(reports, _read_by(engine))
    with progress_bar("Asking") as step:
        result = bounds.judged(run_suite(engine, entries, step))
    engine.close()
    write_all({path: render(result) for path, render in wanted})
    figures.suite(result)
    for path, _ in wanted:
        remarks.print(f"→ {path}", markup=False, highlight=False)
    if proposed and (loose := looseness(result)):
        remarks.print(loose, highlight=False)
    if result.broken:
        raise typer.Exit(1)


def _read_by(engine: Engine) -> list[Path]:
    """The documents of an engine, and its index where that is a folder."""
    settings = engine.settings
    documents = [settings.seeds / name.source for name in engine.document_names().values()]
    return [*documents, *([settings.index] if isinstance(settings.index, Path) else [])]


def _shipped() -> list[Path]:
    """The questions on the shipped article, in its repository alone."""
    from citydip_rag.errors import EvaluationError

    if not _SHIPPED.exists():
        raise EvaluationError(
            f"No question file was named, and there is no {_SHIPPED} here.",
            "Name one: citydip eval suite questions.jsonl; citydip eval init drafts one.",
        )
    return [_SHIPPED]


def _refuse_existing(path: Path, why: str, option: str) -> None:
    from citydip_rag.errors import EvaluationError

    if path.exists():
        raise EvaluationError(
            f"{path} is there already, and {why}.", f"Name another file with {option}."
        )


def _wanted(
    json_file: Path | None,
    html: Path | None,
    markdown: Path | None,
    junit: Path | None,
    gates: Path | None,
) -> list[tuple[Path, Callable[[SuiteReport], str]]]:
    """The files asked for, and what makes each of them."""
    from citydip_rag.evaluation.proposing import proposed_gates
    from citydip_rag.evaluation.reports import html_report, junit_report, markdown_report
    from citydip_rag.evaluation.results import SuiteReport

    pairs = (
        (json_file, SuiteReport.json_text),
        (html, html_report),
        (markdown, markdown_report),
        (junit, junit_report),
        (gates, proposed_gates),
    )
    return [(path, render) for path, render in pairs if path is not None]


def compare(
    before: ReportArgument,
    after: ReportArgument,
    json_file: Annotated[Path | None, _file("--json", "Write the whole comparison here.")] = None,
    markdown_file: Annotated[
        Path | None, _file("--markdown", "Write a pull request's comment here.")
    ] = None,
) -> None:
    """Say what got better and what got worse between two reports, and what may be chance."""
    from citydip_rag.evaluation import compare as compared
    from citydip_rag.evaluation import load_report
    from citydip_rag.evaluation.reports import (
        check_writable,
        comparison_json,
        comparison_markdown,
        write_all,
    )

    pairs = ((json_file, comparison_json), (markdown_file, comparison_markdown))
    wanted = [(path, render) for path, render in pairs if path is not None]
    check_writable([path for path, _ in wanted], [before, after])
    found = compared(load_report(before), load_report(after))
    write_all({path: render(found) for path, render in wanted})
    figures.comparison(found)


def init(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The file to write; it must not exist yet.")
    ] = Path("questions.jsonl"),
    number: Annotated[
        int, typer.Option("--number", "-n", min=2, max=1000, help="Questions to draft at most.")
    ] = 40,
    index: IndexOption = None,
) -> None:
    """Draft questions about the indexed documents, for you to review.

    Three in four are made of sentences, articles and headings, with these as their evidence; the
    others ask for what no document mentions. Ids begin with draft- until you have reviewed them.
    """
    from citydip_rag.evaluation.drafting import drafted
    from citydip_rag.evaluation.reports import check_writable, write_all

    _refuse_existing(output, "may hold what you have reviewed", "--output")
    check_writable([output])
    engine = opened(index)
    with status("Reading the documents"):
        drafts = drafted(engine, number)
    engine.close()
    write_all({output: "".join(draft.json_line() for draft in drafts.questions)})
    figures.drafts(drafts, number, output, command(f"eval suite {output}", index=index))
