"""The sentences of an index that a question can be made of, and how their words are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from citydip_rag.engine import Engine
from citydip_rag.schema import Language, Passage

T = TypeVar("T")

_DOCUMENTS: Final = 60
_PASSAGES: Final = 400
"""What is read at most: documents, and passages of each."""
_MARKER: Final = re.compile(
    r"^(?:(?:Ayat )?\(\d{1,3}[a-z]?\)|\d{1,3}\.(?!\d)|[a-z]\.(?= )|Huruf [a-z]\b|Angka \d+\b"
    r"|\[[\w ]{1,4}\]|[-–•*\"“])\s*"
)
_NOTE: Final = re.compile(r"\s*\[(?:\d{1,3}|[a-z])\]")
_APPARATUS: Final = re.compile(
    r"https?:|www\.|@|\||ISBN|ISSN|Retrieved|Archived|Cukup jelas|\bpp?\. ?\d|et al"
    r"|\dâ|â\d|[\x80-\x9f{}<>_=\\]|\.\.\."
)
_WORD: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_SHORTEST, _LONGEST = 35, 420


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence, and where it stands.

    Attributes:
        text: on one line, without the number or bullet before it and the notes' numbers in it.
        raw: the document's own characters of it, on one line.
        following: the rest of the same place in the passage, the items of a list it begins.
        label: the statute's short name, or empty.
        place: in it, such as "Pasal 5 ayat (2)", or empty.
    """

    text: str
    raw: str
    following: str
    document_id: str
    label: str
    place: str
    page: int | None
    heading: str
    language: Language

    @property
    def evidence(self) -> str:
        """What answers: the sentence, with its list where it begins one."""
        return f"{self.raw} {self.following}".strip() if self.raw.endswith(":") else self.raw


class Casing:
    """Which words of the documents are names: those rarely written small."""

    def __init__(self, texts: Iterable[str]) -> None:
        """Count how words are written where no sentence begins."""
        self._small: Counter[str] = Counter()
        self._large: Counter[str] = Counter()
        for text in texts:
            for match in list(_WORD.finditer(text))[1:]:
                word = match[0]
                if word.islower():
                    self._small[word] += 1
                elif word[0].isupper() and not word.isupper():
                    self._large[word.lower()] += 1

    def inside(self, phrase: str) -> str:
        """A phrase that began a sentence, as it is written within one."""
        first = _WORD.match(phrase)
        if first is None or first[0] != first[0].capitalize() or first[0].islower():
            return phrase
        word = first[0].lower()
        rest = phrase[first.end() :].lstrip().split(" ", 1)[0]
        if rest[:1].isupper() and self._large[word]:  # a name of several words
            return phrase
        if self._small[word] > self._large[word]:
            return word + phrase[first.end() :]
        return phrase

    def named(self, title: str) -> str:
        """A title, whose words are all capitalised, as it is written within a sentence."""
        words = title.split()
        if any(self._large[word.lower()] > self._small[word.lower()] for word in words):
            return title
        return title.lower()


def read_statements(engine: Engine) -> list[Statement]:
    """All sentences that read as such, of a fair sample where the documents are many."""
    names = engine.document_names()
    chosen = _spread(sorted(names, key=lambda identity: names[identity].source), _DOCUMENTS)
    store = engine.index.store
    found: list[Statement] = []
    for identity in chosen:
        numbers = _spread(store.numbers_of([identity]), _PASSAGES)
        for passage in store.all_passages(numbers):
            found += _statements(passage, names[identity].label)
    return found


def _spread(items: Sequence[T], most: int) -> list[T]:
    """So many of them, from the first to the last."""
    if len(items) <= most:
        return list(items)
    return [items[i * len(items) // most] for i in range(most)]


def _statements(passage: Passage, label: str) -> Iterator[Statement]:
    known = {language.value for language in Language}
    if passage.language not in known:
        return
    for number, sentence in enumerate(passage.sentences):
        raw = _line(passage, sentence.start, sentence.end)
        raw = raw[_before(raw) :]
        text = " ".join(_NOTE.sub("", raw).split())
        if not _reads(text):
            continue
        same = [s for s in passage.sentences[number + 1 :] if s.place == sentence.place]
        following = _line(passage, same[0].start, same[-1].end) if same else ""
        yield Statement(
            text,
            raw,
            following,
            passage.document_id,
            label,
            sentence.place,
            sentence.page,
            passage.heading,
            Language(passage.language),
        )


def _line(passage: Passage, start: int, end: int) -> str:
    return " ".join(passage.text[start - passage.start : end - passage.start].split())


def _before(text: str) -> int:
    """Length of the numbers and bullets before a sentence."""
    length = 0
    while match := _MARKER.match(text[length:]):
        length += match.end()
    return length


def _reads(text: str) -> bool:
    """Whether a text is one whole sentence of prose."""
    words = text.split()
    letters = sum(character.isalpha() for character in text)
    return (
        _SHORTEST <= len(text) <= _LONGEST
        and text[0].isupper()
        and text.endswith((".", ":", ";"))
        and text.count("(") == text.count(")")
        and text.count('"') % 2 == 0
        and text.count("“") == text.count("”")
        and len(words) > 5
        and letters > 0.7 * len(text)
        and not _APPARATUS.search(text)
        and sum(word.isupper() and len(word) > 1 for word in words) < 0.3 * len(words)
    )
