"""One file becomes parts: its own text, and that of each file inside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import MAX_MEMBERS, MAX_UNPACKED_BYTES, Extract, Loader
from citydip_rag.corpus.formats import loader_for
from citydip_rag.corpus.statute import with_articles
from citydip_rag.corpus.walk import shown_name
from citydip_rag.errors import DocumentError, UnknownFormatError

READER_VERSION: Final = 2
"""Raised whenever the same file would give another text: then all files are read anew."""
MAX_FILE_BYTES: Final = 200 * 1024 * 1024
MAX_CHARACTERS: Final = 20_000_000
_DEEPEST: Final = 3
"""Files within files within files."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one file gave, or a file inside it.

    Attributes:
        source: its name in citations; a file inside another has that one's name before it.
        extract: its text, or None where it could not be read.
        reason: why not, and what to do.
        skipped: it is of a kind that is not read at all.
        transient: it may be read the next time; time, memory or the system were against it.
    """

    source: str
    extract: Extract | None = None
    reason: str = ""
    skipped: bool = False
    transient: bool = False


@dataclass(slots=True)
class _Budget:
    """What may still be unpacked from one file, however deep it is nested."""

    bytes: int = MAX_UNPACKED_BYTES
    members: int = MAX_MEMBERS
    names: set[str] = field(default_factory=set)


def read_parts(path: Path, source: str) -> list[Part]:
    """Read a file and the files inside it; what cannot be read says so, and nothing is raised."""
    return list(_parts(path, source, _Budget(), 0))


def _parts(path: Path, source: str, budget: _Budget, depth: int) -> Iterator[Part]:
    try:
        loader, extract = _load(path, source)
    except UnknownFormatError as error:
        yield Part(source, reason=str(error), skipped=True)
        return
    except DocumentError as error:
        yield Part(source, reason=str(error))
        return
    except OSError as error:
        reason = f"{source} cannot be read: {error.strerror or error}. Check its permissions."
        yield Part(source, reason=reason, transient=True)
        return
    inside = list(_members(loader, path, source, budget, depth))
    if extract.text.strip() or not inside:
        yield Part(source, with_articles(extract))
    yield from inside


def _load(path: Path, source: str) -> tuple[Loader, Extract]:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DocumentError(
            f"{source} is larger than {MAX_FILE_BYTES // 1024**2} MB.",
            "Split it into smaller files.",
        )
    loader = loader_for(path, source)
    extract = loader.load(path, source)
    if len(extract.text) > MAX_CHARACTERS:
        raise DocumentError(
            f"{source} holds more than {MAX_CHARACTERS:,} characters.",
            "Split it into smaller files.",
        )
    return loader, extract


def _members(
    loader: Loader, path: Path, source: str, budget: _Budget, depth: int
) -> Iterator[Part]:
    """Parts of the files inside; a temporary folder holds one of them at a time."""
    try:
        for member in loader.members(path, source):
            name = _free_name(f"{source}/{shown_name(member.name)}", budget.names)
            budget.members -= 1
            budget.bytes -= len(member.content)
            if budget.members < 0 or budget.bytes < 0 or depth >= _DEEPEST:
                yield Part(name, reason=f"{source} holds too much, or is nested too deep.")
                return
            with tempfile.TemporaryDirectory(prefix="citydip-") as folder:
                file = Path(folder) / "member"
                file.write_bytes(member.content)
                yield from _parts(file, name, budget, depth + 1)
    except DocumentError as error:
        yield Part(source, reason=str(error))


def _free_name(name: str, taken: set[str]) -> str:
    """Two attachments may have one name; two documents may not."""
    free, number = name, 2
    while free in taken:
        free = f"{name} ({number})"
        number += 1
    taken.add(free)
    return free
