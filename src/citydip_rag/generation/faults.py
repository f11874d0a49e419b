"""What goes wrong between us and a chat server, as errors that say what to do.

Texts of the server's own are shown as a short excerpt on one line, and never with the key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final

from citydip_rag.errors import GenerationError, GeneratorUnavailableError

EXCERPT: Final = 200
"""Characters shown of what the server says."""
_CONTEXT: Final = re.compile(
    r"context[ _-]?(length|size|window|limit)|exceed_context_size|maximum context"
    r"|(prompt|input) is too long|too many (input )?tokens|reduce the length",
    re.IGNORECASE,
)
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]{0,500}>", re.IGNORECASE | re.DOTALL)
_LIKE_A_KEY: Final = re.compile(r"\b(sk|gsk|xai|pk)[-_][\w-]{8,}|\bBearer\s+\S+", re.IGNORECASE)
_RETRIED: Final = {429, 500, 502, 503, 504}
_CHECK_URL: Final = "Check CITYDIP_LLM_BASE_URL; most end in /v1."


class RefusedError(GenerationError):
    """The server works, but not with this request; asking again as it is would not help."""


class ContextLengthError(RefusedError):
    """The prompt is longer than the model's context."""


class UnknownModelError(RefusedError):
    """The server has no such model, or no such address."""


class BrokenStreamError(GenerationError):
    """What the server sends is no answer, or stops before its end."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is looked at of a response that is no answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fault_of(response: Response, key: str) -> GenerationError:
    """The error that a response means; `key` is kept out of it."""
    status = response.status
    said = _said(response.body, key)
    if 300 <= status < 400:
        return RefusedError(
            "The LLM server redirects elsewhere, which is not followed.", _CHECK_URL
        )
    if status in {401, 403}:
        return RefusedError(
            f"The LLM server refuses the key (HTTP {status}){said}.",
            "Set CITYDIP_LLM_API_KEY to a valid key for this server.",
        )
    if _refuses_context(status, response.body):
        return ContextLengthError(
            f"The prompt is too long for the model's context{said}.",
            "Start the server with a larger context, and set CITYDIP_LLM_CONTEXT_TOKENS to it.",
        )
    if status == HTTPStatus.NOT_FOUND or _names_model(response.body):
        return UnknownModelError(f"The LLM server has no such model or address{said}.", _CHECK_URL)
    if status in _RETRIED:
        return _unavailable(response, said)
    return RefusedError(f"The LLM server refuses the request (HTTP {status}){said}.")


def fault_in_stream(error: object, key: str) -> GenerationError:
    """The error that an `error` object among the pieces of an answer means."""
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return fault_of(Response(status, {}, json.dumps({"error": error}).encode()), key)


def web_page() -> GenerationError:
    """The error where a page for people came instead of an answer."""
    return RefusedError("The LLM server answers with a web page, not with JSON.", _CHECK_URL)


def excerpt(text: str, key: str) -> str:
    """A short part of the server's text on one line, without tags and the key."""
    plain = _TAG.sub(" ", text[: 50 * EXCERPT])
    plain = "".join(c if c.isprintable() else " " for c in plain)
    if key:
        plain = plain.replace(key, "***")
    plain = " ".join(_LIKE_A_KEY.sub("***", plain).split())
    return plain if len(plain) <= EXCERPT else plain[:EXCERPT].rstrip() + "…"


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; None if it asks nothing."""
    asked = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", asked):
        return float(asked)
    try:
        until = parsedate_to_datetime(asked)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())


def _unavailable(response: Response, said: str) -> GeneratorUnavailableError:
    wait = retry_after(response.headers)
    soon = "a little later" if wait is None else f"in {wait:.0f} s"
    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
        happened = "The LLM server has too many requests (HTTP 429)"
    else:
        happened = f"The LLM server failed (HTTP {response.status})"
    return GeneratorUnavailableError(f"{happened}{said}.", f"Ask again {soon}.", retry_after=wait)


def _refuses_context(status: int, body: bytes) -> bool:
    return status in {400, 413, 422, 500} and bool(_CONTEXT.search(body.decode(errors="replace")))


def _names_model(body: bytes) -> bool:
    return bool(re.search(rb"model_not_found|model .{1,80} (not found|does not exist)", body))


def _said(body: bytes, key: str) -> str:
    """The server's own words, ready to be put behind ours."""
    text = body.decode(errors="replace")
    try:
        text = _message(json.loads(text))
    except (ValueError, RecursionError):
        if text.lstrip()[:1] == "<":
            return ""  # a page made for browsers; its words say little
    said = excerpt(text, key).rstrip(".")
    return f": {said}" if said else ""


def _message(content: Any) -> str:
    """The sentence in an error object of any of the usual shapes."""
    for name in ("error", "message", "detail"):
        if isinstance(content, dict) and content.get(name):
            content = content[name]
    return content if isinstance(content, str) else ""
