"""A folder of files becomes documents; a file that cannot is named, and the rest goes on."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import LONGEST_HEADING, Extract
from citydip_rag.corpus.formats import known_suffixes
from citydip_rag.corpus.language import detect_language
from citydip_rag.corpus.reading import Part, read_parts
from citydip_rag.corpus.walk import FileFailure, shown_name, walk_files
from citydip_rag.errors import DocumentError, NothingToIndexError
from citydip_rag.schema import Block, Document

_NO_TITLE: Final = re.compile(
    r"(?:untitled(?: document)?|document ?\d*|dokumen ?\d*|tanpa judul|no title|index)?",
    re.IGNORECASE,
)
Reader = Callable[[Path, str], list[Part]]


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file of the folder: where it is, its name in citations, the SHA-256 of its bytes."""

    path: Path
    source: str
    sha256: str


def scan_folder(folder: Path, without: Path | None = None) -> list[FoundFile | FileFailure]:
    """Every file below a folder in the order of their names, with what cannot be opened.

    Args:
        folder: where they are.
        without: a folder in it to pass over, such as the index itself.

    Raises:
        NothingToIndexError: the folder does not exist or is empty.
    """
    if not _is_folder(folder):
        raise NothingToIndexError(
            f"There is no folder {shown_name(folder.name)!r}.",
            "Create it and put your documents into it.",
        )
    found = [_found(item, folder) for item in walk_files(folder, without)]
    if not found:
        raise NothingToIndexError(
            f"The folder {shown_name(folder.name)!r} holds no documents.",
            f"Put files of these kinds into it: {', '.join(known_suffixes())}.",
        )
    return found


def read_folder(folder: Path, read: Reader = read_parts) -> Iterator[Document | FileFailure]:
    """Read every file below a folder, those inside others too.

    Args:
        folder: where they are.
        read: reads one file; by default in this process.

    Raises:
        NothingToIndexError: the folder does not exist or is empty.
    """
    for item in scan_folder(folder):
        if isinstance(item, FileFailure):
            yield item
        else:
            yield from (made for made, _ in documents_of(item, read(item.path, item.source)))


def documents_of(
    file: FoundFile, parts: Iterable[Part]
) -> Iterator[tuple[Document | FileFailure, str]]:
    """What a file's parts give, each with a note on its reading."""
    for part in parts:
        if part.extract is None:
            yield FileFailure(part.source, part.reason, part.skipped, part.transient), ""
            continue
        try:
            document = make_document(part.extract, part.source, file.sha256)
        except DocumentError as error:
            yield FileFailure(part.source, str(error)), ""
        else:
            yield document, " ".join(part.extract.notes)


def read_file(path: Path, source: str) -> Document:
    """Read one file, in this process.

    Args:
        path: where it is.
        source: the name it shall have in citations.

    Raises:
        DocumentError: it cannot be read.
    """
    part = read_parts(path, source)[0]
    if part.extract is None:
        raise DocumentError(part.reason)
    return make_document(part.extract, part.source, _sha256(path))


def make_document(extract: Extract, source: str, sha256: str) -> Document:
    """Name a loader's extract and find its title and language.

    Raises:
        DocumentError: there is no text in it.
    """
    if not _has_words(extract):
        extract = _without_headings(extract)
    if not _has_words(extract):
        raise DocumentError(f"{source} holds no text.", "Fill it, or remove it from the folder.")
    first = extract.headings[0] if extract.headings else None
    title = _own_title(extract) or (extract.text[first.start : first.end] if first else "")
    return Document(
        id=document_id(source),
        title=" ".join(title.split())[:LONGEST_HEADING] or title_of_name(source),
        label=extract.label,
        source=source,
        sha256=sha256,
        text=extract.text,
        language=detect_language(extract.text).value,
        headings=tuple(extract.headings),
        blocks=tuple(extract.blocks),
        pages=tuple(extract.pages),
    )


def is_unchanged(file: FoundFile) -> bool:
    """Whether a file still is what it was when it was found."""
    try:
        return _sha256(file.path) == file.sha256
    except OSError:
        return False


def document_id(source: str) -> str:
    """The stable name of the document of that source."""
    return hashlib.sha256(source.encode()).hexdigest()[:12]


def title_of_name(source: str) -> str:
    """The title of a document that has none of its own."""
    return Path(source).stem


def _found(item: Path | FileFailure, folder: Path) -> FoundFile | FileFailure:
    if isinstance(item, FileFailure):
        return item
    source = shown_name(item.relative_to(folder).as_posix())
    try:
        return FoundFile(item, source, _sha256(item))
    except OSError as error:
        reason = f"It cannot be read: {error.strerror or error}. Check its permissions."
        return FileFailure(source, reason)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _own_title(extract: Extract) -> str:
    """The title the file gives itself, unless a program put it there for want of one."""
    return "" if _NO_TITLE.fullmatch(extract.title.strip()) else extract.title


def _has_words(extract: Extract) -> bool:
    return any(c.isalnum() for b in extract.blocks for c in extract.text[b.start : b.end])


def _without_headings(extract: Extract) -> Extract:
    """Headings with nothing below them in the whole file are its text."""
    spans = sorted((item.start, item.end) for item in (*extract.headings, *extract.blocks))
    blocks = tuple(Block(start=start, end=end) for start, end in spans)
    return replace(extract, headings=(), blocks=blocks)


def _is_folder(folder: Path) -> bool:
    try:
        return folder.is_dir()
    except OSError:  # a name too long to exist
        return False
