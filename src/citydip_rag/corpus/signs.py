"""Signs that nobody sees, and that hide words from a check or turn them round."""

from __future__ import annotations

import re
from typing import Final

_INVISIBLE: Final = re.compile(
    r"[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def visible(text: str) -> str:
    """The text without them."""
    return text if text.isascii() else _INVISIBLE.sub("", text)
