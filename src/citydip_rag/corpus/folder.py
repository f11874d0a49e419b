"""A folder of files becomes documents; a file that cannot is named, and the rest goes on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.language import detect_language
from citydip_rag.corpus.markdown import MarkdownLoader
from citydip_rag.corpus.text import TextLoader
from citydip_rag.errors import DocumentError, NothingToIndexError
from citydip_rag.schema import Document

LOADERS: Final[tuple[Loader, ...]] = (TextLoader(), MarkdownLoader())
MAX_FILE_BYTES: Final = 50 * 1024 * 1024
_IGNORED: Final = frozenset({"README.md", "README.id.md", "LICENSE"})


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file that gave no document, and why."""

    source: str
    reason: str


def read_folder(folder: Path) -> Iterator[Document | FileFailure]:
    """Read every file below a folder in the order of their names.

    Hidden files are passed over, links are not followed out of the folder.

    Raises:
        NothingToIndexError: the folder does not exist or is empty.
    """
    if not folder.is_dir():
        raise NothingToIndexError(
            f"There is no folder {folder.name!r}.", "Create it and put your documents into it."
        )
    files = [path for path in sorted(folder.rglob("*")) if _is_candidate(path, folder)]
    if not files:
        raise NothingToIndexError(
            f"The folder {folder.name!r} holds no documents.",
            f"Put files of these kinds into it: {', '.join(sorted(known_suffixes()))}.",
        )
    for path in files:
        source = _shown(path.relative_to(folder).as_posix())
        try:
            yield read_file(path, source)
        except DocumentError as error:
            yield FileFailure(source, str(error))


def read_file(path: Path, source: str) -> Document:
    """Read one file.

    Args:
        path: where it is.
        source: the name it shall have in citations.

    Raises:
        DocumentError: it cannot be read.
    """
    loader = _loader_for(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DocumentError(
                f"{source} is larger than {MAX_FILE_BYTES // 1024**2} MB.",
                "Split it into smaller files.",
            )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        extract = loader.load(path)
    except OSError as error:
        raise DocumentError(
            f"{source} cannot be read: {error.strerror}.", "Check the file's permissions."
        ) from error
    return make_document(extract, source, digest)


def make_document(extract: Extract, source: str, sha256: str) -> Document:
    """Name a loader's extract and find its title and language.

    Raises:
        DocumentError: there is no text in it.
    """
    if not extract.blocks:
        raise DocumentError(f"{source} holds no text.", "Fill it, or remove it from the folder.")
    first = extract.headings[0] if extract.headings else None
    title = extract.text[first.start : first.end] if first else Path(source).stem
    return Document(
        id=hashlib.sha256(source.encode()).hexdigest()[:12],
        title=title,
        source=source,
        sha256=sha256,
        text=extract.text,
        language=detect_language(extract.text).value,
        headings=tuple(extract.headings),
        blocks=tuple(extract.blocks),
        pages=tuple(extract.pages),
    )


def known_suffixes() -> frozenset[str]:
    """Endings of the files we can read."""
    return frozenset().union(*(loader.suffixes for loader in LOADERS))


def _shown(name: str) -> str:
    """A name that can be stored and shown, whatever bytes the file system gave it."""
    return os.fsencode(name).decode("utf-8", errors="backslashreplace")


def _loader_for(path: Path) -> Loader:
    for loader in LOADERS:
        if path.suffix.lower() in loader.suffixes:
            return loader
    raise DocumentError(
        f"{path.name}: files of this kind cannot be read yet.",
        f"Save it as one of: {', '.join(sorted(known_suffixes()))}.",
    )


def _is_candidate(path: Path, folder: Path) -> bool:
    relative = path.relative_to(folder)
    if any(part.startswith(".") for part in relative.parts) or path.name in _IGNORED:
        return False
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())
