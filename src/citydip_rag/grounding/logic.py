"""Negation, quantifiers, modality, opposites and roles: same words, other meaning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from citydip_rag.grounding.bindings import binding_findings
from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.negation import REACH, negated, negates, negation_findings
from citydip_rag.grounding.relations import relation_findings, tags
from citydip_rag.grounding.roles import role_findings
from citydip_rag.grounding.subjects import subject_findings
from citydip_rag.grounding.words import Word

_PERMITTING: Final = frozenset("boleh diperbolehkan may allowed permitted".split())
_RELATIVE: Final = frozenset("yang that which who".split())


def logic_findings(pair: Pair) -> Iterator[Finding]:
    """What in the claim turns the evidence's meaning round."""
    yield from negation_findings(pair)
    yield from _quantifiers(pair)
    yield from _modality(pair)
    yield from _opposites(pair)
    yield from _conditions(pair)
    yield from relation_findings(pair)
    yield from binding_findings(pair)
    yield from role_findings(pair)
    yield from subject_findings(pair)


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
    for name, place in ours.items():
        near = _moods_of(pair, place)
        wrong = name == "must" and "must" not in (theirs if near is None else near)
        wrong = wrong or (name == "may" and near is not None and "must" in near)
        wrong = wrong or (name in {"will", "almost"} and name not in theirs)
        if wrong:
            yield Finding("modality", pair.claim[place].text, place)
            return
    if "may" in theirs and not ours:
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


def _moods_of(pair: Pair, place: int) -> set[str] | None:
    """Modality of what the claim's modal governs, in the evidence; None if it has no like."""
    known = lexicon().modality
    for head in range(place + 1, min(place + REACH, len(pair.claim))):
        link = pair.links[head]
        if pair.claim[head].functional:
            continue
        if not link.sure:
            return None
        first, clause = max(0, link.place - 3), pair.evidence[link.place].clause
        near = [w for w in pair.evidence[first : link.place] if w.clause == clause]
        return set(_classes(near, known))
    return None


def _conditions(pair: Pair) -> Iterator[Finding]:
    """A condition of the evidence, or a restriction of what it speaks of, that is left out."""
    if {t.name for t in tags(pair.claim, lexicon().links)} & {"condition"}:
        return
    firm = "must" in _classes(pair.claim, lexicon().modality) or any(map(negates, pair.claim))
    used = {link.place for link in pair.links if link.sure}
    for first, last, least in _restrictions(pair.evidence):
        if not firm and pair.evidence[first].key in _RELATIVE:
            continue
        about = pair.evidence[first]
        clauses = {about.clause}
        if first == 0 or pair.evidence[first - 1].clause != about.clause:  # "if …, it is so"
            clauses |= {about.clause - 1, pair.evidence[last].clause + 1}
        same = [
            p
            for p in used
            if pair.evidence[p].clause in clauses and pair.evidence[p].sentence == about.sentence
        ]
        inside = {p for p in range(first, last + 1) if not pair.evidence[p].functional}
        if len(same) >= least and inside and not inside & used:
            place = next(p for p, link in enumerate(pair.links) if link.place == same[0])
            yield Finding("condition", about.text, place)
            return


def _restrictions(words: Sequence[Word]) -> Iterator[tuple[int, int, int]]:
    """`[first, last]` of each, and how many words the claim must take from its sentence."""
    for tag in tags(words, lexicon().links):
        if tag.name == "condition":
            yield tag.first, _clause_end(words, tag.last), 2
    for tag in tags(words, lexicon().relations):
        near = range(tag.last + 1, min(tag.last + 4, len(words)))
        number = next((p for p in near if words[p].key[0].isdigit()), None)
        if tag.name in {"over", "under"} and number and not words[tag.first - 1].functional:
            yield tag.first, number, 2
    for place, word in enumerate(words):
        head = words[place - 1] if place else word
        if word.key in _RELATIVE and not head.functional and head.clause == word.clause:
            yield place, min(place + REACH, _clause_end(words, place)), 3


def _clause_end(words: Sequence[Word], place: int) -> int:
    clause = words[place].clause
    while place + 1 < len(words) and words[place + 1].clause == clause:
        place += 1
    return place


def _classes(words: Sequence[Word], known: Mapping[str, str]) -> dict[str, int]:
    """First place of each class of words; "not only" is no "only"."""
    found: dict[str, int] = {}
    for place, word in enumerate(words):
        name = known.get(word.key)
        if name is not None and word.key in _PERMITTING and _denied_at(words, place):
            name = "must"  # "may not", "tidak boleh"
        elif (word.text == "May" and not word.opens) or _lifted(words, place, name):
            name = None
        if name:
            found.setdefault(name, place)
    return found


def _lifted(words: Sequence[Word], place: int, name: str | None) -> bool:
    return name == "only" and place > 0 and words[place - 1].key in lexicon().negation


def _denied_at(words: Sequence[Word], place: int) -> bool:
    return any(negates(word) for word in words[max(0, place - 1) : place + 2])


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
