"""A suite's figures for the eye."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from citydip_rag.cli.console import screen

if TYPE_CHECKING:
    from citydip_rag.evaluation.comparing import Comparison, Difference, Pair
    from citydip_rag.evaluation.questions import Question
    from citydip_rag.evaluation.results import SuiteReport

_LISTED = 10
"""Questions that a list shows."""


def suite(report: SuiteReport) -> None:
    """The figures with their intervals, then the gates that do not hold and their questions."""
    title = f"suite (n = {report.n})"
    table = Table("metric", "value", "95 % interval", title=title, title_justify="left")
    broken = {gate.metric for gate in report.broken}
    for metric in report.measured:
        low, high = report.intervals[metric.name]
        value = f"{report.metrics[metric.name]:.4f}"
        table.add_row(
            metric.name,
            f"[bold red]{value}[/]" if metric.name in broken else value,
            f"{low:.4f} – {high:.4f}",
        )
    screen.print(table)
    if report.drafts:
        _warn(f"Drafts: {report.drafts} of {report.n}. Review them before you rely on this.")
    failed = sum(bool(outcome.failure) for outcome in report.questions)
    if failed:
        _warn(f"The language model failed {failed} times; documents were quoted instead.")
    for gate in report.broken:
        said = f"{gate.gate}: measured {gate.value:.4f}"
        screen.print(f"[bold red]gate[/] {escape(said)}", highlight=False)
        screen.print(Padding(Text(f"{gate.why}."), (0, 0, 0, 5)))
        for name in gate.worst:
            question = Text(report.by_name[name].question)
            screen.print(Padding(Text(f"{name}  ", "bold") + question, (0, 0, 0, 5)))
    if report.gates and not report.broken:
        screen.print(f"[green]✓[/] All gates hold ({len(report.gates)}).", highlight=False)


def comparison(found: Comparison) -> None:
    """What changed between two reports, most of it first."""
    pairs = found.pairs
    names = ("metric", "before", "after", "change", "95 % interval", "p", "")
    table = Table(*names, box=None, pad_edge=False)
    table.title, table.title_justify = f"{len(pairs.both)} questions in both", "left"
    for column in table.columns:
        column.no_wrap = True
    for difference in found.differences:
        table.add_row(*_cells(difference))
    screen.print(table)
    if not pairs.complete:
        _warn(
            f"The two were not asked the same, and only what both were is compared: {pairs.say()}."
        )
    screen.print(
        f"Right by now: {len(found.gained)}; right no more: {len(found.lost)}"
        f" (McNemar's exact test: p = {found.p:.3f}).",
        highlight=False,
    )
    _turned("[green]better[/]", found.gained)
    _turned("[red]worse[/]", found.lost)


def drafts(made: Sequence[Question], output: Path, next_command: str) -> None:
    """What was drafted, and how to review it."""
    count = Counter(question.answerable for question in made)
    screen.print(
        f"{len(made)} drafts: {count[True]} answerable, {count[False]} not → {escape(str(output))}",
        highlight=False,
    )
    screen.print(
        "Review them line by line. Does the question read well? Does its evidence alone answer it?"
        " Of those with answerable false: do the documents really not say? Delete or mend what you"
        " would not ask yourself, and take draft- from the ids of the rest. Then:",
        highlight=False,
    )
    screen.print(f"  {escape(next_command)}", soft_wrap=True, highlight=False)


def _cells(found: Difference) -> tuple[str, ...]:
    say = found.metric.say
    low, high = found.interval
    digits = 0 if found.metric.unit else 3
    word = "worse" if found.worse else "better"
    colour = "red" if found.worse else "green"
    return (
        found.metric.name,
        say(found.before),
        say(found.after),
        f"{found.by:+.{digits}f}",
        f"{low:+.{digits}f} to {high:+.{digits}f}",
        f"{found.p:.3f}",
        f"[{colour}]{word}[/]" if found.significant else "",
    )


def _turned(word: str, pairs: Sequence[Pair]) -> None:
    for before, after in pairs[:_LISTED]:
        name = f"{word} {escape(after.id)} [dim]{before.verdict} → {after.verdict}:[/]"
        screen.print(f"{name} {escape(after.question)}", highlight=False)
    if len(pairs) > _LISTED:
        screen.print(f"  and {len(pairs) - _LISTED} more", highlight=False)


def _warn(said: str) -> None:
    screen.print(Text(f"! {said}", style="yellow"))
