"""The last evaluation as a page of its own, which the page at `/` shows."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import load_report
from citydip_rag.evaluation.reports import html_report
from citydip_rag.schema import Language
from citydip_rag.server.needs import READS
from citydip_rag.texts import text

PATH: Final = "/evaluation"
_HEADERS: Final = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:;"
    " frame-ancestors 'self'",
}


def add_evaluation(app: FastAPI, report: Path) -> None:
    """Serve the report that `citydip eval suite --json` last wrote there."""

    def evaluation() -> HTMLResponse:
        try:
            return HTMLResponse(html_report(load_report(report)), headers=_HEADERS)
        except EvaluationError:
            status = 500 if report.exists() else 404
            return HTMLResponse(_nothing(report), status_code=status, headers=_HEADERS)

    app.get(PATH, include_in_schema=False, dependencies=[READS])(evaluation)


def _nothing(report: Path) -> str:
    """What to read where there is no report, or none that can be read."""
    key = "evaluation.damaged" if report.exists() else "evaluation.none"
    named = report.name if report.is_absolute() else report  # whose folders nobody is told
    command = escape(f"citydip eval suite --json {named}")
    said = "".join(f'<p lang="{one}">{escape(text(one, key))}</p>' for one in Language)
    return (
        '<!doctype html><meta charset="utf-8"><title>citydip</title>'
        "<style>:root{color-scheme:light dark;font:17px/1.6 system-ui,sans-serif}"
        "body{max-width:60ch;margin:3rem auto;padding:0 1rem}pre{white-space:pre-wrap}</style>"
        f"<body data-short>{said}<pre><code>{command}</code></pre>"
    )
