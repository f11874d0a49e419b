"""Where in a statute a sentence stands: article, paragraph and number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from citydip_rag.corpus.statute import ARTICLE

_PARAGRAPH: Final = re.compile(r"(?:Ayat\s+)?\((\d{1,3}[a-z]?)\)")
_NUMBER: Final = re.compile(r"(\d{1,3})\.(?!\d)")
_POINT: Final = re.compile(r"[a-z]\.\s")
_APART: Final = re.compile(r"PENJELASAN|PERUBAHAN (?:KE[ -])?[A-Z]+")
"""Parts of a statute that have articles of their own, of the same numbers."""
_CLOSING: Final = re.compile(
    r"(?:Agar setiap orang mengetahui|Di(?:sahkan|tetapkan|undangkan) di )"
)
_CHAPTER: Final = re.compile(r"(?:BAB|CHAPTER)\s+[IVXLC]+[A-Z]?|PEMBUKAAN|LAMPIRAN(?:\s+[IVXLC]+)?")


class Places:
    """Follows a document's blocks in reading order and says where each of them stands."""

    def __init__(self) -> None:
        self._base = ""
        self._english = False
        self._below = ""
        self._lettered = False
        """Whether points have come, whose own numbers are not the article's."""

    def enter(self, path: Sequence[str]) -> None:
        """Begin a section below these headings, outermost first."""
        self._base, self._below, self._lettered = _base(path), "", False
        self._english = self._base.startswith("Article")

    def at(self, block: str) -> str:
        """Place of a block: "Pasal 5 ayat (2)"; empty outside articles and chapters."""
        if _CLOSING.match(block):  # signatures stand below the last article, not in it
            self._base = ""
        if not ARTICLE.search(self._base):
            return self._base
        if paragraph := _PARAGRAPH.match(block):
            self._below = f"{'paragraph' if self._english else 'ayat'} ({paragraph[1]})"
        elif _POINT.match(block):
            self._lettered = True
        elif self._counts_numbers() and (number := _NUMBER.match(block)):
            self._below = f"{'number' if self._english else 'angka'} {number[1]}"
        return f"{self._base} {self._below}".strip()

    def _counts_numbers(self) -> bool:
        return not self._lettered and not self._below.startswith(("ayat", "paragraph"))


def _named(apart: str) -> str:
    """The part as one writes it: Perubahan Kedua, Perubahan Ke IV."""
    first, *rest = apart.split()
    words = [word if set(word) <= set("IVX") else word.capitalize() for word in rest]
    return " ".join([first.capitalize(), *words])


def _base(path: Sequence[str]) -> str:
    apart = next((found for title in path if (found := _APART.match(title))), None)
    before = f"{_named(apart[0])}{',' if ' ' in apart[0] else ''} " if apart else ""
    for title in reversed(path):
        if article := ARTICLE.match(title):
            word = "Article" if article[0][:1].upper() == "A" else "Pasal"
            return f"{before}{word} {article[1]}"
    chapter = next((found[0] for title in reversed(path) if (found := _CHAPTER.match(title))), "")
    return (before + chapter).strip(" ,")
