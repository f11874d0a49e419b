"""What a chat server sends, read with limits: lines of an event stream, and whole JSON replies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any, Final

from citydip_rag.errors import ContextLengthError, GenerationError

MAX_LINE_BYTES: Final = 1_000_000
MAX_REPLY_BYTES: Final = 4_000_000
DONE: Final = "[DONE]"
_RETRY: Final = "Ask again; if it goes on, look at the model server's log."


class BrokenStreamError(GenerationError):
    """A reply stops before its end; before its first piece it may be asked for again."""


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[str]:
    """Lines of a stream of bytes, whatever ends them.

    Raises:
        GenerationError: a line is longer than a megabyte, or is not UTF-8.
    """
    held = bytearray()
    async for chunk in chunks:
        held += chunk
        *complete, rest = held.replace(b"\r\n", b"\n").split(b"\n")
        held = bytearray(rest)
        for line in complete:
            yield _decoded(bytes(line))
        if len(held) > MAX_LINE_BYTES:
            raise GenerationError("The model server sends a line without an end.", _RETRY)
    if held:
        yield _decoded(bytes(held))


async def whole(chunks: AsyncIterator[bytes], limit: int = MAX_REPLY_BYTES) -> bytes:
    """A whole reply.

    Raises:
        GenerationError: it is larger than the limit.
    """
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > limit:
            raise GenerationError("The model server's reply is too large.", _RETRY)
    return bytes(body)


def event_data(line: str) -> str | None:
    """What a line of an event stream carries; None for comments, names and blank lines."""
    name, _, value = line.partition(":")
    return value.removeprefix(" ").strip() if name == "data" else None


def piece_of(data: str) -> tuple[str, str]:
    """The text of one event, and why the reply is complete if it is.

    Raises:
        ContextLengthError: the server says that the messages are too long.
        GenerationError: it is no event of a chat completion, or reports an error.
    """
    if data == DONE:
        return "", "stop"
    event = parsed(data)
    if error := event.get("error"):
        said = error_text(error)
        if is_about_length(said):
            raise too_long()
        raise GenerationError(f"The model server broke off: {said}.", _RETRY)
    choices = event.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise GenerationError("The model server does not send chat completions.", _RETRY)
    choice: dict[str, Any] = next((choice for choice in choices if not choice.get("index")), {})
    delta = choice.get("delta") or choice.get("message") or {}
    text = delta.get("content") if isinstance(delta, dict) else None
    return text if isinstance(text, str) else "", str(choice.get("finish_reason") or "")


def parsed(data: str | bytes) -> dict[str, Any]:
    """A JSON object.

    Raises:
        GenerationError: it is none.
    """
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise GenerationError(
            "What answers at the address of the model server is no chat server.",
            "Check CITYDIP_LLM_BASE_URL; it usually ends in /v1.",
        )
    return value


def is_about_length(said: str) -> bool:
    """Whether a server complains of too many tokens."""
    words = said.lower()
    return "context" in words or "too long" in words or ("maximum" in words and "token" in words)


def too_long() -> ContextLengthError:
    """The error that this means."""
    return ContextLengthError(
        "The question and its passages are too long for the model.",
        "Raise the model server's context length, or lower CITYDIP_LLM_PASSAGES.",
    )


def error_text(error: object) -> str:
    """What a server says of an error, on one line and not too long."""
    said = error.get("message", error) if isinstance(error, dict) else error
    words = " ".join("".join(c if c.isprintable() else " " for c in str(said)[:100_000]).split())
    return words[:200].rstrip(" .") or "it does not say why"


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise GenerationError("The model server sends text that is not UTF-8.", _RETRY) from error
