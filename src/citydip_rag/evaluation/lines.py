"""Files of one JSON object a line; what is wrong in one is said with its file and line."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.wording import in_words
from citydip_rag.questions import without_controls

Model = TypeVar("Model", bound=BaseModel)

_CONTROLS: Final = re.compile(r"[\x80-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Further characters that a terminal obeys, or that turn a line's direction."""
_MOST: Final = 20
"""Mistakes said at once."""


class Mistakes:
    """What is wrong in many lines, to be said at once."""

    def __init__(self) -> None:
        """Begin with none."""
        self._noted: list[EvaluationError] = []

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Go on behind this block if something in it is wrong."""
        try:
            yield
        except EvaluationError as error:
            self._noted.append(error)

    def refuse(self) -> None:
        """Raise what was noted, if anything was.

        Raises:
            EvaluationError: one mistake as it is, several a line each, the first twenty of them.
        """
        if len(self._noted) == 1:
            raise self._noted[0]
        if self._noted:
            raise self._together()

    def _together(self) -> EvaluationError:
        """All in one; what helps with several of them is said once."""
        count = Counter(error.remedy for error in self._noted)
        said = [e.message if count[e.remedy] > 1 else str(e) for e in self._noted[:_MOST]]
        more = len(self._noted) - len(said)
        lines = [
            f"{len(self._noted)} lines are wrong:",
            *said,
            *([f"and {more} more"] * bool(more)),
        ]
        shared = (remedy for remedy, times in count.items() if times > 1)
        return EvaluationError("\n".join(lines), " ".join(filter(None, shared)))


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        EvaluationError: it is absent, or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # no UTF-8, or a path that no file can have
        raise EvaluationError(f"{path.name} cannot be read.", "Check the path.") from error


def filled_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not blank, with their numbers from 1."""
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with their line numbers; blank lines are skipped.

    Raises:
        EvaluationError: names the first line that holds no object.
    """
    for number, line in filled_lines(path):
        yield number, json_object(path, number, line)


def json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    """The object of a line.

    Raises:
        EvaluationError: names the line, which holds none.
    """
    try:
        entry = json.loads(line)
        json.dumps(entry, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise wrong(path, number, f"not valid JSON: {json_fault(error)}") from error
    if not isinstance(entry, dict):
        raise wrong(path, number, "not a JSON object")
    return entry


def json_fault(error: ValueError | RecursionError) -> str:
    """What is wrong with JSON that could not be read, or could not be written again."""
    if isinstance(error, RecursionError):
        return "nested too deeply"
    if isinstance(error, UnicodeEncodeError):
        return "half a character"
    return error.msg if isinstance(error, json.JSONDecodeError) else "a number of too many digits"


def valid(kind: type[Model], path: Path, number: int, entry: dict[str, Any]) -> Model:
    """An object as what it should be.

    Raises:
        EvaluationError: names its line and the first field that is wrong.
    """
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        raise wrong(path, number, in_words(error, kind)) from error


def on_a_line(text: str) -> str:
    """A text of others on one line, without what a terminal would obey."""
    return " ".join(_CONTROLS.sub(" ", without_controls(text)).split())


def wrong(path: Path, number: int, what: str, remedy: str = "") -> EvaluationError:
    """What is wrong in a line."""
    said = on_a_line(what)
    ended = said if said.endswith("?") else f"{said}."
    return EvaluationError(f"{path.name}, line {number}: {ended}", remedy)
