"""Logs as JSON, one object a line, each with the request that it belongs to."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final

from citydip_rag.observing.scope import Scope, current
from citydip_rag.settings import Settings

_KNOWN: Final = {
    *vars(logging.makeLogRecord({})),
    *("message", "asctime"),  # which formatters add
    "color_message",  # the same again with a terminal's colours, from uvicorn
}


class JsonFormatter(logging.Formatter):
    """One line of JSON for a record; what `extra` holds are members of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, in ASCII, whatever the record holds."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_of(current()),
            **{name: value for name, value in vars(record).items() if name not in _KNOWN},
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _of(scope: Scope | None) -> dict[str, str]:
    if scope is None:
        return {}
    known = {
        "request_id": scope.request_id,
        "trace_id": scope.span.trace_id,
        "route": scope.route,
        "key": scope.key,
    }
    return {name: value for name, value in known.items() if value}


def wants_json(settings: Settings) -> bool:
    """Whether logs are lines of JSON: as the settings say, else where nobody sits before them."""
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"


def configure_logs(settings: Settings) -> None:
    """Write the process' log to standard error as the settings say.

    Either way each request has a line of ours, for the server's own would hold its path and query.
    As JSON it tells more, since machines read it: what goes on, and what libraries warn of.
    """
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)  # if there is no handler yet
    if not wants_json(settings):
        logging.getLogger("citydip_rag.access").setLevel(logging.INFO)
        return
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            handler.setFormatter(JsonFormatter())
    logging.captureWarnings(capture=True)
    logging.getLogger("citydip_rag").setLevel(logging.INFO)
