"""What the articles say that a penalty names only by number.

"Barang siapa melanggar Pasal 40 dipidana …" answers a question about wiretapping only for who
knows what Pasal 40 forbids. So the beginning of each article that a penalty refers to is embedded
with it, as its headings are, without being a part of what can be quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_PENALTY: Final = re.compile(
    r"\b(?:dipidana|pidana penjara|sanksi|denda|dikenai|dikenakan)\b", re.IGNORECASE
)
_REFERENCE: Final = re.compile(r"Pasal (\d{1,3}[A-Z]?)(?: ayat \((\d{1,2})\))?")
_MOST: Final = 3
_LENGTH: Final = 160
"""Characters of each article."""


def articles(blocks: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The first words of every place of a statute's body.

    Args:
        blocks: place and text of each block, in reading order.
    """
    found: dict[str, str] = {}
    for place, text in blocks:
        if place.startswith("Pasal "):
            found.setdefault(place, text)
            found.setdefault(place.split(" ayat ")[0].split(" angka ")[0], text)
    return found


def referred(text: str, place: str, known: Mapping[str, str]) -> str:
    """What the articles say that a penalty names; empty for any other text."""
    if not place.startswith("Pasal ") or not _PENALTY.search(text):
        return ""
    told: dict[str, str] = {}
    for match in _REFERENCE.finditer(text):
        article = f"Pasal {match[1]}"
        named = f"{article} ayat ({match[2]})" if match[2] else article
        opening = known.get(named) or known.get(article)
        if opening and not place.startswith(article) and len(told) < _MOST:
            told[named] = opening[:_LENGTH]
    return " ".join(told.values())
