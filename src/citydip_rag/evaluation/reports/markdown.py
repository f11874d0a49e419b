"""Markdown for the comment of a pull request: figures, broken gates, the questions behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.outcome import Outcome
from citydip_rag.evaluation.results import SuiteReport

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_LISTED: Final = 30
"""Questions listed at most: a comment may not have more than 65,536 characters."""
_LONGEST: Final = 300


def markdown_report(report: SuiteReport) -> str:
    """The whole comment."""
    parts = [
        f"## Grounding: {headline(report)}",
        facts(report),
        "\n".join(_figures(report)),
        "\n".join(_broken(report)),
        "\n".join(_questions(report.wrong, report.n)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def headline(report: SuiteReport) -> str:
    """What became of the gates, in a few words."""
    if not report.gates:
        return "no gates were set"
    if not report.broken:
        return "all gates hold" if len(report.gates) > 1 else "the gate holds"
    return f"{len(report.broken)} of {len(report.gates)} gates broken"


def facts(report: SuiteReport) -> str:
    """What was asked of what, on a line."""
    settings = report.settings
    name = str(settings.get("model", "none"))
    model = f" ({escape(name)})" if name != "none" else ""
    told = [
        _many(report.n, "question"),
        _many(int(settings.get("documents", 0)), "document"),
        f"answers by {escape(str(settings.get('generator', '?')))}{model}",
    ]
    if report.drafts:
        told.append(f"drafts that nobody has reviewed: {report.drafts}")
    return " · ".join(told)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _figures(report: SuiteReport) -> Iterator[str]:
    yield "| metric | value | 95 % interval | gates |"
    yield "|---|---:|---:|---|"
    for metric in report.measured:
        value, (low, high) = report.metrics[metric.name], report.intervals[metric.name]
        shown = f"{metric.say(low)} – {metric.say(high)}"
        yield f"| {metric.name} | {metric.say(value)} | {shown} | {_gates(report, metric)} |"


def _gates(report: SuiteReport, metric: Metric) -> str:
    broken = {gate.gate for gate in report.broken}
    own = [gate for gate in report.gates if gate.split(" ", 1)[0] == metric.name]
    return ", ".join(
        f"{'❌' if gate in broken else '✅'} {escape(gate.removeprefix(metric.name).strip())}"
        for gate in own
    )


def _broken(report: SuiteReport) -> Iterator[str]:
    if report.broken:
        yield "### Broken"
    for gate in report.broken:
        yield f"- {escape(gate.why)}"
        for name in gate.worst:
            yield f"  - `{name.replace('`', '')}` {escape(report.by_name[name].question)}"


def _questions(wrong: Sequence[Outcome], total: int) -> Iterator[str]:
    if not wrong:
        return
    yield f"<details><summary>{len(wrong)} of {total} questions not right</summary>\n"
    yield "| id | question | what became of it | evidence | cited |"
    yield "|---|---|---|---|---|"
    for outcome in wrong[:_LISTED]:
        gold = outcome.gold[0].text if outcome.gold else "none"
        cited = outcome.citations[0].text if outcome.citations else "nothing"
        cells = (outcome.id, outcome.question, outcome.verdict, gold, cited)
        yield f"| {' | '.join(escape(cell) for cell in cells)} |"
    if len(wrong) > _LISTED:
        yield f"\nand {len(wrong) - _LISTED} more."
    yield "\n</details>"


def escape(text: str) -> str:
    """Text on one line that no markdown, HTML or mention is read from."""
    line = " ".join(text.split())
    short = line if len(line) <= _LONGEST else line[:_LONGEST].rstrip() + "…"
    return _SPECIAL.sub(r"\\\1", short).replace("@", "@\u200b")
