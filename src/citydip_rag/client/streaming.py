"""Server-sent events as they come become what happens while a question is answered."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from typing import Final

from citydip_rag.client.calls import parsed
from citydip_rag.client.errors import ProblemError, UnexpectedResponseError
from citydip_rag.events import Answered, Checked, Discarded, Event, Retrieved, Written
from citydip_rag.schema import Answer

_ERROR: Final = "error"
_KINDS: Final[dict[str, type[Retrieved | Written | Checked | Discarded]]] = {
    kind.name: kind for kind in (Retrieved, Written, Checked, Discarded)
}


class EventReader:
    """Takes a stream's bytes as they come and gives its events as they end.

    Lines end with a line feed, with or without a carriage return, and with nothing else: a text
    may hold other signs that Python takes for a line's end.
    """

    def __init__(self) -> None:
        """Begin a stream."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""
        self._name = ""
        self._data: list[str] = []
        self.ended = False
        """Whether the last event, the answer, has come."""

    def feed(self, piece: bytes) -> Iterator[Event]:
        """The events that this piece completes.

        Raises:
            ProblemError: the server could not finish the answer.
            UnexpectedResponseError: this is no stream of these events.
        """
        *lines, self._rest = (self._rest + self._decoder.decode(piece)).split("\n")
        for line in lines:
            if event := self._line(line.removesuffix("\r")):
                self.ended = isinstance(event, Answered)
                yield event

    def finish(self) -> None:
        """Hear that nothing more comes.

        Raises:
            UnexpectedResponseError: the answer is missing.
        """
        if not self.ended:
            raise UnexpectedResponseError(
                "The stream ended before its answer.", "Ask again; the server may have stopped."
            )

    def _line(self, line: str) -> Event | None:
        if not line:
            return self._event()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
        return None  # comments keep the connection open, and say nothing

    def _event(self) -> Event | None:
        """What an empty line ends."""
        name, data = self._name, "\n".join(self._data)
        self._name, self._data = "", []
        if not data:
            return None
        try:
            content = json.loads(data)
        except ValueError as error:
            raise UnexpectedResponseError("An event of the stream is no JSON.") from error
        if name == _ERROR:
            raise ProblemError.of(content, {})
        if name == Answered.name:
            return Answered(answer=parsed(Answer, content))
        kind = _KINDS.get(name)
        return parsed(kind, content) if kind else None  # of a newer server
