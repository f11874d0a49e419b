"""Negation, quantifiers, modality, opposites and roles: same words, other meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.roles import role_findings
from citydip_rag.grounding.words import Word

_FIRM: Final = 0.55
"""Strength from which a word that the evidence denies is taken to be the claim's."""
_REACH: Final = 4
"""Words behind a negation that it may govern."""


def logic_findings(pair: Pair) -> Iterator[Finding]:
    """What in the claim turns the evidence's meaning round."""
    yield from _negation(pair)
    yield from _quantifiers(pair)
    yield from _modality(pair)
    yield from _opposites(pair)
    yield from role_findings(pair)


def negated(words: Sequence[Word]) -> dict[int, int]:
    """Place of each word under a negation to the place of that negation."""
    known = lexicon()
    under: dict[int, int] = {}
    for place, word in enumerate(words):
        if not _negates(word):
            continue
        following = words[place + 1].key if place + 1 < len(words) else ""
        if following in known.lifted:
            continue
        heads = 0
        for other in range(place + 1, min(place + 1 + _REACH, len(words))):
            if words[other].clause != word.clause or _negates(words[other]):
                break
            under.setdefault(other, place)
            heads += not words[other].functional
            if heads == 2:  # a predicate and its complement
                break
    return under


def _negates(word: Word) -> bool:
    return word.key in lexicon().negation or word.key.endswith("n't")


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
        if link.place in theirs and not _negating(pair, place):
            denying = pair.evidence[theirs[link.place]]
            yield Finding("negation_left_out", denying.text, place)
            return


def _negating(pair: Pair, place: int) -> bool:
    """Whether the claim negates near this word, or by a verb of denial."""
    known = lexicon()
    clause = pair.claim[place].clause
    return any(
        word.clause == clause and (word.key in known.denial or _negates(word))
        for word in pair.claim
    )


def _quantifiers(pair: Pair) -> Iterator[Finding]:
    known = lexicon().quantifiers
    theirs = _classes(pair.evidence, known)
    for name, place in _classes(pair.claim, known).items():
        word = pair.claim[place].text
        if name in {"all", "only"}:
            if name not in theirs or (name == "all" and _limited(pair, place)):
                yield Finding(f"quantifier_{name}", word, place)
        elif (name == "few" and name not in theirs) or (
            name in {"most", "many"} and name not in theirs and {"some", "few"} & theirs.keys()
        ):
            yield Finding("quantifier", word, place)


def _limited(pair: Pair, place: int) -> bool:
    """Whether what the claim says of all, the evidence says of some."""
    known = lexicon().quantifiers
    for head in range(place + 1, min(place + 3, len(pair.claim))):
        link = pair.links[head]
        if pair.claim[head].functional or not link.sure:
            continue
        before = {known.get(w.key) for w in pair.evidence[max(0, link.place - 2) : link.place]}
        return bool(before & {"some", "most", "many", "few"}) and "all" not in before
    return False


def _modality(pair: Pair) -> Iterator[Finding]:
    known = lexicon().modality
    theirs, ours = _classes(pair.evidence, known), _classes(pair.claim, known)
    if "must" in ours and "must" not in theirs:
        yield Finding("modality", pair.claim[ours["must"]].text, ours["must"])
    elif "may" in theirs and not ours:
        place = theirs["may"]
        head = next(
            (
                p
                for p, link in enumerate(pair.links)
                if place < link.place <= place + 2 and link.sure
            ),
            None,
        )
        if head is not None:
            yield Finding("modality_left_out", pair.evidence[place].text, head)


def _classes(words: Sequence[Word], known: Mapping[str, str]) -> dict[str, int]:
    """First place of each class of words; "not only" is no "only"."""
    negation = lexicon().negation
    found: dict[str, int] = {}
    for place, word in enumerate(words):
        name = known.get(word.key)
        if name and not (name == "only" and place and words[place - 1].key in negation):
            found.setdefault(name, place)
    return found


def _opposites(pair: Pair) -> Iterator[Finding]:
    ours, theirs = _sides(pair.claim), _sides(pair.evidence)
    all_ours, all_theirs = _joined(ours), _joined(theirs)
    under, there = negated(pair.claim), negated(pair.evidence)
    for place, sides in enumerate(ours):
        link = pair.links[place]
        if link.strength == 1 or place in under:
            continue
        for name, side in sides:
            against = (name, 1 - side)
            at = [p for p, others in enumerate(theirs) if against in others and p not in there]
            alone = against not in all_ours and (name, side) not in all_theirs
            if at and (alone or (link.place in at and link.sure)):
                yield Finding("opposite", pair.claim[place].text, place)
                break


def _sides(words: Sequence[Word]) -> list[tuple[tuple[str, int], ...]]:
    """The sides each word is on; of two words that are listed together, both are on theirs."""
    known = lexicon().sides
    found = [known.get(word.key, ()) for word in words]
    for place in range(len(words) - 1):
        both = known.get(f"{words[place].key}-{words[place + 1].key}")
        if both:
            found[place] = found[place + 1] = both
    return found


def _joined(sides: Sequence[tuple[tuple[str, int], ...]]) -> set[tuple[str, int]]:
    return {side for others in sides for side in others}
