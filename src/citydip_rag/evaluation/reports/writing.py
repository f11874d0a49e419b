"""Reports appear whole and all at once, or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from citydip_rag.errors import EvaluationError

_MODE: Final = 0o666


def check_writable(paths: Iterable[Path]) -> None:
    """Before anything is asked: could these files be written?

    Raises:
        EvaluationError: one is a folder, stands in none or in one that is closed, or is named
            twice.
    """
    listed = list(paths)
    for path in listed:
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if path.is_dir():
            raise _unwritable(path, "it is a folder")
        if not folder.is_dir():
            raise _unwritable(path, f"{folder.name} is no folder")
        if not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
            raise _unwritable(path, "permission denied")
        if sum(other.resolve() == path.resolve() for other in listed) > 1:
            raise _unwritable(path, "two reports would go there")


def write_all(texts: Mapping[Path, str]) -> None:
    """Write every file beside its place, then move all of them there.

    Raises:
        EvaluationError: one cannot be written; then none is, and what stood there still does.
    """
    beside: dict[Path, Path] = {}
    path = Path()
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            beside[path] = Path(name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(handle)
            beside[path].chmod(_MODE & ~_umask())
        for path, temporary in beside.items():
            temporary.replace(path)
    except OSError as error:
        raise _unwritable(path, error.strerror or "the system refused") from error
    finally:
        for temporary in beside.values():
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _unwritable(path: Path, why: str) -> EvaluationError:
    return EvaluationError(
        f"The report {path.name} cannot be written: {why}.", "Name another file."
    )
