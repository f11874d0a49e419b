"""What a chat server sends, read with limits: lines of an event stream, and whole JSON replies."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final, NamedTuple

from citydip_rag.errors import ContextLengthError, GenerationError

MAX_LINE_BYTES: Final = 1_000_000
MAX_REPLY_BYTES: Final = 4_000_000
DONE: Final = "[DONE]"
_LINE_END: Final = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER: Final = b"\xef\xbb\xbf"
"""A mark that some put before UTF-8."""
_OTHER_FIELDS: Final = (":", "event", "id", "retry")
_THOUGHTS: Final = ("reasoning_content", "reasoning")
"""Where a model that thinks before it answers does so, outside of its answer."""
_RETRY: Final = "Ask again; if it goes on, look at the model server's log."


class BrokenStreamError(GenerationError):
    """A reply stops before its end; before its first piece it may be asked for again."""


class Piece(NamedTuple):
    """What one event of a reply says.

    Attributes:
        text: the next piece of the answer.
        finish: why the reply is complete, if it is.
        thinks: the model has written something that is not part of its answer.
    """

    text: str = ""
    finish: str = ""
    thinks: bool = False


async def pieces(chunks: AsyncIterator[bytes]) -> AsyncGenerator[Piece]:
    """The pieces of a reply: of an event stream, or of one JSON object, whatever it is said to be.

    Raises:
        GenerationError: it is neither, is too large, or reports an error.
    """
    begun = await _beginning(chunks)
    if begun.lstrip().startswith(b"{"):
        body = await whole(_resumed(begun, chunks))
        said = piece_of(body.decode("utf-8", "replace"))
        yield said._replace(finish=said.finish or "stop")
        return
    async for data in _events(lines(_resumed(begun, chunks))):
        yield piece_of(data)


async def lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str]:
    """Lines of a stream of bytes, whatever ends them.

    Raises:
        GenerationError: a line is longer than a megabyte, or is not UTF-8.
    """
    held, returned = bytearray(), False
    async for chunk in chunks:
        # A line may end with two signs, of which the second comes later.
        first, *others = _LINE_END.split(chunk.removeprefix(b"\n") if returned else chunk)
        returned = chunk.endswith(b"\r")
        held += first
        for other in others:
            yield _decoded(bytes(held))
            held = bytearray(other)
        if len(held) > MAX_LINE_BYTES:
            raise GenerationError("The model server sends a line without an end.", _RETRY)
    if held:
        yield _decoded(bytes(held))


async def _events(source: AsyncIterator[str]) -> AsyncGenerator[str]:
    """What the events of a stream carry, on one line or on several.

    Raises:
        GenerationError: it is no event stream, or an event is larger than a megabyte.
    """
    held: list[str] = []
    size = 0
    async for line in source:
        data = event_data(line)
        if data is None:
            if line.strip() and not line.startswith(_OTHER_FIELDS):
                parsed(line)  # says that this is no event stream
        elif not held and (data == DONE or _is_whole(data)):
            yield data
        elif data:
            held.append(data)
            size += len(data)
        if held and not line.strip():
            yield "\n".join(held)
            held, size = [], 0
        if size > MAX_LINE_BYTES:
            raise GenerationError("The model server sends an event without an end.", _RETRY)


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


def piece_of(data: str) -> Piece:
    """What one event says.

    Raises:
        ContextLengthError: the server says that the messages are too long.
        GenerationError: it is no event of a chat completion, or reports an error.
    """
    if data == DONE:
        return Piece(finish="stop")
    event = parsed(data)
    if error := event.get("error"):
        said = error_text(error)
        if is_about_length(said):
            raise too_long()
        raise GenerationError(f"The model server broke off: {said}.", _RETRY)
    choices = event.get("choices") or []
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        raise GenerationError("The model server does not send chat completions.", _RETRY)
    first = (choice for choice in choices if str(choice.get("index") or 0) == "0")
    choice: dict[str, Any] = next(first, {})
    delta = choice.get("delta") or choice.get("message") or {}
    if not isinstance(delta, dict):
        delta = {}
    return Piece(
        _content(delta.get("content")),
        str(choice.get("finish_reason") or "").lower(),
        any(isinstance(delta.get(name), str) and delta[name] for name in _THOUGHTS),
    )


def _content(content: object) -> str:
    """A text, or a list of parts of which some are text."""
    parts = content if isinstance(content, list) else [content]
    texts = (part.get("text") if isinstance(part, dict) else part for part in parts)
    return "".join(text for text in texts if isinstance(text, str))


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


def _is_whole(data: str) -> bool:
    """Whether an event ends with its first line, as nearly all do."""
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


async def _beginning(chunks: AsyncIterator[bytes]) -> bytes:
    """Of a reply, as much as tells what it is."""
    begun = bytearray()
    async for chunk in chunks:
        begun += chunk
        if _BYTE_ORDER.startswith(begun):
            continue
        if begun.removeprefix(_BYTE_ORDER).strip() or len(begun) > MAX_LINE_BYTES:
            break
    return bytes(begun.removeprefix(_BYTE_ORDER))


async def _resumed(begun: bytes, chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes]:
    """A stream with the part that has been looked at."""
    if begun:
        yield begun
    async for chunk in chunks:
        yield chunk
