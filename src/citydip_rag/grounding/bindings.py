"""What stands beside what: numbers and their things, names and their offices."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.numbers import Number, numbers_of
from citydip_rag.grounding.words import Word

_BREAKS: Final = frozenset(
    "dan and serta sedangkan sementara while whereas atau or tetapi namun but".split()
)
_VERB: Final = re.compile(r"(?:di|me[mnlryw]|be[rkl]|ter)[a-z]{3,}|has|have|had|[a-z]{2,}ed")
_YEARS: Final = range(1500, 2200)
_APART: Final = 2
"""Words that may stand between two parts of a name besides those of the claim."""
_REACH: Final = 5
"""Words from a number within which its thing is named."""


def binding_findings(pair: Pair) -> Iterator[Finding]:
    """At most one of each: a thing with another's number, a name with another's part."""
    yield from _numbers(pair)
    yield from _names(pair)
    yield from _another(pair)


def _numbers(pair: Pair) -> Iterator[Finding]:
    theirs = _quantities(pair.evidence)
    if len(theirs) < 2:
        return
    owners = _owners(pair.evidence, theirs)
    ours = _quantities(pair.claim)
    places: dict[str, list[int]] = {}
    for place, word in enumerate(pair.evidence):
        places.setdefault(word.stem, []).append(place)
    for place, number in _owners(pair.claim, ours).items():
        link = pair.links[place]
        if not link.sure or not any(number.borne_out_by(other) for other in theirs):
            continue
        held = [owners.get(at) for at in places[pair.evidence[link.place].stem]]
        if all(other is not None and not number.borne_out_by(other) for other in held):
            yield Finding("binding", pair.claim[place].text, place)
            return


def _quantities(words: Sequence[Word]) -> list[Number]:
    """Numbers that count or measure; no dates, years or ordinals."""
    months = lexicon().months
    found = []
    for number in numbers_of(words):
        first, last = number.words
        around = {w.key for w in (*words[max(0, first - 1) : first], *words[last + 1 : last + 2])}
        year = number.unit is None and all(value in _YEARS for value in number.values)
        single = len(number.values) == 1 and 1.0 not in number.values
        if (
            number.kind != "ordinal"
            and single
            and not year
            and not (around & months.keys() - {"may"})
        ):
            found.append(number)
    return found


def _owners(words: Sequence[Word], numbers: Sequence[Number]) -> dict[int, Number]:
    """The number that each content word stands beside, in the same part of its clause."""
    skipped = lexicon().units.keys() | {key for phrase in lexicon().relations for key in phrase}
    taken = {p for n in numbers for p in range(n.words[0], n.words[1] + 1)}
    part, parts = 0, []
    for place, word in enumerate(words):
        comma = place > 0 and word.clause != words[place - 1].clause
        part += comma or word.key in _BREAKS
        parts.append(part)
    found = {}
    for place, word in enumerate(words):
        if word.functional or place in taken or word.key in skipped or word.is_name:
            continue
        near = [
            (distance, order)
            for order, number in enumerate(numbers)
            if parts[number.words[0]] == parts[place]
            and (distance := _distance(place, number)) <= _REACH
            and not any(_VERB.fullmatch(w.key) for w in _between(words, place, number))
            and not _VERB.fullmatch(word.key)
        ]
        if near:
            found[place] = numbers[min(near)[1]]
    return found


def _between(words: Sequence[Word], place: int, number: Number) -> Sequence[Word]:
    first, last = number.words
    return words[place + 1 : first] if place < first else words[last + 1 : place]


def _distance(place: int, number: Number) -> int:
    first, last = number.words
    return first - place if place < first else place - last


def _names(pair: Pair) -> Iterator[Finding]:
    """Parts of one name that the evidence has, but not together."""
    places: dict[str, list[int]] = {}
    for at, word in enumerate(pair.evidence):
        places.setdefault(word.key, []).append(at)
    for first, last in _runs(pair.claim):
        for one, other in ((p, last) for p in range(first, last)):
            some, others = (places.get(pair.claim[p].key, ()) for p in (one, other))
            if not some or not others:
                continue
            if min(abs(a - b) for a in some for b in others) > other - one + _APART:
                yield Finding("binding", pair.claim[other].text, other)
                return


def _runs(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """`[first, last]` of capitalised words without a sign between."""
    first = None
    for place, word in enumerate(words):
        named = word.text[0].isupper() and not word.functional and not word.key[0].isdigit()
        named = named and (not word.opens or word.key in lexicon().names)
        if first is not None and (not named or word.clause != words[place - 1].clause):
            if place - 1 > first:
                yield first, place - 1
            first = None
        if named and first is None:
            first = place
    if first is not None and len(words) - 1 > first:
        yield first, len(words) - 1


def _another(pair: Pair) -> Iterator[Finding]:
    """One of a kind of which the evidence names another only."""
    known = lexicon().exclusives
    theirs = {member for word in pair.evidence for member in known.get(word.key, ())}
    kinds = {kind for kind, _ in theirs}
    for place, word in enumerate(pair.claim):
        for member in known.get(word.key, ()):
            if member not in theirs and member[0] in kinds and pair.links[place].strength < 1:
                yield Finding("another", word.text, place)
                return
