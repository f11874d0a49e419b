"""A comparison as JSON and as markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from citydip_rag.evaluation.comparing import Comparison, Difference, Pair
from citydip_rag.evaluation.reports.markdown import code, escape, fitted

_LISTED: Final = 30
"""Questions listed at most."""


def comparison_json(found: Comparison) -> str:
    """The whole comparison, for programs."""
    content = {
        "version": 1,
        "questions": len(found.pairs.both),
        "changed": found.pairs.changed,
        "gone": found.pairs.gone,
        "new": found.pairs.new,
        "metrics": {each.metric.name: _figures(each) for each in found.differences},
        "gained": [_turned(pair) for pair in found.gained],
        "lost": [_turned(pair) for pair in found.lost],
        "p": found.p,
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def comparison_markdown(found: Comparison) -> str:
    """A pull request's comment."""
    parts = [
        f"## Grounding compared: {len(found.gained)} right by now, {len(found.lost)} right no more",
        _asked(found),
        "\n".join(_table(found)),
        "\n".join(_list("Right no more", found.lost)),
        "\n".join(_list("Right by now", found.gained)),
    ]
    return fitted("\n\n".join(part for part in parts if part) + "\n")


def _figures(each: Difference) -> dict[str, Any]:
    return {
        "before": each.before,
        "after": each.after,
        "change": each.by,
        "interval": each.interval,
        "p": each.p,
        "n": each.n,
        "verdict": each.verdict,
    }


def _turned(pair: Pair) -> dict[str, str]:
    before, after = pair
    return {
        "id": after.id,
        "file": after.file,
        "question": after.question,
        "before": before.verdict,
        "after": after.verdict,
    }


def _asked(found: Comparison) -> str:
    told = f"{len(found.pairs.both)} questions in both; McNemar's exact test: p = {found.p:.3f}."
    if not found.pairs.complete:
        told += f" Only these are compared: {escape(found.pairs.say())}."
    return told


def _table(found: Comparison) -> Iterator[str]:
    if found.moved:
        yield "| metric | before | after | change | 95 % interval | n | |"
        yield "|---|---:|---:|---:|---:|---:|---|"
    for each in found.moved:
        cells = (each.metric.name, *each.words(), str(each.n), each.verdict)
        yield f"| {' | '.join(cells)} |"
    if found.unchanged:
        yield f"\nUnchanged: {len(found.unchanged)} metrics."


def _list(title: str, pairs: Sequence[Pair]) -> Iterator[str]:
    if not pairs:
        return
    yield f"### {title}"
    for before, after in pairs[:_LISTED]:
        turned = f"{before.verdict} → {after.verdict}"
        yield f"- {code(after.id)} {turned}: {escape(after.question)}"
    if len(pairs) > _LISTED:
        yield f"- and {len(pairs) - _LISTED} more"
