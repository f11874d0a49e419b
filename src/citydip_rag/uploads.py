"""A file that was sent appears in the folder whole and under a harmless name, or not at all."""

from __future__ import annotations

import os
import secrets
import unicodedata
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


def keep_upload(folder: Path, name: str, content: BinaryIO, *, replace: bool) -> str:
    """Write a file into a folder.

    Args:
        folder: made if it is not there.
        name: as the file's owner calls it; folders in it are left out.
        content: read to its end.
        replace: whether a file of that name may be replaced by another.

    Returns:
        The name it has now.

    Raises:
        UploadError: the name is no name, the kind is not read, or the file is too large.
        DocumentExistsError: there is another file of that name.
    """
    source = checked_name(name)
    target = folder / source
    unfinished = folder / f"{_UNFINISHED}{secrets.token_hex(8)}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("xb") as file:
            _copy(content, file, source)
            os.fsync(file.fileno())
        if target.exists() and not replace and not _same(target, unfinished):
            raise DocumentExistsError(
                f"There is another file {source!r} already.",
                "Rename yours, remove that one, or replace it.",
            )
        unfinished.replace(target)
    except OSError as error:
        raise UploadError(
            f"{source} cannot be kept: {error.strerror or error}.",
            "Make room on the disk, or ask whoever runs this.",
            status=507,
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return source


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
