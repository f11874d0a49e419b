"""What every report says in the same words."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.evaluation.lines import on_a_line
from citydip_rag.evaluation.outcome import DEPTH, Outcome
from citydip_rag.evaluation.results import SuiteReport

_NAMED: Final = 10
_WHOLE: Final = 0.8
"""Share of a document from which on evidence does not tell right from wrong."""


def headline(report: SuiteReport) -> str:
    """What became of the gates, in a few words."""
    if not report.gates:
        return "no gates were set"
    if not report.broken:
        return "all gates hold" if len(report.gates) > 1 else "the gate holds"
    return f"{len(report.broken)} of {len(report.gates)} gates broken"


def answered_by(report: SuiteReport) -> str:
    """Who answered."""
    if not any(outcome.by_model for outcome in report.questions):
        return "answers are quotations, no language model"
    name = str(report.settings.get("model", "none"))
    model = f" ({name})" if name != "none" else ""
    return f"answers by {report.settings.get('generator', '?')}{model}"


def cautions(report: SuiteReport) -> Iterator[str]:
    """What the figures do not show of the documents, a line each."""
    if report.unread:
        yield f"{many(len(report.unread), 'file')} could not be read: {_named(report.unread)}"
    if report.changed:
        yield (
            "The folder has changed since it was indexed, and the figures are about what it was"
            f" ({many(len(report.changed), 'file')}: {_named(report.changed)})"
        )
    answerable = [outcome for outcome in report.questions if outcome.answerable]
    if nowhere := [o for o in answerable if not o.relevant]:
        yield (
            f"The evidence of {_asked(nowhere, report)} stands in no passage, so that retrieval"
            " cannot find it"
        )
    if everywhere := [o for o in answerable if o.relevant > DEPTH]:
        yield (
            f"The evidence of {_asked(everywhere, report)} stands in more than {DEPTH} passages,"
            " most of which may not answer it: write more of the sentence"
        )
    if brief := [o for o in answerable if o.brief]:
        yield (
            f"The evidence of {_asked(brief, report)} is very short, and a citation counts as right"
            " wherever it stands: write the whole sentence"
        )
    if whole := [o for o in answerable if o.covered >= _WHOLE]:
        yield (
            f"The evidence of {_asked(whole, report)} is nearly all of a document, so that whatever"
            " is cited from it counts as right: write the sentence that answers"
        )


def many(count: int, what: str) -> str:
    """So many of something."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def pasted(text: str) -> str:
    """A text as it is written in a question file's list of evidence; white space does not count."""
    return json.dumps(" ".join(text.split()), ensure_ascii=False)


def _asked(outcomes: Sequence[Outcome], report: SuiteReport) -> str:
    return f"{many(len(outcomes), 'question')} ({_named(report.names(outcomes))})"


def _named(files: Sequence[str]) -> str:
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return ", ".join(on_a_line(file) for file in files[:_NAMED]) + more
