"""Running headers, footers and page numbers: what every page repeats is not the document's text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from citydip_rag.corpus.paragraphs import Line

_ZONE: Final = 3
"""Lines looked at from a page's top and from its bottom."""
_SHARE: Final = 0.3
"""Of the pages that must repeat a line; odd and even pages may differ."""
_FEWEST: Final = 3
_DIGITS: Final = re.compile(r"\d+|\b[ivxlc]+\b", re.I)
_PAGE_NUMBER: Final = re.compile(r"[\W_]*(?:(?:page|halaman|hal|hlm)[. ]*)?\d{1,4}[\W_]*", re.I)
_CATCHWORD: Final = re.compile(r"\s*(?:\.\s?){3,}$|\s*…$")


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Take headers, footers, page numbers and catchwords off all pages."""
    repeated = _repeated(pages)
    bodies = [_body(page, repeated) for page in pages]
    for body, following in zip(bodies, bodies[1:], strict=False):
        if body and following and _is_catchword(body[-1].text, following[0].text):
            body.pop()
    return bodies


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    counts = Counter(
        form for page in pages for form in {_form(line.text) for line in [*page[:_ZONE], *page[-_ZONE:]]}
    )
    least = max(_FEWEST, _SHARE * len(pages))
    return {form for form, count in counts.items() if count >= least}


def _body(page: Sequence[Line], repeated: set[str]) -> list[Line]:
    """A page without its furniture, taken off from both ends and no further than it goes."""
    first, last = 0, len(page)
    while first < min(_ZONE, last) and _is_furniture(page[first].text, repeated):
        first += 1
    while last > max(first, len(page) - _ZONE) and _is_furniture(page[last - 1].text, repeated):
        last -= 1
    return list(page[first:last])


def _is_furniture(text: str, repeated: set[str]) -> bool:
    return _form(text) in repeated or _PAGE_NUMBER.fullmatch(text) is not None


def _form(text: str) -> str:
    """A line with its numbers taken out: "- 3 -" and "- 4 -" are the same line."""
    return _DIGITS.sub("#", " ".join(text.split())).lower()


def _is_catchword(last: str, first: str) -> bool:
    """Statutes announce a page's first words at the foot of the one before: "Pasal 5 . . ."."""
    if not _CATCHWORD.search(last):
        return False
    words = _CATCHWORD.sub("", last).split()
    return bool(words) and first.split()[: len(words)] == words
