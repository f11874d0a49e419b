"""One self-contained page: no script, nothing fetched, both colour schemes, fit for printing."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from citydip_rag.evaluation.metric import Metric
from citydip_rag.evaluation.outcome import OTHER, Outcome
from citydip_rag.evaluation.reports import charts
from citydip_rag.evaluation.reports.notes import answered_by, cautions, headline, pasted
from citydip_rag.evaluation.results import SuiteReport


def html_report(report: SuiteReport) -> str:
    """The page."""
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            report=report,
            headline=headline(report),
            answered_by=answered_by(report),
            cautions=list(cautions(report)),
            style=Markup(_file("report.css")),  # noqa: S704  # our own, and no text of others in it
            rows=charts.rows(report),
            bars=charts.bars(report),
            confidences=charts.confidences(report),
            latencies=charts.latencies(report),
            anchors={o.key: f"q{n}" for n, o in enumerate(report.questions, start=1)},
            missing=_missing,
            other=OTHER,
            pasted=pasted,
        )
    )


def _missing(outcome: Outcome, metrics: list[Metric]) -> list[str]:
    """The metrics that a question costs something."""
    return [m.name for m in metrics if not m.unit and m.worst([outcome])]


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader(__package__, "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _file(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")
