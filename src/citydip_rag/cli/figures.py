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
    from citydip_rag.evaluation.drafting import Drafts
    from citydip_rag.evaluation.results import Blamed, SuiteReport

_LISTED = 10
"""Questions that a list shows."""
_DOCUMENTS = 30
"""Documents that a list shows."""


def suite(report: SuiteReport) -> None:
    """The figures with their intervals, then the gates that do not hold and their questions."""
    title = f"suite (n = {report.n})"
    table = Table("metric", "value", "95 % interval", "n", title=title, title_justify="left")
    broken = {gate.metric for gate in report.broken}
    for metric in report.measured:
        low, high = report.intervals[metric.name]
        value = f"{report.metrics[metric.name]:.4f}"
        table.add_row(
            metric.name,
            f"[bold red]{value}[/]" if metric.name in broken else value,
            f"{low:.4f} – {high:.4f}",
            str(metric.count(report.questions)),
        )
    screen.print(table)
    _cautions(report)
    for blamed in report.blamed:
        _broken(report, blamed)
    if report.gates and not report.broken:
        screen.print(f"[green]✓[/] All gates hold ({len(report.gates)}).", highlight=False)


def _cautions(report: SuiteReport) -> None:
    from citydip_rag.evaluation.reports.notes import cautions

    for caution in cautions(report):
        _warn(f"{caution}.")
    if report.drafts:
        _warn(f"Drafts: {report.drafts} of {report.n}. Review them before you rely on this.")
    failed = sum(bool(outcome.failure) for outcome in report.questions)
    if failed:
        _warn(f"The language model failed {failed} times; documents were quoted instead.")


def _broken(report: SuiteReport, blamed: Blamed) -> None:
    for gate in blamed.gates:
        screen.print(Text("✗ ", "bold red") + _plain(f"{gate.why}."))
    for name in blamed.worst:
        question = _plain(report.by_name[name].question)
        screen.print(Padding(_plain(name, "bold") + Text("  ") + question, (0, 0, 0, 5)))
    if blamed.more:
        screen.print(Padding(Text(f"and {blamed.more} more", "dim"), (0, 0, 0, 5)))


def comparison(found: Comparison) -> None:
    """What changed between two reports, most of it first."""
    pairs = found.pairs
    names = ("metric", "before", "after", "change", "95 % interval", "p", "n", "")
    table = Table(*names, box=None, pad_edge=False)
    table.title, table.title_justify = f"{len(pairs.both)} questions in both", "left"
    for column in table.columns:
        column.no_wrap = True
    for difference in found.moved:
        table.add_row(*_cells(difference), style="dim" if difference.metric.unit else "")
    screen.print(table if found.moved else f"{table.title}; no metric has changed")
    if found.moved and found.unchanged:
        screen.print(f"unchanged: {len(found.unchanged)}", style="dim", highlight=False)
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


def drafts(made: Drafts, wanted: int, output: Path, next_command: str) -> None:
    """What was drafted, where none was and why, and how to review it."""
    count = Counter(question.answerable for question in made.questions)
    screen.print(
        f"{len(made.questions)} drafts: {count[True]} answerable, {count[False]} not"
        f" → {escape(str(output))}",
        highlight=False,
    )
    if len(made.questions) < wanted:
        _shares(made, wanted)
    screen.print(
        "Review them line by line. Does the question read well? Does its evidence alone answer it?"
        " Of those with answerable false: do the documents really not say? Delete or mend what you"
        " would not ask yourself, and take draft- from the ids of the rest.",
        highlight=False,
    )
    screen.print(
        "Drafts are easy, as they are made of the words of their own evidence: a system that"
        " answers them all may fail people. Add hard ones of your own, in words that the documents"
        " do not use, and some that they nearly answer. Then:",
        highlight=False,
    )
    screen.print(f"  {escape(next_command)}", soft_wrap=True, highlight=False)


def _shares(made: Drafts, wanted: int) -> None:
    _warn(f"No more than these of {wanted} could be made; answerable ones by document:")
    for share in made.shares[:_DOCUMENTS]:
        said = f"none: {share.why}" if share.why else str(share.drafts)
        screen.print(Padding(_plain(share.source) + Text(f"  {said}"), (0, 0, 0, 2)))
    if len(made.shares) > _DOCUMENTS:
        screen.print(f"  and {len(made.shares) - _DOCUMENTS} more documents", highlight=False)


def _cells(found: Difference) -> tuple[str, ...]:
    colour = "red" if found.worse else "green"
    word = f"[{colour}]{found.verdict}[/]" if found.verdict else ""
    return found.metric.name, *found.words(), f"{found.p:.3f}", str(found.n), word


def _turned(word: str, pairs: Sequence[Pair]) -> None:
    for before, after in pairs[:_LISTED]:
        turned = Text.from_markup(f" [dim]{before.verdict} → {after.verdict}:[/] ")
        named = Text.from_markup(f"{word} ") + _plain(after.id)
        screen.print(named + turned + _plain(after.question))
    if len(pairs) > _LISTED:
        screen.print(f"  and {len(pairs) - _LISTED} more", highlight=False)


def _warn(said: str) -> None:
    screen.print(_plain(f"! {said}", "yellow"))


def _plain(said: str, style: str = "") -> Text:
    """A text of others, without what the terminal would obey."""
    from citydip_rag.evaluation.lines import on_a_line

    return Text(on_a_line(said), style)
