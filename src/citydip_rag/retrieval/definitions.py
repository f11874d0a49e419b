"""Questions for what a term means, and the sentences that say so.

A statute defines in its first article what it speaks of in all others, one term under the other. So
whoever asks for a term is given the sentence that opens with it, not those that use it most.
"""

from __future__ import annotations

import re
from typing import Final

MAX_WORDS: Final = 8
"""Of a term; more of them are a question of another kind."""
MAX_QUESTION: Final = 200
"""Characters; likewise."""
_OPENING: Final = 300
"""Characters of a sentence within which it says what it defines."""
_ASKS: Final = re.compile(
    r"\W{0,9}(?:"
    r"(?:apa(?:kah)?\s+)?(?:yang\s+)?(?:dimaksud(?:kan)?|arti|makna|definisi|pengertian)(?:nya)?"
    r"(?:\s+(?:dengan|oleh|dari|kata|istilah))*"
    r"|apa(?:kah)?\s+itu"
    r"|what\s+(?:is|are)(?:\s+(?:meant\s+by|the\s+(?:meaning|definition)\s+of))?"
    r"|what\s+does|define"
    r")\s+(?:(?:an?|the)\s+)?(?P<term>[^?!.,;:]{2,80}?)(?:\s+(?:itu|mean))?[\s?!.]*",
    re.IGNORECASE,
)
_DEFINES: Final = re.compile(
    r"\W{0,9}(?:(?:\d{1,3}|[a-z])[.)]\s+)?(?:(?:[^.;:?!]{2,80}?\s)?yang\s+dimaksud\s+dengan\s+)?"
    r"(?:(?:an?|the)\s+)?(?P<names>[^.;:?!]{2,160}?),?\s+"
    r"(?:adalah|ialah|merupakan|means?|refers?\s+to|(?:is|are)\s+(?:an?|the))\s",
    re.IGNORECASE,
)
_ALSO_CALLED: Final = re.compile(
    r",?\s*(?:yang\s+)?(?:selanjutnya|hereinafter)\s+(?:disebut|disingkat|referred\s+to|called)?"
    r"(?:\s+(?:dengan|sebagai|as))?\s*|\s*[(),]\s*",
    re.IGNORECASE,
)


def asked_term(question: str) -> str:
    """The term whose meaning a question asks for; empty where it asks for something else."""
    asked = _ASKS.fullmatch(question) if len(question) <= MAX_QUESTION else None
    term = _plain(asked["term"]) if asked else ""
    return term if len(term.split()) <= MAX_WORDS else ""


def defines(sentence: str, term: str) -> bool:
    """Whether a sentence opens by saying what a term of `asked_term` is."""
    found = _DEFINES.match(sentence[:_OPENING])
    return found is not None and term in map(_plain, _ALSO_CALLED.split(found["names"]))


def _plain(term: str) -> str:
    return " ".join(re.sub(r"[\"'“”‘’«»]", " ", term).casefold().split())
