"""Which questions lean on what was said before: by the form of their words."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import Final

from citydip_rag.generation.earlier import item_asked_for
from citydip_rag.generation.wording import naming_words, own_words

FEW_WORDS: Final = 2
"""A question with no more words than this that name something may lean on the one before."""
SOME_WORDS: Final = 4
"""With no more, it leans by words that in a longer one point to what it says itself."""
OWN_WORDS: Final = 3
"""As many before a pronoun may be what it stands for."""


class Leaning(IntEnum):
    """Whether a question is to be understood without the one before."""

    ALONE = 0
    PERHAPS = 1
    LEANS = 2


CONNECTIVE: Final = re.compile(
    r"\A(?:(?:lalu|terus|kemudian|selanjutnya|dan|tapi|tetapi|nah|jadi|oke?|baik(?:lah)?"
    r"|terima kasih|makasih|and|but|then|so|okay|thanks|thank you|great|nice)\b[,.!]?\s*)+",
    re.IGNORECASE,
)
ELLIPSIS: Final = re.compile(
    r"(?:(?:bagaimana|gimana) (?:dengan|kalau|jika|soal)|kalau|selain itu|contohnya|yang|what about"
    r"|how about|(?:siapa|apa|(?:di |ke )?mana|berapa) lagi)\b",
    re.IGNORECASE,
)
_POINTS: Final = re.compile(
    r"\b(?:yang (?:lain(?:nya)?|di)|otherwise|instead|lebih (?:lanjut|rinci|jauh|detail)"
    r"|(?:tell me|in) more)\b",
    re.IGNORECASE,
)
"""Point to what was said, wherever they stand."""
_PRONOUN: Final = re.compile(
    r"\b(?:mereka|dia|ia|beliau|keduanya|tersebut|tadi|sebaliknya|\w{3,}nya|it|they|them|he|she|him"
    r"|(?:do|does|did|is|was|were|are|has|have|can|could|will|would|should)"
    r" (?:that|this|these|those))\b",
    re.IGNORECASE,
)
"""Stand for what was said, unless the question says it before."""
_POSSESSIVE: Final = re.compile(r"\b(?:its|their|his|her)\b", re.IGNORECASE)
_BOUND: Final = re.compile(
    r"\byang (?!di|me)\w+nya(?= \w)|\b\w{3,}nya (?=(?P<after>\w{3,}))", re.IGNORECASE
)
"""The possessive of what stands beside it: "kota yang walikotanya", "munculnya walikota"."""
_MAY_POINT: Final = re.compile(
    r"\b(?:itu|ini|begitu|demikian|juga|pula|lain(?:nya)?|lagi|this|that(?=\W*$)|these|those|there"
    r"|ones?|else|also|too|another|the (?:other|same|former|latter))\b",
    re.IGNORECASE,
)
"""Point to what was said in a short question; a long one uses them for its own."""
_PLACE: Final = re.compile(r"\b(?:pasal|ayat|article|paragraph)\s*\(?\d", re.IGNORECASE)
_STATUTE: Final = re.compile(
    r"\b(?:uu\w*|undang-undang|kuhp\w*|pp|per(?:men|pres|da|aturan)\w*|law|act|code)\b",
    re.IGNORECASE,
)
"""The number of an article leans on the statute named before, unless one is named with it."""
_NO_POINTER: Final = re.compile(
    r"\b(?:apa (?:itu|ini)|(?:saat|dewasa|selama|hari|minggu|bulan|tahun|abad|dunia) ini"
    r"|(?:dokumen|artikel|tulisan|teks|naskah) (?:ini|itu|tersebut)"
    r"|(?:this|that) (?:document|article|text|year|week|month)|(?:is|are|was|were) there"
    r"|there (?:is|are|was|were)|it (?:\w+ )?(?:to|that)|(?:bagaimana|gimana) caranya"
    r"|biasanya|sebenarnya|hanya|umumnya|sebaiknya|seharusnya|tanya|bertanya|misalnya|akhirnya"
    r"|khususnya|setidaknya|sepenuhnya|sebelumnya)\b",
    re.IGNORECASE,
)
"""Look like words that point, and do not."""
_NAMES_ITS_SUBJECT: Final = re.compile(
    r"(?:apa(?:kah)? (?:itu|yang dimaksud(?:kan)?(?: dengan)?|arti|pengertian|definisi)"
    r"|siapa(?:kah)?(?! (?:yang|saja|lagi)\b)|what(?: is|'s| are)(?: meant by)?(?! the\b)"
    r"|who(?: is|'s| was| are)(?! the\b)|define)\s+\w",
    re.IGNORECASE,
)
COURTESY: Final = re.compile(
    r"(?:(?:thanks?|thank you|terima ?kasih|makasih|oke?|okay|baik(?:lah)?|sip|mantap|lol|haha\w*"
    r"|good|great|nice|bye|halo|hai|hello|hi|selamat|there|morning|afternoon|evening|night|job|pagi"
    r"|siang|sore|malam|banyak|very|so|much|a lot|ya|atas|jawaban\w*|penjelasan\w*|bantuan\w*"
    r"|for|the|that|your|help|answer)\b\W*)+",
    re.IGNORECASE,
)
"""All of a turn that asks nothing."""
_NAME: Final = re.compile(r"(?<=\w )[A-Z]\w|\d")
"""A name or a figure: what it is about is said."""
ASKING: Final = re.compile(
    r"^(?:(?:apa(?:kah)?|siapa(?:kah)?|(?:di ?|ke |dari )?mana(?:kah)?|berapa(?:kah)?|kapan(?:kah)?"
    r"|bagaimana(?:kah)?|mengapa|kenapa|seberapa|bisakah|dapatkah|adakah|(?:tolong )?jelaskan"
    r"|sebutkan|ceritakan|what|who|whom|whose|which|where|when|why|how|do|does|did|is|are|was"
    r"|were|can|could|should|will|would|has|have|had|please|explain|describe|list|tell me about)\b"
    r"(?: (?:saja|sih|itu|adalah|tentang|yang dimaksud(?:kan)?(?: dengan)?|dengan|many|much))*"
    r"\s*)+",
    re.IGNORECASE,
)
"""What only asks, at the beginning of a question."""


def leaning(question: str) -> Leaning:
    """Whether a question is to be understood without the one before."""
    asked = CONNECTIVE.sub("", question.strip(), count=1).strip()
    if COURTESY.fullmatch(question.strip()):
        return Leaning.ALONE
    if _points(asked):
        return Leaning.LEANS
    return _by_pronouns(asked) or _by_subject(question.strip(), asked)


def _points(asked: str) -> bool:
    """Whether a question says by its form that something came before."""
    free = _NO_POINTER.sub(" ", asked)
    if _POINTS.search(free) or (ELLIPSIS.match(asked) and len(own_words(asked)) <= SOME_WORDS):
        return True
    if item_asked_for(asked) is not None and len(own_words(asked)) < OWN_WORDS:
        return True
    if _PLACE.search(asked) and not _STATUTE.search(asked):
        return True
    return len(naming_words(free)) <= SOME_WORDS and bool(_MAY_POINT.search(free))


def _by_pronouns(asked: str) -> Leaning:
    """What its pronouns tell: they may stand for something that the question says itself."""
    free = _NO_POINTER.sub("apa", asked)
    bound = _BOUND.sub(_unless_small, free)
    told = Leaning.PERHAPS if bound != free else Leaning.ALONE
    for pattern, enough in ((_PRONOUN, OWN_WORDS), (_POSSESSIVE, 1)):
        for pronoun in pattern.finditer(bound):
            before = bound[: pronoun.start()]
            if len(own_words(before)) < enough and not _NAME.search(before):
                return Leaning.LEANS
            told = Leaning.PERHAPS
    return told


def _unless_small(bound: re.Match[str]) -> str:
    """Nothing in place of a bound possessive; what stands beside it must name something."""
    after = bound["after"]
    return bound.group() if after and not naming_words(after) else " "


def _by_subject(question: str, asked: str) -> Leaning:
    """Whether it says what it is about: many words do, "the challenges" do not."""
    words = naming_words(asked)
    own = own_words(asked)
    fragment = len(words) <= FEW_WORDS and not ASKING.match(asked)
    if not own or (fragment and (len(words) < FEW_WORDS or asked != question)):
        return Leaning.LEANS
    if len(words) > FEW_WORDS or _NAMES_ITS_SUBJECT.match(asked) or _NAME.search(asked):
        return Leaning.ALONE
    return Leaning.PERHAPS
