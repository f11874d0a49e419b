"""Files that were sent appear in the folder whole and under harmless names, or not at all."""

from __future__ import annotations

import os
import secrets
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from citydip_rag.corpus import known_suffixes
from citydip_rag.corpus.reading import MAX_FILE_BYTES
from citydip_rag.errors import DocumentExistsError, UploadError

_UNFINISHED: Final = ".upload-"
"""Begins the name of a file that is still being written; hidden files are never indexed."""
_LONGEST_NAME: Final = 200
"""Bytes; file systems allow 255, and our own names beside it are longer."""
_CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was sent.

    Attributes:
        name: as the file's owner calls it; folders in it are left out.
        content: read to its end.
    """

    name: str
    content: BinaryIO


def keep_uploads(folder: Path, files: Sequence[Upload], *, replace: bool) -> list[str]:
    """Write files into a folder: all of them, or none.

    Args:
        folder: made if it is not there.
        files: each is written whole before the first appears under its name.
        replace: whether files of those names may be replaced by others.

    Returns:
        The names they have now.

    Raises:
        UploadError: a name is no name, a kind is not read, or a file is too large.
        DocumentExistsError: there is another file of that name.
    """
    try:
        return _keep(folder, files, replace=replace)
    except (UploadError, DocumentExistsError) as error:
        if len(files) > 1:
            error.remedy = f"{error.remedy} None of the {len(files)} files was kept.".strip()
        raise


def _keep(folder: Path, files: Sequence[Upload], *, replace: bool) -> list[str]:
    sources = [checked_name(file.name) for file in files]
    twice = next((name for name in sources if sources.count(name) > 1), None)
    if twice:
        raise DocumentExistsError(f"Two of the files are named {twice!r}.", "Rename one of them.")
    staged = {source: folder / f"{_UNFINISHED}{secrets.token_hex(8)}" for source in sources}
    source = sources[0] if sources else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source, file in zip(sources, files, strict=True):
            _write(file.content, staged[source], source)
            _check_free(folder / source, staged[source], replace=replace)
        _place(folder, staged)
    except OSError as error:
        raise UploadError(
            f"{source} cannot be kept: {error.strerror or error}.",
            "Make room on the disk, or ask whoever runs this.",
            status=507,
        ) from error
    finally:
        for unfinished in staged.values():
            unfinished.unlink(missing_ok=True)
    return sources


def _write(content: BinaryIO, unfinished: Path, source: str) -> None:
    with unfinished.open("xb") as file:
        _copy(content, file, source)
        os.fsync(file.fileno())


def _check_free(target: Path, unfinished: Path, *, replace: bool) -> None:
    if target.exists() and not replace and not _same(target, unfinished):
        raise DocumentExistsError(
            f"There is another file {target.name!r} already.",
            "Rename yours, remove that one, or replace it.",
        )
    if target.is_dir():
        raise DocumentExistsError(f"There is a folder {target.name!r} already.", "Rename yours.")


def _place(folder: Path, staged: Mapping[str, Path]) -> None:
    """Give files their names; should the system refuse one, those new by now go again."""
    new: list[Path] = []
    try:
        for source, unfinished in staged.items():
            target = folder / source
            if not target.exists():
                new.append(target)
            unfinished.replace(target)
    except OSError:
        for target in new:
            target.unlink(missing_ok=True)
        raise


def clear_unfinished(folder: Path) -> None:
    """Delete what a killed process was still writing."""
    for leftover in folder.glob(f"{_UNFINISHED}*"):
        leftover.unlink(missing_ok=True)


def checked_name(name: str) -> str:
    """A file's own name, made fit for every file system."""
    bare = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    bare = "".join(c if c.isprintable() and c not in '<>:"|?*' else "_" for c in bare).strip(" .")
    stem, dot, suffix = bare.rpartition(".")
    if not bare or not stem.strip("_ "):
        raise UploadError("The file has no name.", "Give it one, with its ending.")
    if f".{suffix.lower()}" not in known_suffixes():
        raise UploadError(
            f"{bare}: files of this kind cannot be read.",
            f"Save it as one of: {', '.join(known_suffixes())}.",
            status=415,
        )
    while len(f"{stem}{dot}{suffix}".encode()) > _LONGEST_NAME:
        stem = stem[:-1]
    return f"{stem}{dot}{suffix}"


def _copy(content: BinaryIO, file: BinaryIO, source: str) -> None:
    size = 0
    while chunk := content.read(_CHUNK):
        size += len(chunk)
        if size > MAX_FILE_BYTES:
            raise UploadError(
                f"{source} is larger than {MAX_FILE_BYTES // 1024**2} MB.",
                "Split it into smaller files.",
                status=413,
            )
        file.write(chunk)
    if not size:
        raise UploadError(f"{source} is empty.", "Choose another file.")


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(len(chunk)):
                return False
    return True
