"""Follow-up questions made to stand alone by rules, where there is no language model to do it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS, detect_language
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Turn

SOME_WORDS: Final = 4
"""With no more, a question may lean by words that also stand for themselves."""
FEW_WORDS: Final = 2
"""A question with no more words than this that name something leans on the one before."""

_OPENING: Final = re.compile(
    r"(?:(?:bagaimana|gimana) (?:dengan|kalau|jika|soal)|kalau|lalu|terus|kemudian"
    r"|dan|tapi|tetapi|selain itu|contohnya|what about|how about|and|but|then|so"
    r"|(?:pasal|ayat|article|paragraph)\b)",
    re.IGNORECASE,
)
_LEANS: Final = re.compile(
    r"\b(?:tersebut|tadi|mereka|dia|ia|beliau|keduanya|sebaliknya"
    r"|yang (?:lain(?:nya)?|pertama|kedua|di)|it|its|they|them|their|he|she|his|her"
    r"|the (?:other|same|first|second|former|latter)|otherwise|instead)\b",
    re.IGNORECASE,
)
_MAY_LEAN: Final = re.compile(
    r"\b(?:(?<!apa )(?:itu|ini)|begitu|demikian|juga|pula|\w{3,}nya"
    r"|kenapa|mengapa|why|this|that(?=\W*$)"
    r"|these|those|there|one|ones|else|also|too)\b",
    re.IGNORECASE,
)
"""Lean in a short question; a long one uses them for its own."""
_COURTESY: Final = re.compile(
    r"(?:thanks?|thank you|terima ?kasih|makasih|oke?|okay|baik(?:lah)?|sip|mantap|lol|haha\w*"
    r"|good|great|nice|bye|halo|hai|hello|hi)\b",
    re.IGNORECASE,
)
_NAME: Final = re.compile(r"(?<=\w )[A-Z]\w|\d")
"""A name or a figure: what it is about is said."""
_ABOUT: Final = {Language.INDONESIAN: "tentang", Language.ENGLISH: "about"}
_WORD: Final = re.compile(r"[^\W\d_]{2,}(?:-[^\W\d_]+)*|\d+(?:/\d+)?[A-Z]?\b")


def turn_language(question: str, turns: Sequence[Turn]) -> Language:
    """Language of a question; a word or two do not change that of the conversation."""
    if turns and len(_WORD.findall(question)) <= FEW_WORDS:
        before = turn_language(turns[-1].question, turns[:-1])
        known = {word.lower() for word in _WORD.findall(question)}
        other = Language.ENGLISH if before is Language.INDONESIAN else Language.INDONESIAN
        return other if known & FUNCTION_WORDS[other] - FUNCTION_WORDS[before] else before
    return detect_language(question)


def leans_on_earlier(question: str) -> bool:
    """Whether a question is not to be understood without the one before."""
    asked = question.strip()
    if _COURTESY.match(asked):
        return False
    words = len(_content(asked))
    if words <= FEW_WORDS and not _NAME.search(asked):
        return True
    may = words <= SOME_WORDS and _MAY_LEAN.search(asked)
    return bool(may or _OPENING.match(asked) or _LEANS.search(asked))


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question, and what the one before it was about if it leans on that."""
    if not turns or not leans_on_earlier(question):
        return question
    topic = " ".join(_content(standalone(turns[-1].question, turns[:-1])))
    about = _ABOUT[turn_language(question, turns)]
    joined = f"{question.rstrip(' ?.!')} {about} {topic}?"
    return joined if topic and len(joined) <= MAX_QUESTION_CHARACTERS else question


def _content(question: str) -> list[str]:
    small = FUNCTION_WORDS[Language.INDONESIAN] | FUNCTION_WORDS[Language.ENGLISH]
    words = _WORD.findall(question)
    return list(dict.fromkeys(word for word in words if word.lower() not in small))
