"""The files of a folder: links kept inside it, circles ended, names made fit to be shown."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

_UNSHOWABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file that gave no document, and why; skipped, if its kind is not read at all."""

    source: str
    reason: str
    skipped: bool = False
    transient: bool = False
    """It may be read the next time: it was a matter of time, memory or the system."""


def walk_files(folder: Path, without: Path | None = None) -> Iterator[Path | FileFailure]:
    """The files below a folder in the order of their names, and what cannot be opened.

    Hidden files are passed over, links are not followed out of the folder.

    Args:
        folder: where they are.
        without: a folder in it to pass over, such as the index itself.
    """
    return _Walk(folder, folder.resolve(), without and without.resolve()).below(folder)


def shown_name(name: str) -> str:
    """A name that can be stored and shown, whatever bytes the file system gave it.

    Bytes that are no UTF-8, control characters and those that turn the writing's direction are
    written out, and a backslash is doubled, so that no two names become one.
    """
    name = os.fsencode(name.replace("\\", "\\\\")).decode("utf-8", errors="backslashreplace")
    return _UNSHOWABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", name)


@dataclass(slots=True)
class _Walk:
    top: Path
    root: Path
    without: Path | None = None
    seen: set[tuple[int, int]] = field(default_factory=set)
    """Folders by device and inode, so that a circle of links ends."""

    def below(self, folder: Path) -> Iterator[Path | FileFailure]:
        try:
            if not self._is_new(folder.stat()):
                return
            entries = sorted(folder.iterdir())
        except OSError as error:
            yield self._closed(folder, error)
            return
        for entry in entries:
            if not entry.name.startswith("."):
                yield from self._entry(entry)

    def _entry(self, entry: Path) -> Iterator[Path | FileFailure]:
        try:
            place = entry.resolve()
            if place == self.without:
                return
            inside = place.is_relative_to(self.root)
            mode = entry.stat().st_mode
        except FileNotFoundError:  # a link to nowhere, or just removed
            return
        except (OSError, RuntimeError) as error:
            yield self._closed(entry, error)
            return
        if not inside:
            yield self._passed_over(entry, "A link that leads out of the folder is not followed.")
        elif stat.S_ISDIR(mode):
            yield from self.below(entry)
        elif stat.S_ISREG(mode):
            yield entry
        else:
            yield self._passed_over(entry, "It is a pipe, a socket or a device.")

    def _is_new(self, state: os.stat_result) -> bool:
        key = (state.st_dev, state.st_ino)
        new = key not in self.seen
        self.seen.add(key)
        return new

    def _closed(self, path: Path, error: Exception) -> FileFailure:
        reason = getattr(error, "strerror", None) or "the link leads in a circle"
        return FileFailure(
            self._source(path), f"It cannot be opened: {reason}. Check its permissions."
        )

    def _passed_over(self, path: Path, reason: str) -> FileFailure:
        return FileFailure(self._source(path), reason, skipped=True)

    def _source(self, path: Path) -> str:
        return shown_name(path.relative_to(self.top).as_posix())
