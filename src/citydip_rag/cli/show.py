"""Results for the eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from citydip_rag.cli.console import command, screen
from citydip_rag.schema import Answer, FileReport, FileStatus, PassageHit, SearchResult
from citydip_rag.texts import text

_COLOURS = {
    FileStatus.INDEXED: "green",
    FileStatus.RENAMED: "green",
    FileStatus.UNCHANGED: "dim",
    FileStatus.REMOVED: "yellow",
    FileStatus.SKIPPED: "yellow",
    FileStatus.FAILED: "red",
}
_ORDER = [
    FileStatus.UNCHANGED,
    FileStatus.RENAMED,
    FileStatus.INDEXED,
    FileStatus.REMOVED,
    FileStatus.SKIPPED,
    FileStatus.FAILED,
]

if TYPE_CHECKING:
    from citydip_rag.cli.doctor import Finding
    from citydip_rag.evaluation import Report
    from citydip_rag.feedback import Asked, Rated
    from citydip_rag.indexing import IndexReport


def index_report(report: IndexReport, index: str | None = None) -> None:
    """What became of every file; those that need a person's eye last, with the reason.

    Args:
        report: of the run.
        index: the folder or database that was named for it, for the commands that come next.
    """
    changed = [file for file in report.files if file.status is not FileStatus.UNCHANGED]
    table = Table("file", "status", "passages", "pages", "language", box=None, pad_edge=False)
    table.columns[0].overflow = "fold"
    for file in sorted(changed, key=lambda file: _ORDER.index(file.status)):
        table.add_row(
            escape(file.source),
            f"[{_COLOURS[file.status]}]{file.status.value}[/]",
            str(file.passages or ""),
            str(file.pages or ""),
            file.language or "",
        )
    if changed:
        screen.print(table)
    for file in report.files:
        if file.reason:
            screen.print(Text("• ", style=_COLOURS[file.status]) + Text(_named(file)))
    count = Counter(file.status for file in report.files)
    told = ", ".join(f"{count[status]} {status.value}" for status in _ORDER if count[status])
    made = f"{report.embedded} embedded now" if report.changed else "nothing had changed"
    screen.print(f"\n{told}.")
    screen.print(f"{report.documents} documents, {report.passages} passages ({made}).")
    ask, serve = (escape(command(line, index=index)) for line in ('ask "…"', "serve"))
    screen.print(f"Ask: {ask}  or: {serve}", soft_wrap=True, highlight=False)


def _named(file: FileReport) -> str:
    """The reason, with the file's name before it if it does not say it."""
    said = file.reason
    return said if file.source in said else f"{file.source}: {said}"


def answer(result: Answer) -> None:
    """An answer with its citations, or an abstention with reading."""
    border = "yellow" if result.abstained else "green"
    screen.print(Panel(Text(result.answer), border_style=border, padding=(1, 2)))
    if result.notice:
        screen.print(Text(f"! {result.notice}", style="yellow"))
    if result.failure:
        screen.print(Text(f"  {result.failure}", style="dim"))
    if result.abstained:
        for hit in result.passages[:3]:
            _passage(hit)
    for citation in result.citations:
        screen.print(
            Text(f"[{citation.number}] ", style="bold")
            + Text(f"{citation.place} · {citation.source} · ")
            + Text(f"{citation.start}–{citation.end}", style="dim")
        )
        screen.print(Padding(Text(f"“{citation.quote}”", style="italic"), (0, 0, 1, 4)))
    screen.print(
        Text(
            text(
                result.language,
                "cli.facts",
                confidence=round(100 * result.confidence),
                generator=result.generator,
                milliseconds=round(result.timings_ms["total"]),
            ),
            style="dim",
        )
    )


def claims(result: Answer) -> None:
    """What the model wrote, and what was found of each of its sentences."""
    if result.written:
        title = text(result.language, "cli.written")
        screen.print(Panel(Text(result.written), title=title, border_style="dim"))
    for claim in (*result.discarded, *result.claims):
        mark = "[green]✓[/]" if claim.supported else "[red]✗[/]"
        cited = "".join(f" [{number}]" for number in claim.citations)
        screen.print(f"{mark} {claim.support:.2f} {escape(claim.text + cited)}")
        for reason in claim.reasons:
            screen.print(Padding(Text(reason, style="dim"), (0, 0, 0, 7)))


def passages(result: SearchResult) -> None:
    """Passages, best first."""
    for hit in result.passages:
        _passage(hit)


def _passage(hit: PassageHit) -> None:
    screen.print(
        Text(f"{hit.scores['score']:.3f}  ", style="bold")
        + Text(f"{hit.heading or hit.title} · {hit.source} · ")
        + Text(f"{hit.start}–{hit.end}", style="dim")
    )
    screen.print(Padding(Text(hit.text), (0, 0, 1, 4)))


def findings(found: Sequence[Finding]) -> None:
    """What the doctor saw."""
    for finding in found:
        sound = "[yellow]![/]" if finding.advice else "[green]✓[/]"
        mark = sound if finding.fine else "[red]✗[/]"
        screen.print(f"{mark} [bold]{finding.subject}[/] {escape(finding.observation)}")
        if finding.advice:
            screen.print(Padding(Text(f"→ {finding.advice}"), (0, 0, 0, 4)))


def report(result: Report) -> None:
    """An evaluation's figures."""
    table = Table("metric", "value", title=f"{result.name} (n = {result.n})", title_justify="left")
    for name, value in result.metrics.items():
        table.add_row(name, f"{value:.4f}")
    screen.print(table)


def ratings(rated: Sequence[Rated]) -> None:
    """Ratings, one a row; the readers' own words below their question."""
    table = Table("day", "rating", "reasons", "question", box=None, pad_edge=False)
    table.columns[3].overflow = "fold"
    for one in rated:
        asked = Text(one.standalone or one.question)
        if one.comment:
            asked.append(f"\n“{one.comment}”", style="dim")
        colour = "green" if one.rating == "good" else "red"
        table.add_row(
            str(one.day), f"[{colour}]{one.rating}[/]", ", ".join(one.reasons) or "", asked
        )
    screen.print(table if rated else "There are no ratings.")


def asked(questions: Sequence[Asked]) -> None:
    """Logged questions, one a row."""
    table = Table("day", "answered", "confidence", "ms", "question", box=None, pad_edge=False)
    table.columns[4].overflow = "fold"
    for one in questions:
        table.add_row(
            str(one.day),
            "no" if one.abstained else "yes",
            f"{one.confidence:.2f}",
            str(round(one.timings_ms.get("total", 0))),
            Text(one.standalone or one.question),
        )
    screen.print(table if questions else "There are no logged questions.")
