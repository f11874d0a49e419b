"""Negation: said or left out, by a word, by a prefix or by a verb that denies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.relations import tags
from citydip_rag.grounding.words import Word, stem

_FIRM: Final = 0.55
"""Strength from which a word that the evidence denies is taken to be the claim's."""
_SAME: Final = 0.8
"""Strength from which a word of denial is taken to be the evidence's own."""
REACH: Final = 4
"""Words behind a negation or a modal that it may govern."""
_LIFTED_WITHIN: Final = 2
"""Words behind a negation that may take it away: "no longer only"."""
_DENIED: Final = 0.6
"""Share of a claim's words in a clause from which on its denial is the claim's."""
_PREFIXES: Final = ("non-", "anti-", "nir-")


def negated(words: Sequence[Word]) -> dict[int, int]:
    """Place of each word under a negation to the place of that negation."""
    known = lexicon()
    limiting = {p for tag in tags(words, known.relations) for p in range(tag.first, tag.last + 1)}
    under: dict[int, int] = {}
    for place, word in enumerate(words):
        if not negates(word):
            continue
        following = {other.key for other in words[place + 1 : place + 1 + _LIFTED_WITHIN]}
        if following & known.lifted or place in limiting:
            continue
        heads = 0
        for other in range(place + 1, min(place + 1 + REACH, len(words))):
            if words[other].clause != word.clause or negates(words[other]):
                break
            under.setdefault(other, place)
            heads += not words[other].functional
            if heads == 2:  # a predicate and its complement
                break
    return under


def negates(word: Word) -> bool:
    """Whether it is a word of negation."""
    return word.key in lexicon().negation or word.key.endswith("n't")


def negation_findings(pair: Pair) -> Iterator[Finding]:
    """Where the claim denies what the evidence does not, or states what it denies."""
    yield from _negation(pair)
    yield from _prefixes(pair)


def _negation(pair: Pair) -> Iterator[Finding]:
    ours, theirs = negated(pair.claim), negated(pair.evidence)
    if ours and not theirs:
        place = min(ours.values())
        yield Finding("negation", pair.claim[place].text, place)
        return
    checked: set[int] = set()
    for place, sign in ours.items():
        link = pair.links[place]
        if sign in checked or pair.claim[place].functional or not link.sure:
            continue
        checked.add(sign)
        if link.place not in theirs and not any(
            pair.links[p].place in theirs for p, s in ours.items() if s == sign
        ):
            yield Finding("negation", pair.claim[sign].text, sign)
    for place, word in enumerate(pair.claim):
        link = pair.links[place]
        if word.functional or link.strength < _FIRM or place in ours:
            continue
        if link.place in theirs and not negating(pair, place):
            denying = pair.evidence[theirs[link.place]]
            yield Finding("negation_left_out", denying.text, place)
            return
    yield from _denied(pair, ours, theirs)


def _prefixes(pair: Pair) -> Iterator[Finding]:
    """Actors that are "non-state" are no state actors, nor the other way round."""
    theirs = {_bare(word): word for word in pair.evidence if word.key.startswith(_PREFIXES)}
    plain = {word.stem for word in pair.evidence}
    for place, (word, link) in enumerate(zip(pair.claim, pair.links, strict=True)):
        other = pair.evidence[link.place] if link.sure else None
        if word.key.startswith(_PREFIXES):
            if not theirs and (_bare(word) in plain or other is not None):
                yield Finding("negation", word.text, place)
            continue
        sign = theirs.get(word.stem) if word.stem not in plain else None
        if sign is None and other is not None and other.key.startswith(_PREFIXES):
            sign = other
        if sign is not None and not negating(pair, place):
            yield Finding("negation_left_out", sign.text, place)


def _bare(word: Word) -> str:
    """The stem of what such a prefix negates."""
    return stem(word.key.partition("-")[2]) if word.key.startswith(_PREFIXES) else word.stem


def _denied(pair: Pair, ours: Mapping[int, int], theirs: Mapping[int, int]) -> Iterator[Finding]:
    """The claim stays within a clause that the evidence denies; or denies by a verb itself."""
    content = [p for p, word in enumerate(pair.claim) if not word.functional]
    linked = [p for p in content if pair.links[p].sure]
    for sign in sorted(set(theirs.values())):
        clause = pair.evidence[sign].clause
        stems = {word.stem for word in pair.evidence if word.clause == clause}
        within = [p for p in linked if pair.evidence[pair.links[p].place].stem in stems]
        share = len(within) / max(1, len(content))
        if not ours and within and share >= _DENIED and not negating(pair, within[0]):
            held = {pair.evidence[pair.links[p].place].stem for p in within}
            if held & {pair.evidence[p].stem for p, by in theirs.items() if by == sign}:
                yield Finding("negation_left_out", pair.evidence[sign].text, within[0])
                return
    known = lexicon().denial
    if ours or theirs or any(word.key in known for word in pair.evidence):
        return
    for place, word in enumerate(pair.claim):
        about = [other.key for other in pair.claim[place : place + 2]] == ["kurang", "lebih"]
        if word.key in known and not about and pair.links[place].strength < _SAME:
            yield Finding("negation", word.text, place)
            return


def negating(pair: Pair, place: int) -> bool:
    """Whether the claim negates near this word, or by a verb of denial."""
    known = lexicon()
    clause = pair.claim[place].clause
    return any(
        word.clause == clause and (word.key in known.denial or negates(word)) for word in pair.claim
    )
