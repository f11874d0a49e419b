"""What a claim says that its evidence does not: found in the texts alone.

Words of the two texts are linked first: by their stems, or by a caller that knows better, such as
token alignment, which also links across languages.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from statistics import median
from typing import Final

from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.numbers import Number, numbers_of
from citydip_rag.grounding.reasons import Reason
from citydip_rag.grounding.words import Word, words_of

MAX_WORDS: Final = 400
"""Words of a text that are looked at."""
_SURE: Final = 0.6
_MUTUAL: Final = 0.4
"""Strengths from which a link is relied on; across languages true ones begin at 0.4."""
_LIKENESS: Final = 0.75
"""Share of letters two spellings of a name have in common."""
_SHORTEST_LIKE: Final = 4
"""Letters a name needs for its spelling to be compared loosely."""


@dataclass(frozen=True, slots=True)
class Link:
    """A claim's word and its like in the evidence.

    Attributes:
        place: of the evidence's word, or -1.
        strength: in [0, 1]; 1 where the words are the same.
        mutual: the evidence's word has no better like in the claim.
    """

    place: int
    strength: float
    mutual: bool = False

    @property
    def sure(self) -> bool:
        """Whether the two words can be taken to mean the same."""
        return self.place >= 0 and self.strength >= (_MUTUAL if self.mutual else _SURE)


@dataclass(frozen=True, slots=True)
class Pair:
    """A claim and its evidence as words, linked.

    Attributes:
        links: one a word of the claim.
        context: words that stand around the evidence, where a name may be given that the evidence
            only points to ("this agreement").
    """

    claim: tuple[Word, ...]
    evidence: tuple[Word, ...]
    links: tuple[Link, ...]
    context: tuple[Word, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that speaks against the claim.

    Attributes:
        kind: which check found it.
        word: of the claim, as written.
        place: of that word among the claim's.
    """

    kind: str
    word: str
    place: int

    @property
    def reason(self) -> Reason:
        """What to tell a person."""
        return Reason(self.kind, self.word)


def paired(claim: str, evidence: str, context: str = "") -> Pair:
    """Words of two texts, linked by their stems."""
    return linked(words_of(claim, MAX_WORDS), evidence, words_of(context, MAX_WORDS))


def linked(claim: tuple[Word, ...], evidence: str, context: tuple[Word, ...]) -> Pair:
    """The same for a claim and a context whose words are known."""
    right = words_of(evidence, MAX_WORDS)
    return Pair(claim, right, tuple(_links(claim, right)), context)


def exact_findings(pair: Pair) -> Iterator[Finding]:
    """Numbers, units, dates and names of the claim that the evidence does not have."""
    stated = numbers_of(pair.claim)
    found = numbers_of(pair.evidence)
    covered = {place for number in stated for place in range(number.words[0], number.words[1] + 1)}
    for number in stated:
        yield from _number_findings(number, found)
    yield from _date_findings(pair)
    yield from _name_findings(pair, covered)


def _links(claim: Sequence[Word], evidence: Sequence[Word]) -> Iterator[Link]:
    """Same words; of several the one nearest to where the others are."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(evidence):
        for name in {word.key, word.stem}:
            places.setdefault(name, []).append(place)
    same = [places.get(word.key) or places.get(word.stem) or [] for word in claim]
    single = [at[0] for at in same if len(at) == 1]
    middle = median(single) if single else 0
    for at in same:
        place = min(at, key=lambda other: abs(other - middle), default=-1)
        yield Link(place, float(place >= 0), mutual=place >= 0)


def _number_findings(number: Number, found: Sequence[Number]) -> Iterator[Finding]:
    if number.kind == "count" and number.values == {1.0}:  # "one of them", "salah satu"
        return
    equal = [other for other in found if number.borne_out_by(other)]
    if not equal:
        kind = {"count": "count", "ordinal": "ordinal"}.get(number.kind, "number")
        yield Finding(kind, number.text, number.words[0])
    elif number.unit is not None and not any(number.converts_to(other) for other in equal):
        yield Finding("unit", number.text, number.words[0])


def _date_findings(pair: Pair) -> Iterator[Finding]:
    found = {month for _, _, month in _months(pair.evidence)} | set(_numeric(pair.evidence))
    for place, word, month in _months(pair.claim):
        if month not in found:
            yield Finding("date", word.text, place)


def _months(words: Sequence[Word]) -> Iterator[tuple[int, Word, int]]:
    months = lexicon().months
    for place, word in enumerate(words):
        if word.key in months and word.text[0].isupper() and not (word.opens and word.key == "may"):
            yield place, word, months[word.key]


def _numeric(words: Sequence[Word]) -> Iterator[int]:
    """Months of dates in figures, such as 25/4/2020."""
    for first, second, third in zip(words, words[1:], words[2:], strict=False):
        parts = (first.text, second.text, third.text)
        tight = first.end + 1 == second.start and second.end + 1 == third.start
        if tight and all(part.isdigit() for part in parts):
            yield from {int(parts[0]), int(parts[1])}


def _name_findings(pair: Pair, covered: set[int]) -> Iterator[Finding]:
    months = lexicon().months
    known, own = _Names(pair.evidence), _Names(pair.claim)
    around = _Names(pair.context)
    for place, word in enumerate(pair.claim):
        if not word.is_name or place in covered or word.key in months:
            continue
        if not known.hold(word) and not own.spells(word, pair.evidence):
            kind = "name_elsewhere" if around.hold(word) else "name"
            yield Finding(kind, word.text, place)


class _Names:
    """What a text's words can stand for."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._keys = {word.key for word in words} | {word.stem for word in words}
        self._keys |= {part for word in words for part in word.key.split("-")}
        groups = lexicon().names
        self._groups = {group for word in words for group in groups.get(word.key, ())}
        self._initials = "".join(
            part[0] for word in words if word.text[0].isupper() for part in word.key.split("-")
        )

    def hold(self, word: Word) -> bool:
        """Whether the text has this name, in whatever spelling or language."""
        parts = set(word.key.split("-"))
        if word.key in self._keys or word.stem in self._keys or parts <= self._keys:
            return True
        if not self._groups.isdisjoint(lexicon().names.get(word.key, ())):
            return True
        if word.text.isupper() and len(word.key) > 1 and word.key in self._initials:
            return True
        return len(word.key) >= _SHORTEST_LIKE and any(
            _alike(word.key, other) for other in self._keys
        )

    def spells(self, word: Word, evidence: Sequence[Word]) -> bool:
        """Whether the evidence has an acronym of the name that this word is a part of."""
        return any(
            len(other.key) > 1
            and other.text.isupper()
            and word.key[0] in other.key
            and other.key in self._initials
            for other in evidence
        )


def _alike(one: str, other: str) -> bool:
    if len(other) < _SHORTEST_LIKE or one[0] != other[0]:
        return False
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= _LIKENESS and matcher.ratio() >= _LIKENESS
