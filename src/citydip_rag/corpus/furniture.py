"""Running headers, footers and page numbers: what every page repeats is not the document's text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from citydip_rag.corpus.paragraphs import Line

_ZONE: Final = 3
"""Lines looked at from a page's top and from its bottom."""
_SHARE: Final = 0.3
"""Of the pages that must repeat a line; odd and even pages may differ."""
_FEWEST: Final = 3
_DIGITS: Final = re.compile(r"\d{1,9}")
_PAGE_NUMBER: Final = re.compile(
    r"[\W_]*(?:(?:page|halaman|hal|hlm)[. ]*)?\d{1,4}[\W_]*", re.IGNORECASE
)
_LONGEST_CATCHWORD: Final = 6
"""Words."""
_CATCHWORD: Final = re.compile(r"\s*(?:\.\s?){3,}$|\s*…$")


def without_furniture(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """Take headers, footers, page numbers and catchwords off all pages."""
    repeated = _repeated(pages)
    bodies = [_body(page, repeated) for page in pages]
    for body, following in pairwise(bodies):
        if body and following and _is_catchword(body[-1].text, following[0].text):
            body.pop()
    return bodies


def _repeated(pages: Sequence[Sequence[Line]]) -> set[str]:
    counts = Counter(
        form
        for page in pages
        for form in {form for line in [*page[:_ZONE], *page[-_ZONE:]] for form in _forms(line)}
    )
    least = max(_FEWEST, _SHARE * len(pages))
    return {form for form, count in counts.items() if count >= least}


def _body(page: Sequence[Line], repeated: set[str]) -> list[Line]:
    """A page without its furniture, taken off from both ends and no further than it goes."""
    first, last = 0, len(page)
    while first < min(_ZONE, last) and _is_furniture(page[first], repeated):
        first += 1
    while last > max(first, len(page) - _ZONE) and _is_furniture(page[last - 1], repeated):
        last -= 1
    return list(page[first:last])


def _is_furniture(line: Line, repeated: set[str]) -> bool:
    numbered = _PAGE_NUMBER.fullmatch(line.text) is not None
    return numbered or not repeated.isdisjoint(_forms(line))


def _forms(line: Line) -> tuple[str, str]:
    """A line as it stands, and with its numbers counted from the page's.

    So "- 3 -" on page 3 and "- 4 -" on page 4 are one line, while "Pasal 3" and "Pasal 9" at the
    tops of two pages are two.
    """
    text = " ".join(line.text.split()).lower()
    return text, _DIGITS.sub(lambda number: f"#{int(number[0]) - line.page}", text)


def _is_catchword(last: str, first: str) -> bool:
    """Statutes announce a page's first words at the foot of the one before: "Pasal 5 . . ."."""
    if not _CATCHWORD.search(last):
        return False
    words = _CATCHWORD.sub("", last).split()
    return 0 < len(words) <= _LONGEST_CATCHWORD and words[-1] in first.split()
