"""Files of one JSON object a line; what is wrong in one is said with its file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from citydip_rag.errors import EvaluationError

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path) -> str:
    """A file's text.

    Raises:
        EvaluationError: it is absent, or no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(f"{path.name} cannot be read.", "Check the path.") from error


def json_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The objects of a file with their line numbers; blank lines are skipped.

    Raises:
        EvaluationError: names the first line that holds no object.
    """
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            said = getattr(error, "msg", "nested too deeply")
            raise wrong(path, number, f"not valid JSON: {said}") from error
        if not isinstance(entry, dict):
            raise wrong(path, number, "not a JSON object")
        yield number, entry


def valid(kind: type[Model], path: Path, number: int, entry: dict[str, Any]) -> Model:
    """An object as what it should be.

    Raises:
        EvaluationError: names its line and the first field that is wrong.
    """
    try:
        return kind.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise wrong(path, number, f"{field}: {first['msg']}".lstrip(": ")) from error


def wrong(path: Path, number: int, what: str, remedy: str = "") -> EvaluationError:
    """What is wrong in a line."""
    return EvaluationError(f"{path.name}, line {number}: {what}.", remedy)
