"""Markdown for the comment of a pull request: figures, broken gates, the questions behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.evaluation.lines import on_a_line
from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.outcome import OTHER, Outcome
from citydip_rag.evaluation.reports.notes import answered_by, cautions, headline, many
from citydip_rag.evaluation.results import SuiteReport

_LINK: Final = re.compile(r"(?i)([hfw])(?=ttps?:|tp:|ww\.)")
"""Begins what is made a link without brackets."""
_MOST: Final = 65_000
"""Characters: a comment may not have more than 65,536."""
_LONGEST_ID: Final = 80
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>()#+!|~&])")
_LISTED: Final = 30
"""Questions listed at most."""
_LONGEST: Final = 300


def markdown_report(report: SuiteReport) -> str:
    """The whole comment."""
    parts = [
        f"## Grounding: {headline(report)}",
        facts(report),
        *(f"⚠️ {escape(caution)}." for caution in cautions(report)),
        "\n".join(_figures(report)),
        "\n".join(_broken(report)),
        "\n".join(_questions(report.wrong, report.n)),
    ]
    return fitted("\n\n".join(part for part in parts if part) + "\n")


def facts(report: SuiteReport) -> str:
    """What was asked of what, on a line."""
    told = [
        many(report.n, "question"),
        many(int(report.settings.get("documents", 0)), "document"),
        escape(answered_by(report)),
    ]
    if report.drafts:
        told.append(f"drafts that nobody has reviewed: {report.drafts}")
    return " · ".join(told)


def _figures(report: SuiteReport) -> Iterator[str]:
    yield "| metric | value | 95 % interval | n | gates |"
    yield "|---|---:|---:|---:|---|"
    for metric in report.measured:
        value, (low, high) = report.metrics[metric.name], report.intervals[metric.name]
        shown = f"{metric.say(low)} – {metric.say(high)}"
        counted = metric.count(report.questions)
        gates = _gates(report, metric)
        yield f"| {metric.name} | {metric.say(value)} | {shown} | {counted} | {gates} |"


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
    for blamed in report.blamed:
        for gate in blamed.gates:
            yield f"- {escape(gate.why)}"
        for name in blamed.worst:
            yield f"  - {code(name)} {escape(report.by_name[name].question)}"
        if blamed.more:
            yield f"  - and {blamed.more} more"


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
    if any(outcome.verdict == OTHER for outcome in wrong):
        yield "\nWhere what was cited answers the question too, add it to the question's evidence."
    yield "\n</details>"


def escape(text: str) -> str:
    """Text on one line that no markdown, HTML or mention is read from."""
    short = _short(text, _LONGEST)
    escaped = _SPECIAL.sub(r"\\\1", _LINK.sub("\\\1\u200b", short))
    return escaped.replace("@", "@\u200b").replace("#", "#\u200b")


def code(text: str) -> str:
    """A name as code, on one line."""
    return f"`{_short(text.replace('`', ''), _LONGEST_ID) or '?'}`"


def fitted(comment: str) -> str:
    """A comment that is not too long: without its last lines, if it must be."""
    if len(comment) <= _MOST:
        return comment
    kept = comment[:_MOST].rpartition("\n")[0]
    opened = "<details>" in kept and "</details>" not in kept
    return f"{kept}\n\nThe rest is too long for a comment.\n" + "\n</details>\n" * opened


def _short(text: str, most: int) -> str:
    line = on_a_line(text)
    return line if len(line) <= most else line[:most].rstrip() + "…"
