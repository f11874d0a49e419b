"""A text's words as the checks look at them."""

from __future__ import annotations

import re
import threading
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.schema import Language

if TYPE_CHECKING:
    from Stemmer import Stemmer

_WORD: Final = re.compile(
    r"(?:Rp|IDR|USD|EUR)(?=[0-9])|[^\W_]+(?:[-'’][^\W_]+|(?<=[0-9])[.,:][0-9]+)*|[%°$€£¥]"
)
_OPENS: Final = re.compile(r"(?:[.!?:;•–—\n]|[\"“”‘(\[])\s*[\"“”‘'(\[]*$")
_POSSESSIVE: Final = re.compile(r"['’]s$|['’]$")
_CLAUSE: Final = re.compile(r"[,;:.!?()–—]")
FUNCTIONAL: Final = (
    FUNCTION_WORDS[Language.INDONESIAN]
    | FUNCTION_WORDS[Language.ENGLISH]
    | frozenset("merupakan ialah atas yakni kini hingga pun between among upon now until".split())
)
_SENTENCE: Final = re.compile(r"[.!?]\s|\n")
_SEPARATORS: Final = {"٬": ",", "٫": "."}
_LOCK: Final = threading.Lock()
"""A stemmer keeps state while it stems."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word, number or sign.

    Attributes:
        text: as written.
        start, end: place in the text.
        key: lower case, "kota-kota" as "kota", without possessive.
        stem: of the key, by the Indonesian and then the English rules.
        opens: it begins a sentence or a quotation, where a capital says nothing.
        clause: number of the clause it stands in.
        sentence: number of the sentence.
    """

    text: str
    start: int
    end: int
    key: str
    stem: str
    opens: bool
    clause: int
    sentence: int

    @property
    def is_name(self) -> bool:
        """Written like a name: a capital where none is due, or an acronym."""
        if not self.text[0].isupper():
            return False
        acronym = len(self.text) > 1 and self.text.isupper()
        if self.opens:
            return acronym or self.key in lexicon().places
        return acronym or self.key not in FUNCTIONAL

    @property
    def functional(self) -> bool:
        """It builds the sentence and names nothing."""
        return self.key in FUNCTIONAL or not self.key[0].isalnum()


def words_of(text: str, limit: int) -> tuple[Word, ...]:
    """The text's words, `limit` at most."""
    found: list[Word] = []
    end = clause = sentence = 0
    for match in _WORD.finditer(usual(text)):
        if len(found) == limit:
            break
        start, stop = match.span()
        between = text[end:start]
        clause += bool(_CLAUSE.search(between))
        sentence += bool(_SENTENCE.search(between))
        opens = not found or bool(_OPENS.search(between))
        key = _key(match.group())
        found.append(Word(text[start:stop], start, stop, key, stem(key), opens, clause, sentence))
        end = stop
    return tuple(found)


def usual(text: str) -> str:
    """The text with letters, digits and separators in their usual forms, one for one."""
    return text if text.isascii() else "".join(map(_usual, text))


@lru_cache(maxsize=10_000)
def _usual(character: str) -> str:
    if character.isascii():
        return character
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    form = unicodedata.normalize("NFKC", _SEPARATORS.get(character, character))
    return form if len(form) == 1 and form.isprintable() and form != " " else character


def _key(word: str) -> str:
    form = unicodedata.normalize("NFKC", word)
    lower = _POSSESSIVE.sub("", form.lower().replace("’", "'"))
    half, hyphen, other = lower.partition("-")
    return half if hyphen and half == other else lower


@lru_cache(maxsize=50_000)
def stem(key: str) -> str:
    """A word's stem by the rules of both languages, one after the other."""
    indonesian, english = _stemmers()
    with _LOCK:
        return str(english.stemWord(indonesian.stemWord(key)))


@cache
def _stemmers() -> tuple[Stemmer, Stemmer]:
    from Stemmer import Stemmer

    return Stemmer("indonesian"), Stemmer("english")
