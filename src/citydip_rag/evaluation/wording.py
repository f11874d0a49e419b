"""What is wrong with an object of a file, in the words of those who write such files."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

_UNKNOWN: Final = "extra_forbidden"
_WANTED: Final[Mapping[str, str]] = {
    "missing": "is missing",
    "bool_type": "write true or false, without quotes",
    "bool_parsing": "write true or false, without quotes",
    "tuple_type": 'write a list: ["…"]',
    "string_type": "write a text in quotes",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number, without quotes",
    "string_pattern_mismatch": "is blank",
}
"""By the kinds of pydantic; its own words say the rest."""
_LISTS_OF: Final[Mapping[str, str]] = {"evidence": "texts", "facts": "texts"}


def in_words(error: ValidationError, kind: type[BaseModel]) -> str:
    """The mistake that explains the others: a field that does not exist, else the first."""
    found = error.errors(include_url=False)
    first = next((each for each in found if each["type"] == _UNKNOWN), found[0])
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {_said(first, kind)}".lstrip(": ")


def _said(found: ErrorDetails, kind: type[BaseModel]) -> str:
    if found["type"] == _UNKNOWN:
        return _no_field(found["loc"], kind)
    if found["type"] == "tuple_type" and found["loc"][-1] in _LISTS_OF:
        return f"write a list of {_LISTS_OF[str(found['loc'][-1])]}: [{_example(found['input'])}]"
    if found["type"] == "string_too_long":
        return f"is longer than {found['ctx']['max_length']:,} characters"
    if found["type"] == "enum":
        return f"write {found['ctx']['expected']}"
    return _WANTED.get(found["type"], found["msg"].removeprefix("Value error, "))


def _no_field(place: tuple[str | int, ...], kind: type[BaseModel]) -> str:
    known = list(kind.model_fields) if len(place) == 1 else []
    close = get_close_matches(str(place[-1]), known, n=1)
    return (
        f"there is no such field; did you mean {close[0]}?" if close else "there is no such field"
    )


def _example(given: Any) -> str:
    """What was given, as the one member of a list; shortened."""
    text = given if isinstance(given, str) else "…"
    return f'"{text[:20]}…"' if len(text) > 20 else f'"{text}"'
