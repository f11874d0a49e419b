"""Files that are zip archives inside: opened only when they are whole, open and of sane size."""

from __future__ import annotations

import copy
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import MAX_MEMBERS, MAX_UNPACKED_BYTES
from citydip_rag.errors import DocumentError

_OLE: Final = b"\xd0\xcf\x11\xe0"
"""How the office files of before 2007 begin, and those of today that a password encrypts."""
_PIECE: Final = 1024 * 1024
_ENCRYPTED: Final = 0x1
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""All that office programs use; the others cannot be unpacked in pieces of bounded size."""
_ENTITY: Final = "<!ENTITY"
_ENTITIES: Final = tuple(_ENTITY.encode(name) for name in ("ascii", "utf-16-le", "utf-16-be"))
_MARKUP: Final = (".xml", ".rels")


class Package(zipfile.ZipFile):
    """A zip archive in memory.

    Attributes:
        content: the bytes of the whole file, for a library that opens it on its own.
    """

    def __init__(self, content: bytes) -> None:
        super().__init__(io.BytesIO(content))
        self.content = content


@contextmanager
def open_package(path: Path, name: str) -> Iterator[Package]:
    """Open a zip archive after every part of it was unpacked once, within bounds.

    Whatever is raised while it is open, by us or by a library that reads it, means that the file
    is damaged, and is reported so.

    Args:
        path: where it is.
        name: what messages call it.

    Raises:
        DocumentError: it cannot be read; says why and what to do.
    """
    content = path.read_bytes()
    with naming_damage(name):
        check_kind(content, name)
        with Package(content) as package:
            _check_parts(package, name)
            yield package


@contextmanager
def naming_damage(name: str) -> Iterator[None]:
    """Report any failure to read a file as damage to it.

    The libraries raise what comes up where the damage is, from `KeyError` to `zlib.error`.

    Raises:
        DocumentError: anything was raised.
    """
    try:
        yield
    except DocumentError:
        raise
    except Exception as error:
        raise damaged(name) from error


def read_member(package: zipfile.ZipFile, member: str, name: str) -> bytes:
    """Unpack one part, whatever size its header declares.

    Raises:
        DocumentError: it is absent, damaged or too large.
    """
    with naming_damage(name):
        unpacked = bytearray()
        for piece in _pieces(package, package.getinfo(member)):
            unpacked += piece
            _check_size(len(unpacked), name)
        return bytes(unpacked)


def check_kind(content: bytes, name: str) -> None:
    """Refuse what is no office file of today, whatever its name says.

    Raises:
        DocumentError: it is empty, encrypted or of an old format.
    """
    if not content:
        raise DocumentError(f"{name} is empty.", "Fill it, or remove it from the folder.")
    if content.startswith(_OLE):
        raise DocumentError(
            f"{name} is protected by a password, or of an old format (.doc, .xls, .ppt).",
            "Open it, remove the password or save it as .docx, .xlsx or .pptx, and index again.",
        )


def _check_parts(package: zipfile.ZipFile, name: str) -> None:
    parts = package.infolist()
    if len(parts) > MAX_MEMBERS:
        raise DocumentError(
            f"{name} holds more than {MAX_MEMBERS} parts.", "Split it into smaller files."
        )
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise protected(name)
    if any(part.compress_type not in _METHODS for part in parts):
        raise damaged(name)
    _check_size(sum(part.file_size for part in parts), name)
    unpacked = 0
    for part in parts:
        unpacked = _unpack(package, part, name, unpacked)


def _unpack(package: zipfile.ZipFile, part: zipfile.ZipInfo, name: str, before: int) -> int:
    """Unpack a part to see that all is well with it, and count its bytes to those before."""
    size = 0
    ending = b""
    for piece in _pieces(package, part):
        size += len(piece)
        _check_size(before + size, name)
        if part.filename.endswith(_MARKUP) and _declares_entities(ending + piece):
            raise damaged(name)  # no office program does; they could be made to grow
        ending = piece[-2 * len(_ENTITY) :]
    if size != part.file_size:
        raise damaged(name)
    return before + size


def _declares_entities(markup: bytes) -> bool:
    return any(entity in markup for entity in _ENTITIES)


def _pieces(package: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[bytes]:
    """What is in a part, all of it: `zipfile` would stop at the size the header declares."""
    whole = copy.copy(part)
    whole.file_size = MAX_UNPACKED_BYTES + 2 * _PIECE  # at its end the checksum is looked at
    with package.open(whole) as stream:
        while piece := stream.read(_PIECE):
            yield piece


def _check_size(size: int, name: str) -> None:
    if size > MAX_UNPACKED_BYTES:
        raise DocumentError(
            f"{name} holds more than {MAX_UNPACKED_BYTES // 1024**2} MB when unpacked.",
            "Split it into smaller files.",
        )


def protected(name: str) -> DocumentError:
    """The error of a file that a password encrypts."""
    return DocumentError(
        f"{name} is protected by a password.", "Open it, remove the password, and index again."
    )


def damaged(name: str) -> DocumentError:
    """The error of a file that cannot be made out."""
    return DocumentError(
        f"{name} is damaged, or not what the ending of its name says.",
        "Open it in its program and save it anew, then index again; or remove it.",
    )
