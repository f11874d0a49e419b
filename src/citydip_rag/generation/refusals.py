"""Why a chat server did not answer, in words that say what to do."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from citydip_rag.errors import (
    GenerationError,
    ModelBusyError,
    ModelLateError,
    ModelRefusedError,
    ModelUnreachableError,
)
from citydip_rag.generation.wire import error_text, is_about_length, parsed, too_long

_PASSING: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
"""Statuses after which another attempt may succeed."""
_TELLING: Final = 8
"""Characters of a key that are not to be told."""
_PATH: Final = re.compile(
    r"(?:^|[^\w.-])[~.]{0,2}[/\\]|\b[a-z]:[/\\]|\.(?:gguf|bin|safetensors)$", re.IGNORECASE
)
"""What the name of a file has, wherever in a model's name it begins, and no other name."""
_SHOWN: Final = 100
"""Characters of a model's name that are shown."""
_LONGEST_WAIT: Final = 3_600
"""Seconds that are named; who is told to wait for longer is not told for how long."""
_SECONDS: Final = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_LOOK: Final = "Look at the model server's log."


class Refusal(Exception):  # noqa: N818  # carries the error that is reported in its place
    """A request that was not answered with success.

    Attributes:
        reported: what the asker is told.
        passing: another attempt may succeed.
        of_server: it is the server's fault, not the request's.
        of_model: another model may do.
        of_names: the newer names of the parameters may do.
        retry_after: seconds that the server asks to wait.
    """

    def __init__(
        self,
        reported: GenerationError,
        *,
        passing: bool = False,
        of_server: bool = True,
        of_model: bool = False,
        of_names: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(str(reported))
        self.reported = reported
        self.passing = passing
        self.of_server = of_server
        self.of_model = of_model
        self.of_names = of_names
        self.retry_after = retry_after

    @classmethod
    def unreachable(cls, address: httpx.URL, error: Exception) -> Refusal:
        """No answer at all."""
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            reported: GenerationError = ModelLateError(
                f"The model server at {address} does not answer in time.",
                "See whether it is still loading its model.",
            )
        else:
            reported = ModelUnreachableError(
                f"The model server at {address} cannot be reached.",
                "Start it, or correct CITYDIP_LLM_BASE_URL.",
            )
        return cls(reported, passing=True)

    @classmethod
    def unprepared(cls, error: Exception) -> Refusal:
        """Something around it keeps the connection from being made; what it is may be secret."""
        why = "a library is missing" if isinstance(error, ImportError) else "a setting is wrong"
        return cls(
            ModelUnreachableError(
                f"The connection to the model server cannot be set up: {why}.",
                "Look at HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and"
                " SSL_CERT_DIR in the environment; a SOCKS proxy needs: pip install"
                " 'httpx[socks]'.",
            )
        )


def refusal(response: httpx.Response, body: bytes, model: str, key: str) -> Refusal:
    """What a status other than 200 means.

    Args:
        response: its status and headers.
        body: what it said, as far as it was read.
        model: the model that was asked for.
        key: the key that was sent; it is never repeated.
    """
    said = _said(body, key)
    status = response.status_code
    if status in {401, 403}:
        reported: GenerationError = ModelRefusedError(
            "The model server does not accept the key.",
            "Set CITYDIP_LLM_API_KEY to a valid one.",
        )
        return Refusal(reported, of_server=False)
    if status in {400, 413, 422} and is_about_length(said):
        return Refusal(too_long(), of_server=False)
    if status == httpx.codes.BAD_REQUEST and "max_completion_tokens" in said:
        reported = GenerationError(f"The model server refuses the request: {said}.", _LOOK)
        return Refusal(reported, passing=True, of_server=False, of_names=True)
    if status == httpx.codes.NOT_FOUND or (status == httpx.codes.BAD_REQUEST and "model" in said):
        reported = ModelRefusedError(
            f"The model server does not know the model {shown_model(model)!r}"
            f" or has no such address: {said}.",
            "Correct CITYDIP_LLM_MODEL or CITYDIP_LLM_BASE_URL; the latter usually ends in /v1.",
        )
        return Refusal(reported, of_server=False, of_model=True)
    if 300 <= status < 400:
        reported = ModelRefusedError(
            "The model server sends its clients elsewhere, which is not followed.",
            "Set CITYDIP_LLM_BASE_URL to the address it names.",
        )
        return Refusal(reported, of_server=False)
    wait = _wait(response)
    later = f"Ask again in {wait:.0f} s." if wait else "Ask again a little later."
    if wait > _LONGEST_WAIT:
        later = "Ask again later."
    busy = bool(wait) or status in {429, 503}
    kind = ModelBusyError if busy else GenerationError
    reported = kind(
        f"The model server answered with status {status}: {said}.",
        later if wait or status == httpx.codes.TOO_MANY_REQUESTS else _LOOK,
    )
    return Refusal(reported, passing=status in _PASSING, of_server=status >= 500, retry_after=wait)


def shown_model(name: str) -> str:
    """A model's name for people: llama.cpp names a model by its path, which stays here."""
    name = "".join(c for c in name if c.isprintable()).strip()
    if _PATH.search(name):
        name = re.split(r"[/\\]", name.rstrip("/\\"))[-1]
    return name[:_SHOWN]


def _said(body: bytes, key: str) -> str:
    text = body.decode("utf-8", "replace")
    with suppress(GenerationError):
        text = error_text(parsed(text).get("error", text))
    text = error_text(text)
    if text.startswith("<"):
        text = "it sent a web page"
    return without_key(text, key)


def without_key(said: str, key: str) -> str:
    """What a server says, unless it says the key or a good part of it."""
    size = min(len(key), _TELLING)
    parts = {key[i : i + size].lower() for i in range(len(key) - size + 1)}
    told = size > 0 and any(part in said.lower() for part in parts)
    return "it repeats the key" if told else said


def _wait(response: httpx.Response) -> float:
    """Seconds of Retry-After, given as such or as a date."""
    value = response.headers.get("retry-after", "").strip()
    with suppress(ValueError, OverflowError, OSError, TypeError):
        return max(0.0, float(value) if _SECONDS.fullmatch(value) else _until(value))
    return 0.0


def _until(date: str) -> float:
    return parsedate_to_datetime(date).timestamp() - time.time()
