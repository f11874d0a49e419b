"""What earlier answers said, and which of it a question points to by its number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from citydip_rag.generation.base import ESCAPED_BRACKET
from citydip_rag.schema import Turn

LAST: Final = -1
_BREAK: Final = re.compile(r"\s*(?<!\\)\[(?:\d+(?:\s*,\s*\d+)*|\?)\]\s*|\n+")
_ORDINALS: Final = (
    r"pertama|kesatu|first|1st|1",
    r"kedua|second|2nd|2",
    r"ketiga|third|3rd|3",
    r"keempat|fourth|4th|4",
    r"kelima|fifth|5th|5",
    r"keenam|sixth|6th|6",
)
_ORDINAL: Final = "|".join((*_ORDINALS, r"terakhir|last|final"))
_ITEM_ID: Final = (
    r"yang|contoh\w*|alasan\w*|faktor\w*|poin|hal|langkah|syarat|tantangan|manfaat|peluang|butir"
    r"|nomor|no\.?|kalimat|kutipan|unsur|bagian|tujuan|risiko|cara|tahap|jenis|isu|penyebab|sebab"
)
_ITEM_EN: Final = (
    r"ones?|points?|reasons?|examples?|factors?|items?|sentences?|quotations?|quotes?|things?"
    r"|steps?|challenges?|benefits?|issues?|causes?|parts?|kinds?|types?|ways?|risks?"
)
_ASKED_ITEM: Final = re.compile(
    rf"\b(?:{_ITEM_ID}) (?:yang |ke-?)?(?P<id>{_ORDINAL})(?:nya)?\b(?! kali)"
    rf"|\b(?:the )?(?P<en>{_ORDINAL}) (?:{_ITEM_EN})\b"
    rf"|\b(?:the |number |point |item )(?P<bare>{_ORDINAL})(?=\W*$)",
    re.IGNORECASE,
)
_OPENER: Final = re.compile(rf"(?P<word>{_ORDINAL})\w{{0,3}}\s*[,:.)]\s", re.IGNORECASE)
_ANNOUNCES: Final = re.compile(r"salah satu|one of (?:them|these)\b|yang pertama\b", re.IGNORECASE)
"""Opens a sentence that says which of the things just announced it means."""


def item_asked_for(question: str) -> int | None:
    """Which of the things just named a question asks for, from 0; `LAST`; or None for none."""
    found = _ASKED_ITEM.search(question)
    if found is None:
        return None
    return _number(found["id"] or found["en"] or found["bare"])


def sentences_said(answer: str) -> list[str]:
    """The sentences of an answer, in its order, without markers and its introduction."""
    lead, _, rest = answer.partition("\n\n")
    said = rest if rest and lead.endswith(":") else answer
    pieces = (" ".join(piece.split()) for piece in _BREAK.split(said))
    return [piece.replace(ESCAPED_BRACKET, "[") for piece in pieces if piece]


def known_sentences(turns: Sequence[Turn]) -> frozenset[str]:
    """All sentences that the conversation's answers have shown."""
    return frozenset(sentence for turn in turns for sentence in sentences_said(turn.answer))


def item_named(question: str, turns: Sequence[Turn]) -> str:
    """The sentence shown before that a question points to by its number; "" for none.

    Such questions in a row all mean the answer before them.
    """
    wanted = item_asked_for(question)
    meant = next((t for t in reversed(turns) if item_asked_for(t.question) is None), None)
    return "" if wanted is None or meant is None else item_of(meant.answer, wanted)


def item_of(answer: str, wanted: int) -> str:
    """The item of an answer: numbered so, or else its sentence at that place; "" for none."""
    said = sentences_said(answer)
    opened = [(_number(m["word"]), s) for s in said if (m := _OPENER.match(s))]
    if opened:
        return next((s for n, s in opened if n == wanted), opened[-1][1] if wanted == LAST else "")
    items = [
        s
        for s, after in zip_longest(said, said[1:], fillvalue="")
        if not (s.endswith(":") or _ANNOUNCES.match(after))
    ]
    are_items = len(items) > 1 or len(items) < len(said)  # one that is announced is an item, too
    return items[wanted] if items and are_items and wanted < len(items) else ""


def opens_item(sentence: str) -> bool:
    """Whether a sentence begins with its place in an enumeration."""
    return _OPENER.match(sentence) is not None


def _number(word: str) -> int:
    for number, names in enumerate(_ORDINALS):
        if word.lower() in names.split("|"):
            return number
    return LAST
