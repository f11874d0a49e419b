"""Zip files, read within bounds: what they say about themselves is not believed."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from citydip_rag.corpus.base import MAX_MEMBERS, MAX_UNPACKED_BYTES
from citydip_rag.errors import DocumentError

_CHUNK: Final = 1024 * 1024
_LOCKED: Final = 0x1
_NAME_IS_UTF8: Final = 0x800
_DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    OSError,
    RuntimeError,  # also what an unknown compression raises
    ValueError,
    OverflowError,
    IndexError,
    KeyError,
)


@contextmanager
def unpacking(path: Path, name: str) -> Iterator[PackedFiles]:
    """Open a zip file.

    Args:
        path: where it is.
        name: what messages call it.

    Raises:
        DocumentError: it is damaged, or holds too many files.
    """
    with path.open("rb") as stream:
        yield PackedFiles(stream, name)


class PackedFiles:
    """The files in a zip file; folders, links and hidden files are passed over.

    Attributes:
        entries: the files by their names, in the order they are packed.
    """

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._name = name
        self._left = MAX_UNPACKED_BYTES
        try:
            self._zip = zipfile.ZipFile(stream)
        except _DAMAGE as error:
            raise self._damaged() from error
        named = ((_real_name(info), info) for info in self._zip.infolist())
        self.entries = [(name, info) for name, info in named if _is_file(name, info)]
        if len(self.entries) > MAX_MEMBERS:
            raise DocumentError(
                f"{name} holds more than {MAX_MEMBERS:,} files.",
                "Split it, or unpack what you need into the folder.",
            )

    def read(self, info: zipfile.ZipInfo) -> bytes:
        """Unpack a file.

        Raises:
            DocumentError: it is damaged or locked, or all that was unpacked is too much.
        """
        if info.flag_bits & _LOCKED:
            raise DocumentError(
                f"{self._name} is locked with a password.",
                "Unpack it with the password and put the files into the folder.",
            )
        content = bytearray()
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    self._count(len(chunk))
                    content += chunk
        except _DAMAGE as error:
            raise self._damaged() from error
        return bytes(content)

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise DocumentError(
                f"What is packed in {self._name} comes to more than "
                f"{MAX_UNPACKED_BYTES // 1024**2} MB.",
                "Unpack it and put the documents you need into the folder.",
            )

    def _damaged(self) -> DocumentError:
        return DocumentError(
            f"{self._name} is damaged: it cannot be unpacked.", "Get it again, or make it anew."
        )


def _real_name(info: zipfile.ZipInfo) -> str:
    """The name; many programs pack UTF-8 without saying so, and it comes as code page 437."""
    if info.flag_bits & _NAME_IS_UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return info.filename


def _is_file(name: str, info: zipfile.ZipInfo) -> bool:
    parts = [part for part in name.replace("\\", "/").split("/") if part.strip(". ")]
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in parts)
    return not (info.is_dir() or hidden or stat.S_ISLNK(info.external_attr >> 16))
