"""What rules make of follow-up questions, where there is no language model to do it.

A question stays as it was asked, with what the one before was about in parentheses behind it: one
can see at a glance how it was understood, and nothing is put into the asker's mouth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS, detect_language
from citydip_rag.generation.earlier import item_asked_for
from citydip_rag.generation.leaning import (
    ASKING,
    CONNECTIVE,
    COURTESY,
    ELLIPSIS,
    FEW_WORDS,
    Leaning,
    leaning,
)
from citydip_rag.generation.wording import RELATIONAL, naming_words, words_of
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Language, Turn

MAX_TOPIC: Final = 300
"""Characters of what a question is about."""
_ARTICLE: Final = re.compile(r"\b(?:pasal|article)\s+\d+\w?", re.IGNORECASE)
_ASKING_WITHIN: Final = re.compile(r"\b(?:apa|siapa|mana|berapa) saja\s|(?<=\w )apa\s(?=yang\b)")
_ABOUT: Final = {Language.INDONESIAN: "tentang", Language.ENGLISH: "about"}
_MARKED: Final = re.compile(
    rf"^(?P<asked>.+?) \((?P<about>{'|'.join(_ABOUT.values())}): (?P<topic>.+)\)$", re.DOTALL
)
_SPEAKS: Final = {
    Language.INDONESIAN: re.compile(r"(?i)\b(?:\w{3,}nya|cara|contoh|lanjut\w*|alasan\w*)\b"),
    Language.ENGLISH: re.compile(r"(?i)\b(?:else|examples?|really|continue|reasons?)\b"),
}
"""Words that tell the language of a question with next to no others."""
_IN_A_LANGUAGE: Final = re.compile(
    r"(?:(?:can|could|would|you|please|say|repeat|answer|write|translate|put|give|tell|explain|show"
    r"|reply|respond|now|that|it|this|me|again|the|your|same|and|sorry|tolong|coba|bisa(?:kah)?|kamu"
    r"|anda|mohon|jawab(?:lah|an\w*)?|ulangi|katakan|terjemahkan|tulis(?:kan)?|jelaskan|sebutkan"
    r"|pakai|gunakan|versi|itu|lagi|tadi|dalam|ke|dengan|in|to|into|using)\b\W*)*"
    r"(?:bahasa (?P<id>indonesia|inggris)|(?P<en>indonesian|english|bahasa))"
    r"(?:\W+(?:please|dong|ya|saja|instead|version|again|lagi|tolong))*\W*",
    re.IGNORECASE,
)
_LANGUAGES: Final = {"inggris": Language.ENGLISH, "english": Language.ENGLISH}
_NEXT: Final = re.compile(
    r"\b(?:selanjutnya|berikutnya|setelah itu|lagi|selain itu|lebih (?:lanjut|rinci|jauh|detail)"
    r"|solusi\w*|penyelesaian\w*|(?:meng|di)atasi\w*|(?:meng|di)hindari\w*|(?:men|di)cegah\w*"
    r"|memecahkan\w*|menyelesaikan\w*|mengapa|kenapa|why"
    r"|next|after that|else|(?:tell me|any|what|in) more|more (?:about|details?)|solv\w+|solutions?"
    r"|avoid\w*|prevent\w*|overcom\w+|resolv\w+|done about|do about|deal with)\b",
    re.IGNORECASE,
)
LEEWAY: Final = {"next": 1.2, "connective": 0.7}
"""How much less a sentence that has not been shown may answer than one that has, and yet be what
is asked for. In 39 conversations, where a new one was wanted it was 0 to 1.1 behind; where the old
one was, 1.5 and more, or 0.9 behind a mere "and"."""
_ELABORATE: Final = frozenset(
    "explain jelaskan ceritakan uraikan sebutkan detail rinci lanjut please tolong".split()
)


def turn_language(question: str, turns: Sequence[Turn]) -> Language:
    """Language of a question; a word or two do not change that of the conversation."""
    marked = _MARKED.match(question)
    question = marked["asked"] if marked else question
    if turns and len(words_of(question)) <= FEW_WORDS:
        before = turn_language(turns[-1].question, turns[:-1])
        known = {word.lower() for word in words_of(question)}
        other = Language.ENGLISH if before is Language.INDONESIAN else Language.INDONESIAN
        changed = known & FUNCTION_WORDS[other] - FUNCTION_WORDS[before]
        return other if changed or _SPEAKS[other].search(question) else before
    return detect_language(question)


def standalone(question: str, turns: Sequence[Turn]) -> str:
    """The question, and in parentheses what the one before it was about."""
    topic = _topic(turns)
    if _ARTICLE.search(question):
        topic = _ARTICLE.sub("", topic)
    return about(question, " ".join(topic.split()), turn_language(question, turns))


def about(question: str, topic: str, language: Language) -> str:
    """A question with its topic behind it; only the question where there is no room or topic."""
    asked = question.strip()
    joined = f"{asked} ({_ABOUT[language]}: {topic})"
    return joined if topic and len(joined) <= MAX_QUESTION_CHARACTERS else question


def searched(question: str) -> str:
    """A question as it is searched: a topic behind it without the parentheses and small words.

    Shown, it is easier to read with them. Searched without, the article answers 36 of the 39
    second questions of the conversations to develop with, in place of 31.
    """
    marked = _MARKED.match(question)
    if marked is None:
        return question
    topic = " ".join(naming_words(marked["topic"]))
    return f"{marked['asked'].rstrip(' ?.!')} {marked['about']} {topic}?"


def is_standalone(question: str) -> bool:
    """Whether a question carries its topic behind it already."""
    return _MARKED.match(question.strip()) is not None


def language_asked_for(question: str) -> Language | None:
    """The language in which the last answer is to be given once more, if it asks for that only."""
    found = _IN_A_LANGUAGE.fullmatch(question.strip())
    if found is None:
        return None
    return _LANGUAGES.get((found["id"] or found["en"]).lower(), Language.INDONESIAN)


def leeway(question: str) -> float:
    """How much less a new sentence may answer than one shown before; 0 where that may be asked."""
    asked = question.strip()
    if _NEXT.search(asked):
        return LEEWAY["next"]
    opening = CONNECTIVE.match(asked)
    goes_on = opening and not ELLIPSIS.match(asked[opening.end() :])
    return LEEWAY["connective"] if goes_on else 0.0


def asks_for_more(question: str) -> bool:
    """Whether a question about one of the things just named asks for nothing in particular."""
    words = {word.lower() for word in naming_words(question)}
    return words <= RELATIONAL | _ELABORATE


def _topic(turns: Sequence[Turn]) -> str:
    """What a conversation is about: its last question, and what that one leans on."""
    asking = [turn for turn in turns if not COURTESY.fullmatch(turn.question.strip())]
    if not asking:
        return ""
    last = asking[-1].question.strip()
    marked = _MARKED.match(last)
    asked, before = (marked["asked"], marked["topic"]) if marked else (last, "")
    own = _ASKING_WITHIN.sub("", ASKING.sub("", CONNECTIVE.sub("", asked, count=1)))
    if not marked and leaning(asked) is Leaning.LEANS:
        before = _topic(asking[:-1])
    root = before.rpartition("; ")[2]
    points = asks_for_more(own) or item_asked_for(asked) is not None
    own = "" if not naming_words(own) or (points and root) else own.strip(" ?.!,")
    topic = "; ".join(part for part in (own, root) if part)
    return topic if len(topic) <= MAX_TOPIC else topic[:MAX_TOPIC].rpartition(" ")[0]
