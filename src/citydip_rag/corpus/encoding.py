"""Bytes become characters: the encoding is found, never guessed wrongly in silence."""

from __future__ import annotations

import codecs
import re
from typing import Final

from charset_normalizer import from_bytes

from citydip_rag.errors import DocumentError

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark begins the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE: Final = 65_536
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CONTROL_BYTES: Final = bytes(b for b in range(32) if b not in b"\t\n\f\r")
_UNDEFINED_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"
_FEW_ACCENTS: Final = 0.2
_MANY_CONTROLS: Final = 0.01
"""A text with more control characters than this share is no text."""


def decode(data: bytes, name: str) -> str:
    """Decode a text file and unify its line ends to a single line feed.

    A byte order mark decides; else UTF-8 if it is valid; else the encoding the bytes look most
    like. Control characters become spaces, one for one.

    Raises:
        DocumentError: the file is empty, binary, or in no encoding we know.
    """
    if not data:
        raise DocumentError(f"{name} is empty.", "Fill it, or remove it from the folder.")
    text = _decode(data, name).replace("\r\n", "\n").replace("\r", "\n")
    controls = len(_CONTROL.findall(text))
    if controls > max(8, _MANY_CONTROLS * len(text)):
        raise DocumentError(f"{name} is a binary file, not text.", "Save it as text, or remove it.")
    text = _CONTROL.sub(" ", text)
    if not text.strip():
        raise DocumentError(
            f"{name} holds only white space.", "Fill it, or remove it from the folder."
        )
    return text


def _decode(data: bytes, name: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding, name)
    wide = _unmarked_utf16(data)
    if wide:
        return _strictly(data, wide, name)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(data, _likely_encoding(data, name), name)


def _likely_encoding(data: bytes, name: str) -> str:
    """What the bytes look most like, if not UTF-8."""
    sample = data[:_SAMPLE]
    if sum(sample.count(byte) for byte in _CONTROL_BYTES) > len(sample) * _MANY_CONTROLS:
        raise DocumentError(f"{name} is a binary file, not text.", "Save it as text, or remove it.")
    if _is_damaged_utf8(data):
        return "utf-8"
    if _looks_western(sample):
        return "cp1252"
    best = from_bytes(sample).best()
    if best is None:
        raise DocumentError(
            f"The encoding of {name} is not known.", "Save it as UTF-8 and index again."
        )
    return str(best.encoding)


def _is_damaged_utf8(data: bytes) -> bool:
    """More of it is right as UTF-8 than wrong, which no other encoding brings about."""
    text = data.decode("utf-8", errors="replace")
    wrong = text.count("\ufffd")
    return sum(character > "\x7f" for character in text) > 2 * wrong


def _looks_western(sample: bytes) -> bool:
    """Mostly ASCII letters with few others, as Indonesian and English are: Windows-1252."""
    high = sum(byte >= 0x80 for byte in sample)
    undefined = any(byte in sample for byte in _UNDEFINED_IN_CP1252)
    return high <= _FEW_ACCENTS * len(sample) and not undefined


def _strictly(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        raise DocumentError(
            f"{name} is not valid {encoding.upper()}.", "Save it as UTF-8 and index again."
        ) from error


def _unmarked_utf16(data: bytes) -> str | None:
    """UTF-16 without a mark shows as zeros in every second byte of Latin text."""
    sample = data[:_SAMPLE]
    if len(sample) < 2:
        return None
    half = len(sample) // 2
    if sample[1::2].count(0) > 0.6 * half and sample[0::2].count(0) < 0.1 * half:
        return "utf-16-le"
    if sample[0::2].count(0) > 0.6 * half and sample[1::2].count(0) < 0.1 * half:
        return "utf-16-be"
    return None
