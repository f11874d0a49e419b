"""Generations: an index is written whole, then made current by one atomic rename."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from citydip_rag.errors import (
    CitydipError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexNewerError,
)
from citydip_rag.schema import FileReport

FORMAT: Final = 2
POINTER: Final = "CURRENT"
MANIFEST: Final = "manifest.json"
REBUILD: Final = "Run: citydip index --rebuild"
_GENERATION: Final = re.compile(r"\d{8}T\d{6}-[0-9a-f]{6}")
"""Names that `new_generation` gives; nothing else in the index folder is ever deleted."""
_KEPT: Final = 2
"""Generations kept: the current one and the one that readers may still hold."""


class ChunkingSettings(BaseModel):
    """How the documents were cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_tokens: int
    max_tokens: int


class FileRecord(BaseModel):
    """A file of the seeds folder: SHA-256 of its bytes, and what became of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    reports: tuple[FileReport, ...]


class Manifest(BaseModel):
    """What a generation is made of.

    Attributes:
        format: version of the files' layout.
        embedder: fingerprint of the embedder.
        embedding_model: its name, for messages.
        dimension: length of the vectors.
        token_dimension: length of the stored token vectors.
        chunking: how the documents were cut, None where passages came ready-made.
        reader: version of the code that read the files; 0 where passages came ready-made.
        folder: where the files were, for whoever adds more; empty where passages came ready-made.
        inputs: what became of every file of the seeds folder, by its source.
        files: name of every file to its SHA-256.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int
    created: datetime
    embedder: str
    embedding_model: str
    dimension: int
    token_dimension: int
    chunking: ChunkingSettings | None
    documents: int
    passages: int
    reader: int = 0
    folder: str = ""
    inputs: dict[str, FileRecord] = {}
    files: dict[str, str]


def new_generation(index: Path) -> Path:
    """Create a folder for a generation that is not yet current."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    folder = index / f"{stamp}-{secrets.token_hex(3)}"
    folder.mkdir(parents=True)
    return folder


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of a generation but its manifest."""
    return {
        path.relative_to(folder).as_posix(): _sha256(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }


def publish(index: Path, folder: Path, manifest: Manifest) -> None:
    """Write the manifest, sync everything to disk, and make the generation current."""
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    for path in folder.rglob("*"):
        _sync(path)
    _sync(folder)
    pointer = index / f".{POINTER}-{secrets.token_hex(4)}"
    pointer.write_text(f"{folder.name} {_sha256(folder / MANIFEST)}\n", encoding="utf-8")
    _sync(pointer)
    pointer.replace(index / POINTER)
    _sync(index)


def remove_old(index: Path) -> None:
    """Delete all generations and leftovers but the newest few; call with the write lock held.

    A reader that still holds a deleted generation keeps its open files.
    """
    current = current_name(index)
    folders = sorted(
        (path for path in index.iterdir() if path.is_dir() and _GENERATION.fullmatch(path.name)),
        key=lambda path: (path.name == current, (path / MANIFEST).is_file(), path.name),
    )
    for folder in folders[:-_KEPT]:
        shutil.rmtree(folder, ignore_errors=True)
    for folder in folders[-_KEPT:]:
        if not (folder / MANIFEST).is_file():
            shutil.rmtree(folder, ignore_errors=True)
    for leftover in index.glob(f".{POINTER}-*"):
        leftover.unlink(missing_ok=True)


def current_name(index: Path) -> str:
    """Name of the current generation; raises as `current_generation` does."""
    return current_generation(index)[0]


def is_current(index: Path, name: str) -> bool:
    """Whether the pointer names this generation."""
    try:
        return current_name(index) == name
    except CitydipError:
        return False


def current_generation(index: Path) -> tuple[str, str]:
    """Name of the current generation, and the SHA-256 of its manifest.

    Raises:
        IndexMissingError: there is none.
        IndexDamagedError: the pointer holds nonsense.
    """
    try:
        name, _, digest = (index / POINTER).read_text(encoding="utf-8").strip().partition(" ")
    except NotADirectoryError:
        raise IndexMissingError(
            f"{index.name!r} is a file, not the folder of an index.", "Name another with --index."
        ) from None
    except FileNotFoundError:
        raise IndexMissingError("There is no index yet.", "Run: citydip index") from None
    except (OSError, UnicodeDecodeError) as error:
        raise IndexDamagedError(f"The index pointer {POINTER} cannot be read.", REBUILD) from error
    if not name or Path(name).name != name or not (index / name).is_dir():
        raise IndexDamagedError(
            f"The index pointer {POINTER} names a generation that is not there.", REBUILD
        )
    return name, digest


def read_manifest(folder: Path, digest: str) -> Manifest:
    """Read a generation's manifest, whose SHA-256 the pointer holds.

    Raises:
        IndexDamagedError: it is absent or damaged.
        IndexMismatchError: it has an older format.
        IndexNewerError: it has a newer one.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        found = int(json.loads(text)["format"])  # what else it holds depends on this
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise IndexDamagedError(f"{MANIFEST} of the index is damaged.", REBUILD) from error
    if hashlib.sha256(text).hexdigest() != digest:
        raise IndexDamagedError(f"{MANIFEST} of the index was altered.", REBUILD)
    _check_format(found)
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        raise IndexDamagedError(f"{MANIFEST} of the index is damaged.", REBUILD) from error


def _check_format(found: int) -> None:
    said = f"The index has format {found}, this program reads {FORMAT}."
    if found < FORMAT:
        raise IndexMismatchError(said, "Run: citydip index")
    if found > FORMAT:
        raise IndexNewerError(
            said,
            f"Use the newer program, or name another folder with --index. To replace it: {REBUILD}",
        )


def verify_files(folder: Path, manifest: Manifest, names: Sequence[str] | None = None) -> None:
    """Compare every file, or those named, with its checksum.

    Raises:
        IndexDamagedError: names the first file that is absent or altered.
    """
    for name, expected in manifest.files.items():
        if names is not None and name not in names:
            continue
        path = folder / name
        if not path.is_file():
            raise IndexDamagedError(f"The index file {name} is missing.", REBUILD)
        if _sha256(path) != expected:
            raise IndexDamagedError(f"The index file {name} is damaged.", REBUILD)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
