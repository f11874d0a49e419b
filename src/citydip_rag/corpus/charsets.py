"""Encodings by the names that web pages and messages give them."""

from __future__ import annotations

import codecs
from typing import Final

_AS_BROWSERS_READ: Final = {
    "ascii": "cp1252",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso8859-11": "cp874",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
}
"""Names that are used for a larger encoding than they stand for."""
_NO_CHARSETS: Final = frozenset(
    {"idna", "punycode", "raw-unicode-escape", "unicode-escape", "undefined"}
)
"""What Python can decode and no document is written in."""


def decode_as(data: bytes, label: str, errors: str = "strict") -> str | None:
    """Decode bytes by a declared name; None if there is no such encoding or it does not fit.

    Args:
        data: the bytes.
        label: the name, however it is spelled.
        errors: what to do about bytes that do not fit, as in `bytes.decode`.
    """
    try:
        codec = codecs.lookup(label).name
        if codec.replace("_", "-") in _NO_CHARSETS:
            return None
        return data.decode(_AS_BROWSERS_READ.get(codec, codec), errors)
    except (LookupError, ValueError):  # an unknown name, a codec of something else, wrong bytes
        return None
