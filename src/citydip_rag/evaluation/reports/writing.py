"""Reports appear whole and all at once, or not at all."""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from citydip_rag.errors import EvaluationError

_MODE: Final = 0o666
_STANDARD: Final = (1, 2)
"""Descriptors of standard output and standard error."""


def check_writable(paths: Iterable[Path], inputs: Sequence[Path] = ()) -> None:
    """Before anything is asked: could these files be written?

    Args:
        paths: of the reports.
        inputs: files that the run reads, and folders of such.

    Raises:
        EvaluationError: one is a folder, stands in none or in one that is closed, is named twice,
            or is one of the run's own inputs.
    """
    listed = list(paths)
    for path in listed:
        if path.is_dir():
            raise _unwritable(path, "it is a folder")
        if _is_stream(path):
            continue
        _check_file(path, _target(path))
        if sum(_target(other) == _target(path) for other in listed) > 1:
            raise _unwritable(path, "two reports would go there")
        for own in inputs:
            if _is_or_holds(own, path):
                raise _unwritable(path, "this run reads it")


def _check_file(path: Path, target: Path) -> None:
    folder = next(parent for parent in target.parents if parent.exists())
    if target.is_symlink():
        raise _unwritable(path, "it is a link to itself")
    if not folder.is_dir():
        raise _unwritable(path, f"{folder.name} is no folder")
    if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
        raise _unwritable(path, "permission denied")


def _is_or_holds(own: Path, path: Path) -> bool:
    """Whether a path is a file, by whatever name, or stands in a folder."""
    if own.is_dir():
        return _target(path).is_relative_to(_target(own))
    return own.exists() and path.exists() and own.samefile(path)


def write_all(texts: Mapping[Path, str]) -> None:
    """Write every file beside its place, then move all of them there.

    A link stays one, and a file keeps its mode. What is no file, as a pipe or /dev/stdout, is
    written to when all files have been written, and before they are moved.

    Raises:
        EvaluationError: one cannot be written; then none is, and what stood there still does.
    """
    beside: dict[Path, Path] = {}
    streams = [path for path in texts if _is_stream(path)]
    path = Path()
    try:
        for path in (path for path in texts if path not in streams):
            target = _target(path)
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{target.name[:99]}.", dir=target.parent)
            beside[target] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(texts[path])
                file.flush()
                os.fsync(handle)
            beside[target].chmod(_mode(target))
        for path in streams:
            _pour(path, texts[path])
        for path, temporary in beside.items():
            temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or "the system refused") from error
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _target(path: Path) -> Path:
    """Where a file stands, links followed."""
    return Path(os.path.realpath(path))


def _is_stream(path: Path) -> bool:
    """Whether it is a device, a pipe, or what standard output goes to."""
    return path.exists() and (not path.is_file() or _standard(path) is not None)


def _standard(path: Path) -> int | None:
    """Standard output or standard error, if it is that."""
    for number in _STANDARD:
        with suppress(OSError):
            if os.path.samestat(path.stat(), os.fstat(number)):
                return number
    return None


def _pour(path: Path, text: str) -> None:
    """Write to what is no file; to standard output behind what it has, file or not."""
    number = _standard(path)
    sys.stdout.flush()
    into = path if number is None else os.dup(number)
    with open(into, "w", encoding="utf-8") as stream:  # noqa: PTH123  # it may be a descriptor
        stream.write(text)


def _mode(path: Path) -> int:
    """That of the file there, or of any new one."""
    return stat.S_IMODE(path.stat().st_mode) if path.exists() else _MODE & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, why: str) -> EvaluationError:
    return EvaluationError(f"The file {path} cannot be written: {why}.", "Name another file.")
