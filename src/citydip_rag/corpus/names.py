"""Names of files inside files, made fit to be shown."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

from citydip_rag.corpus.walk import shown_name

_DRIVE: Final = re.compile(r"\A[A-Za-z]:")
_LONGEST: Final = 200


class MemberNames:
    """Gives out names that lead nowhere outside and are each given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def give(self, name: str) -> str:
        """A harmless name like this one, with a number if it was given before."""
        path = PurePosixPath(harmless(name))
        number = 1
        given = str(path)
        while given in self._given:
            number += 1
            given = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        self._given.add(given)
        return given


def harmless(name: str) -> str:
    """A relative name below its folder, without characters that cannot be shown."""
    name = name.encode(errors="replace").decode().replace("\\", "/")
    parts = [part.strip() for part in _DRIVE.sub("", name).split("/")]
    kept = [shown_name(_short(part)) for part in parts if part.strip(".")]
    return "/".join(kept) or "unnamed"


def _short(part: str) -> str:
    """A name of bearable length that keeps its ending."""
    if len(part) <= _LONGEST:
        return part
    ending = PurePosixPath(part).suffix[:10]
    return part[: _LONGEST - len(ending)] + ending
