"""Texts of documents and people, made safe to stand in a prompt.

What is inside a fence is data. So that it cannot end its fence, pass for one of our markers or
speak with another's voice, the signs by which it could are replaced by look-alikes. Only the prompt
is changed; quotations and evidence are taken from the documents as they are.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)
"""Control characters, and those that reach a model while no reader sees them."""
_FENCES: Final = re.compile(r"<{2,}|>{2,}")
_TEMPLATE_SIGNS: Final = re.compile(r"[<\uff1c](?=[|\uff5c/!_a-zA-Z])")
"""Open what chat templates reserve: <|im_start|>, </s>, <start_of_turn>, <think>."""
_ROLES: Final = re.compile(r"\[\s*(/?\s*[A-Z][A-Z_]{2,})\s*\]")
"""[INST] and its like."""
_MARKERS: Final = re.compile(r"[\[\u3010\uff3b]\s*(\d[\d\s,;\u2013-]*)[\]\u3011\uff3d]")


def neutralised(text: str) -> str:
    """The text without what could be taken for a fence, a marker or a chat template's sign."""
    text = _INVISIBLE.sub("", text)
    text = _FENCES.sub(lambda run: ("‹" if run[0][0] == "<" else "›") * len(run[0]), text)
    text = _TEMPLATE_SIGNS.sub("‹", text)
    text = _ROLES.sub(r"(\1)", text)
    return _MARKERS.sub(lambda found: f"({found[1].strip()})", text)


def on_one_line(text: str) -> str:
    """Neutralised, with every run of white space made one space."""
    return " ".join(neutralised(" ".join(text.split())).split())


def fence_for(texts: Iterable[str]) -> str:
    """A word that occurs in none of the texts; the same texts get the same one.

    It depends on all of them, so that no document can foresee it, and on nothing else, so that
    the same question gets the same answer.
    """
    whole = "\n".join(texts)
    fence = ""
    while not fence or fence in whole:
        seed = f"{fence}\n{whole}".encode("utf-8", "surrogatepass")
        fence = hashlib.sha256(seed).hexdigest()[:10]
    return fence
