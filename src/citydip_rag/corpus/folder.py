"""A folder of files becomes documents; a file that cannot is named, and the rest goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import LONGEST_HEADING, Extract, Loader
from citydip_rag.corpus.language import detect_language
from citydip_rag.corpus.markdown import MarkdownLoader
from citydip_rag.corpus.text import TextLoader
from citydip_rag.corpus.walk import FileFailure, shown_name, walk_files
from citydip_rag.errors import DocumentError, NothingToIndexError
from citydip_rag.schema import Document

LOADERS: Final[tuple[Loader, ...]] = (TextLoader(), MarkdownLoader())
MAX_FILE_BYTES: Final = 50 * 1024 * 1024


def read_folder(folder: Path) -> Iterator[Document | FileFailure]:
    """Read every file below a folder in the order of their names.

    Hidden files are passed over, links are not followed out of the folder. What cannot be
    opened, a folder in it too, is named, and the rest is read.

    Raises:
        NothingToIndexError: the folder does not exist, cannot be opened, or is empty.
    """
    if not _is_folder(folder):
        raise NothingToIndexError(
            f"There is no folder {shown_name(folder.name)!r}.",
            "Create it and put your documents into it.",
        )
    empty = True
    for item in walk_files(folder):
        empty = False
        if isinstance(item, FileFailure):
            yield item
            continue
        source = shown_name(item.relative_to(folder).as_posix())
        try:
            yield read_file(item, source)
        except DocumentError as error:
            yield FileFailure(source, str(error))
    if empty:
        raise NothingToIndexError(
            f"The folder {shown_name(folder.name)!r} holds no documents.",
            f"Put files of these kinds into it: {', '.join(sorted(known_suffixes()))}.",
        )


def read_file(path: Path, source: str) -> Document:
    """Read one file.

    Args:
        path: where it is.
        source: the name it shall have in citations.

    Raises:
        DocumentError: it cannot be read.
    """
    loader = _loader_for(source)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise DocumentError(
                f"{source} is larger than {MAX_FILE_BYTES // 1024**2} MB.",
                "Split it into smaller files.",
            )
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        extract = loader.load(path, source)
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
    if not any(c.isalnum() for b in extract.blocks for c in extract.text[b.start : b.end]):
        raise DocumentError(f"{source} holds no text.", "Fill it, or remove it from the folder.")
    first = extract.headings[0] if extract.headings else None
    title = extract.title or (extract.text[first.start : first.end] if first else "")
    return Document(
        id=hashlib.sha256(source.encode()).hexdigest()[:12],
        title=" ".join(title.split())[:LONGEST_HEADING] or Path(source).stem,
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


def _is_folder(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # a name too long to exist
        return False


def _loader_for(source: str) -> Loader:
    for loader in LOADERS:
        if Path(source).suffix.lower() in loader.suffixes:
            return loader
    raise DocumentError(
        f"{source}: files of this kind cannot be read yet.",
        f"Save it as one of: {', '.join(sorted(known_suffixes()))}.",
    )
