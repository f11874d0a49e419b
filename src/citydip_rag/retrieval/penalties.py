"""Penalties and what they are for.

"Barang siapa melanggar Pasal 40 dipidana …" says a penalty without saying for what, so no likeness
of words can tell which of twenty such sentences answers a question. The article forbidding the
conduct is found by its words, and the sentence that threatens it by the article's number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_THREAT: Final = re.compile(
    r"\b(?:dipidana|diancam|didenda|pidana (?:penjara|denda)|sanksi"
    r"|dikena(?:i|kan) (?:denda|hukuman)"
    r"|shall be (?:punish|fine|sentence|imprison)\w*|liable to)\b",
    re.IGNORECASE,
)
_BY_NUMBER: Final = re.compile(
    r"\b(?:unsur|ketentuan|melanggar|dimaksud|violat\w+|contraven\w+|referred to)"
    r"(?: \w+){0,4} (?:Pasal|Article) \d",
    re.IGNORECASE,
)
_REFERENCE: Final = re.compile(
    r"(?:Pasal|Article) (?P<article>\d{1,3}[A-Z]{0,2})"
    r"(?P<rest>(?:(?:,| |dan|atau|and|or|serta|sampai|dengan)*"
    r"(?:ayat|paragraph) \(\d{1,2}[a-z]?\))*)"
)
_PARAGRAPH: Final = re.compile(r"\((\d{1,2}[a-z]?)\)")
_BELOW: Final = re.compile(r" (?:ayat|paragraph) ")


def is_article(place: str) -> bool:
    """Whether a place is an article of a statute's body, not of its elucidation."""
    return place.startswith(("Pasal ", "Article "))


def names_penalty(sentence: str) -> bool:
    """Whether it speaks of a penalty."""
    return bool(_THREAT.search(sentence))


def is_threat(sentence: str) -> bool:
    """Whether it threatens with a penalty for what other articles say."""
    return names_penalty(sentence) and bool(_BY_NUMBER.search(" ".join(sentence.split())))


def refers_to(sentence: str, place: str) -> bool:
    """Whether a sentence names this place ("Pasal 28 ayat (2)"), or the whole article."""
    article, *below = _BELOW.split(place)
    number = article.rpartition(" ")[2]
    return any(
        number == named and (not paragraphs or not below or below[0].strip("()") in paragraphs)
        for named, paragraphs in _references(" ".join(sentence.split()))
    )


def _references(sentence: str) -> Iterator[tuple[str, list[str]]]:
    for match in _REFERENCE.finditer(sentence):
        yield match["article"], _PARAGRAPH.findall(match["rest"])
