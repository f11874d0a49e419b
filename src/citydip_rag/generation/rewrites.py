"""Whether a follow-up that a language model rewrote may be asked in the asker's place.

Its words must stand in the conversation, or mean what words there mean: across languages, and for
"the second one", other words are right. The encoder tells (see DESIGN.md, One encoder, four uses);
names and figures it does not tell apart well, so those are compared as they are written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from citydip_rag.embedding import Embedder
from citydip_rag.embedding.base import Encoding, FloatArray
from citydip_rag.generation.earlier import item_asked_for, sentences_said
from citydip_rag.generation.leaning import CONNECTIVE, ELLIPSIS, Leaning, leaning
from citydip_rag.generation.wording import naming_words
from citydip_rag.retrieval.orders import is_order
from citydip_rag.schema import Turn

KNOWN_WORDS: Final = 0.825
"""Least mean of its words' best cosines in the conversation,"""
KNOWN_WORD: Final = 0.725
"""and of any one of them."""
KNOWN_NAME: Final = 0.82
"""A capital letter is no name where the word means one of the conversation's: "Law", "UU"."""
KEPT_WORD: Final = 0.755
"""Least of each of the follow-up's words in the rewritten one. All four were chosen on the 60
rewrites in tests/generation/rewrites.jsonl."""
TURNS_READ: Final = 3
MOST_ADDED: Final = 300
"""Characters by which a question may grow."""
_STEM: Final = 4
_VAGUE: Final = frozenset(
    "terjadi happen happened case itu thing things explain mention jelaskan ceritakan tell".split()
)
"""Words of a follow-up in whose place others come."""
_WORD: Final = re.compile(r"[^\W_]{2,}(?:-[^\W_]+)*")
_NAME: Final = re.compile(r"(?<=[\w,] )[\"'“(]?([A-Z][^\W_]+)")
_FIGURE: Final = re.compile(r"\d+")
_KINDS: Final = tuple(
    re.compile(rf"(?i)\b(?:{words})\b")
    for words in (
        r"kapan|when|tahun berapa|tanggal berapa|what (?:year|date)",
        r"mengapa|kenapa|why|alasan\w*|penyebab\w*|reasons?|causes?",
        r"di ?mana|where",
        r"berapa (?:banyak|jumlah)|how (?:many|much|often)|jumlah|number of",
    )
)
"""What is asked for: a time, a reason, a place, a number."""


def is_faithful(rewritten: str, question: str, turns: Sequence[Turn], embedder: Embedder) -> bool:
    """Whether a rewritten follow-up still asks that, and of this conversation; blocks.

    A question that needed no rewriting may come back as it was.
    """
    if _same(rewritten, question):
        return leaning(question) is not Leaning.LEANS
    read = turns[-TURNS_READ:]
    said = [question, *(text for turn in read for text in (turn.question, *_answer(turn)))]
    if not _is_plain(rewritten, question, [turn.question for turn in turns]):
        return False
    if not set(_FIGURE.findall(rewritten)) <= set(_FIGURE.findall(" ".join(said))):
        return False
    now, asked, *rest = embedder.embed_queries([rewritten, *said])
    known = np.concatenate([e.tokens.vectors for e in (asked, *rest)])
    words = _words(rewritten, now, known)
    values = list(words.values())
    if not values or np.mean(values) < KNOWN_WORDS or min(values) < KNOWN_WORD:
        return False
    return _names_are_known(rewritten, words, said) and _is_kept(question, asked, now)


def _answer(turn: Turn) -> list[str]:
    return sentences_said(turn.answer)


def _same(one: str, other: str) -> bool:
    return re.findall(r"\w+", one.lower()) == re.findall(r"\w+", other.lower())


def _is_plain(rewritten: str, question: str, earlier: Sequence[str]) -> bool:
    """Whether it is one new question of the same kind, of sensible length, and no order."""
    if is_order(rewritten) or rewritten in earlier or rewritten.count("?") > 1:
        return False
    says_more = _stems(rewritten) - _stems(question)
    completes = ELLIPSIS.match(question) and not ELLIPSIS.match(rewritten)
    if len(rewritten) > len(question) + MOST_ADDED or not (says_more or completes):
        return False
    if item_asked_for(question) is not None:
        return True
    return all(kind.search(rewritten) for kind in _KINDS if kind.search(question))


def _stems(text: str) -> set[str]:
    """Beginnings of its words, which their forms have in common; figures whole."""
    return {w if w.isdigit() else w.lower()[:_STEM] for w in naming_words(text)}


def _words(text: str, encoding: Encoding, known: FloatArray) -> dict[str, float]:
    """The words that name something, and how close the closest of the known tokens come."""
    best = (encoding.tokens.vectors @ known.T).max(axis=1)
    offsets = encoding.tokens.offsets
    found = {}
    for word in _WORD.finditer(text):
        inside = (offsets[:, 0] < word.end()) & (offsets[:, 1] > word.start())
        if naming_words(word.group()) and inside.any():
            found[word.group()] = float(best[inside].mean())
    return found


def _names_are_known(rewritten: str, words: dict[str, float], said: Sequence[str]) -> bool:
    """Whether each name was said, or is a word for something that was."""
    spoken = {word.lower() for text in said for word in _WORD.findall(text)}
    return all(
        name.lower() in spoken or words.get(name, 1.0) >= KNOWN_NAME
        for name in _NAME.findall(rewritten)
    )


def _is_kept(question: str, asked: Encoding, now: Encoding) -> bool:
    """Whether it says all that the follow-up itself said, but for what pointed to the rest."""
    if item_asked_for(question) is not None:
        return True
    opening = CONNECTIVE.match(question)
    begin = opening.end() if opening else 0
    words = _words(" " * begin + question[begin:], asked, now.tokens.vectors)
    return all(value >= KEPT_WORD for word, value in words.items() if word.lower() not in _VAGUE)
