"""What chat servers stream: lines of server-sent events with pieces of an answer.

Tolerant of how servers differ (line ends, comments, missing parts, a reply in one piece) and strict
about what would do harm: endless lines and bytes that are no text.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any, Final

from citydip_rag.generation.faults import BrokenStreamError, fault_in_stream, web_page

MAX_LINE: Final = 1_000_000
"""Bytes of one line."""
_FIELDS: Final = ("event:", "id:", "retry:", ":")


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event brings.

    Attributes:
        text: of the answer.
        thinking: whether the model writes for itself only.
    """

    text: str = ""
    thinking: bool = False


async def lines(chunks: AsyncIterator[bytes]) -> AsyncGenerator[str, None]:
    """Cut bytes into lines without their ends.

    Raises:
        BrokenStreamError: a line is too long, or no UTF-8.
    """
    rest = b""
    async for chunk in chunks:
        *whole, rest = _cut(rest + chunk)
        for line in whole:
            yield _decoded(line)
        if len(rest) > MAX_LINE:
            raise BrokenStreamError(
                "The LLM server sends a line of more than 1 MB.", "Look into the server's log."
            )
    if rest:
        yield _decoded(rest)


def _cut(data: bytes) -> list[bytes]:
    """Lines; the last one has no end yet, and may be empty."""
    cut = data.splitlines()
    return cut if data and data[-1:] not in {b"\n", b"\r"} else [*cut, b""]


def _decoded(line: bytes) -> str:
    if len(line) > MAX_LINE:
        raise BrokenStreamError(
            "The LLM server sends a line of more than 1 MB.", "Look into the server's log."
        )
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise BrokenStreamError(
            "The LLM server sends bytes that are no UTF-8 text.", "Look into the server's log."
        ) from None


class Reply:
    """Makes pieces out of lines.

    Attributes:
        ended: whether the answer is complete; what comes behind it is passed over.
    """

    def __init__(self, key: str) -> None:
        """`key` is kept out of errors."""
        self._key = key
        self._loose: list[str] = []
        self._size = 0
        self._streams = False
        self.ended = False

    def read(self, line: str) -> list[Piece]:
        """The pieces of one line.

        Raises:
            GenerationError: the server reports an error, or sends what is no answer.
        """
        if self.ended:
            return []
        if line.startswith("data:"):
            self._streams = True
            data = line[5:].strip()
            if data == "[DONE]":
                self.ended = True
                return []
            return self._pieces(_parsed(data)) if data else []
        if not line.strip() or line.startswith(_FIELDS):
            return []
        self._size += len(line) + 1
        if self._size > MAX_LINE:
            raise BrokenStreamError("The LLM server sends more than 1 MB of what is no answer.")
        self._loose.append(line)
        if line.lstrip()[:1] == "<":
            raise web_page()
        return []

    def end(self) -> list[Piece]:
        """The pieces of a reply that came in one, once all lines are read."""
        if self._streams or not self._loose:
            return []
        found = self._pieces(_parsed("\n".join(self._loose)))
        self.ended = bool(found)
        return found

    def _pieces(self, event: Any) -> list[Piece]:
        if not isinstance(event, dict):
            raise _no_answer()
        if event.get("error"):
            raise fault_in_stream(event["error"], self._key)
        choices = event.get("choices")
        if not isinstance(choices, list):
            return []
        first = [c for c in choices if isinstance(c, dict) and not c.get("index")]
        self.ended = any(choice.get("finish_reason") for choice in first)
        return [piece for choice in first for piece in _of_choice(choice)]


def _of_choice(choice: dict[str, Any]) -> list[Piece]:
    said = choice.get("delta") or choice.get("message") or {}
    said = said if isinstance(said, dict) else {}
    content = said.get("content")
    pieces = []
    if said.get("reasoning_content") or said.get("reasoning"):
        pieces.append(Piece(thinking=True))
    if isinstance(content, str) and content:
        pieces.append(Piece(content))
    return pieces


def _parsed(data: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise _no_answer() from None


def _no_answer() -> BrokenStreamError:
    return BrokenStreamError(
        "The LLM server sends what is no chat answer.",
        "Check that CITYDIP_LLM_BASE_URL is that of an OpenAI-compatible server.",
    )


class Thoughts:
    """Takes `<think>…</think>` out of a text that comes in pieces."""

    _OPEN: Final = "<think>"
    _CLOSE: Final = "</think>"

    def __init__(self) -> None:
        self._held = ""
        self._inside = False

    def feed(self, text: str) -> str:
        """What can be shown by now; a possible beginning of a tag is held back."""
        self._held += text
        shown = []
        while True:
            tag = self._CLOSE if self._inside else self._OPEN
            before, found, after = self._held.partition(tag)
            if not found:
                break
            if not self._inside:
                shown.append(before)
            self._inside = not self._inside
            self._held = after
        keep = _overlap(self._held, tag)
        if not self._inside:
            shown.append(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]
        return "".join(shown)

    def end(self) -> str:
        """What was held back and is no tag."""
        return "" if self._inside else self._held


def _overlap(text: str, tag: str) -> int:
    """Length of the longest end of the text with which the tag begins."""
    return next((n for n in range(len(tag) - 1, 0, -1) if text.endswith(tag[:n])), 0)
