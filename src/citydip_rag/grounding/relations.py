"""Words that relate: bounds and times of numbers, rates, order, causes, and alternatives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import Phrases, lexicon
from citydip_rag.grounding.numbers import Number, numbers_of
from citydip_rag.grounding.words import Word

_LIMITS: Final = frozenset({"over", "under", "most", "least"})
_TIMES: Final = frozenset({"until", "since", "before", "after", "within"})
_CHANGES: Final = frozenset({"to", "by"})
_ALIKE: Final = frozenset(
    map(
        frozenset,
        (
            ("over", "least"),
            ("under", "most"),
            ("since", "after"),
            ("since", "within"),
            ("until", "before"),
            ("until", "within"),
            ("before", "within"),
            ("until", "most"),
            ("within", "most"),
        ),
    )
)
"""Relations of which one may stand for the other."""
_BEFORE: Final = 4
"""Words before a number among which its relation stands."""
_LISTED: Final = 8
"""Words between two alternatives."""
_ANDS: Final = frozenset("dan and serta sekaligus".split())
_ORS: Final = frozenset("atau or ataupun".split())


@dataclass(frozen=True, slots=True)
class Tag:
    """A phrase of a class of the lexicon, `[first, last]` of a text's words."""

    first: int
    last: int
    name: str


def relation_findings(pair: Pair) -> Iterator[Finding]:
    """Where the claim relates otherwise than its evidence."""
    yield from _bounds(pair)
    yield from _rates(pair)
    yield from _order(pair)
    yield from _causes(pair)
    yield from _choices(pair)


def tags(words: Sequence[Word], known: Phrases) -> list[Tag]:
    """Phrases of the text, the longest first at each place, none within another."""
    found: list[Tag] = []
    place = 0
    keys = [word.key for word in words]
    while place < len(keys):
        size = next((n for n in (3, 2, 1) if tuple(keys[place : place + n]) in known), 0)
        if size:
            name = known[tuple(keys[place : place + size])]
            found.append(Tag(place, min(place + size, len(keys)) - 1, name))
        place += max(size, 1)
    return found


def _bounds(pair: Pair) -> Iterator[Finding]:
    known = lexicon().relations
    ours, theirs = tags(pair.claim, known), tags(pair.evidence, known)
    found = [(number, _of(number, theirs, pair.evidence)) for number in numbers_of(pair.evidence)]
    anywhere = {tag.name for tag in theirs}
    for number in numbers_of(pair.claim):
        named = _of(number, ours, pair.claim)
        equal = [names for other, names in found if number.borne_out_by(other)]
        if equal and all(_conflict(named, other, anywhere) for other in equal):
            yield Finding("bound", number.text, number.words[0])


def _of(number: Number, found: Sequence[Tag], words: Sequence[Word]) -> frozenset[str]:
    """Names of the relations before the number, "in" only before a duration."""
    first = number.words[0]
    names = set()
    for tag in found:
        near = first - _BEFORE <= tag.last < first
        between = words[tag.last + 1 : first]
        if not near or words[tag.last].sentence != words[first].sentence:
            continue
        if any(word.key[0].isdigit() for word in between):
            continue
        if tag.name in _CHANGES and first - tag.last > 2:
            continue
        if tag.name == "within" and (first - tag.last > 2 or not _lasts(number)):
            continue
        names.add(tag.name)
    return frozenset(names)


def _lasts(number: Number) -> bool:
    return number.unit is not None and number.unit[1] in {"s", "mo"}


def _conflict(ours: frozenset[str], theirs: frozenset[str], anywhere: set[str]) -> bool:
    for family in (_LIMITS, _TIMES, _CHANGES):
        mine, other = ours & family, theirs & family
        if mine and other and not any(_agree(a, b) for a in mine for b in other):
            return True
    limits = [names & _LIMITS for names in (ours, theirs)]
    if bool(limits[0]) != bool(limits[1]):
        across = theirs if limits[0] else ours
        return not any(_agree(a, b) for a in limits[0] | limits[1] for b in across)
    times = ours & {"until", "before", "after"}
    return bool(times) and not any(_agree(a, b) for a in times for b in anywhere)


def _agree(one: str, other: str) -> bool:
    return one == other or frozenset((one, other)) in _ALIKE


def _rates(pair: Pair) -> Iterator[Finding]:
    theirs = {tag.name for tag in tags(pair.evidence, lexicon().rates)}
    for tag in tags(pair.claim, lexicon().rates):
        if tag.name not in theirs:
            text = " ".join(word.text for word in pair.claim[tag.first : tag.last + 1])
            yield Finding("rate", text, tag.first)
            return


def _order(pair: Pair) -> Iterator[Finding]:
    """An order: "A before B" against "B before A", in whichever order they are written."""
    ours, theirs = _ordering(pair.claim), _ordering(pair.evidence)
    if ours is None or theirs is None:
        return
    under = set(_governed(pair.claim, ours.last))
    there = set(_governed(pair.evidence, theirs.last))
    sentence = pair.evidence[theirs.first].sentence
    linked = {
        place: link.place
        for place, link in enumerate(pair.links)
        if link.sure
        and not pair.claim[place].functional
        and pair.evidence[link.place].sentence == sentence
        and sum(word.stem == pair.evidence[link.place].stem for word in pair.evidence) == 1
    }
    kept = sum((place in under) == (at in there) for place, at in linked.items())
    moved = len(linked) - kept
    if kept == moved or max(kept, moved) < 2 or not (under & linked.keys()):
        return
    if (ours.name == theirs.name) != (kept > moved):
        yield Finding("relation", pair.claim[ours.first].text, ours.first)


def _ordering(words: Sequence[Word]) -> Tag | None:
    found = [t for t in tags(words, lexicon().relations) if t.name in {"before", "after"}]
    return found[0] if len(found) == 1 else None


def _governed(words: Sequence[Word], place: int) -> Iterator[int]:
    clause = words[place].clause
    for other in range(place + 1, len(words)):
        if words[other].clause != clause:
            return
        yield other


def _causes(pair: Pair) -> Iterator[Finding]:
    ours = tags(pair.claim, lexicon().links)
    theirs = {tag.name for tag in tags(pair.evidence, lexicon().links)}
    for tag in ours:
        against = {"concession": "cause", "cause": "concession"}.get(tag.name)
        if tag.name not in theirs:
            kind = "relation" if against in theirs else "cause"
            yield Finding(kind, pair.claim[tag.first].text, tag.first)
            return


def _choices(pair: Pair) -> Iterator[Finding]:
    """Both of two that the evidence leaves a choice of, or the reverse."""
    for place, word in enumerate(pair.claim):
        sign, other = (_ANDS, _ORS) if word.key in _ANDS else (_ORS, _ANDS)
        if word.key not in sign:
            continue
        left = _content(pair, range(place - 1, max(-1, place - 5), -1))
        right = _content(pair, range(place + 1, min(len(pair.claim), place + 5)))
        if left is None or right is None:
            continue
        first, last = sorted((left, right))
        keys = [w.key for w in pair.evidence[first + 1 : last]]
        if len(keys) <= _LISTED and other & set(keys) and not sign & set(keys):
            yield Finding("choice", word.text, place)
            return


def _content(pair: Pair, places: range) -> int | None:
    for place in places:
        if not pair.claim[place].functional:
            link = pair.links[place]
            return link.place if link.sure else None
    return None
