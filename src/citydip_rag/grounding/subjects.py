"""Who does it, and to what: the words right before and behind a verb."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.lexicon import lexicon
from citydip_rag.grounding.roles import BE, NO_VERBS, is_english_verb
from citydip_rag.grounding.words import Word

_MOST: Final = 40
_PASSIVE: Final = re.compile(r"di[a-z]{4,}")
_ACTIVE: Final = re.compile(r"me[mnlryw][a-z]{3,}")
_MODALS: Final = frozenset("may must can will shall should cannot could would".split())
_IRREGULAR: Final = frozenset(
    "sent lent gave took paid built made held won lost met led bought sold kept set chose".split()
)
_JOINING: Final = frozenset("the a an of para itu ini tersebut this that its sang si pun".split())
_LEADING: Final = frozenset("sedangkan sementara while whereas but namun tetapi and dan".split())
_POINTING: Final = frozenset("tersebut ini itu this that these those".split())
_HELPING: Final = frozenset(
    "has have had telah sudah akan sedang pernah juga also not tidak".split()
)


def subject_findings(pair: Pair) -> Iterator[Finding]:
    """At most one: who does here what another does in the evidence, or to what else."""
    for place in range(min(len(pair.claim), _MOST)):
        turn = turns(pair.claim, place)
        at = _like(pair, place) if turn and pair.links[place].sure else -1
        if at < 0 or turns(pair.evidence, at) != turn:
            continue
        ours, theirs = subject(pair.claim, place), subject(pair.evidence, at)
        if _pointed(pair.evidence, theirs):
            continue
        if ours and theirs and _other(pair, ours, theirs):
            yield Finding("subject", pair.claim[ours[-1]].text, ours[-1])
            return
        if theirs and (stray := _stray(pair, ours, at)) is not None:
            yield Finding("subject", pair.claim[stray].text, stray)
            return
        if turn == "active" and (found := _object(pair, place, at)) is not None:
            yield Finding("object", pair.claim[found].text, found)
            return


def turns(words: Sequence[Word], place: int) -> str:
    """`passive` or `active` for what looks like a verb, whoever is named with it."""
    word = words[place]
    if word.key in NO_VERBS or word.is_name or word.functional:
        return ""
    if _PASSIVE.fullmatch(word.key):
        return "passive"
    if _ACTIVE.match(word.key):
        return "active"
    before = {other.key for other in words[max(0, place - 3) : place]}
    if before & BE and word.key.endswith(("ed", "en", "nt")):
        return "passive"
    modal = place > 0 and words[place - 1].key in _MODALS
    return "active" if modal or word.key in _IRREGULAR or is_english_verb(word.key, words) else ""


def subject(words: Sequence[Word], place: int) -> list[int]:
    """Places of the words that name who does it; none unless they begin the clause."""
    found: list[int] = []
    clause = words[place].clause
    for at in range(place - 1, -1, -1):
        word = words[at]
        if word.clause != clause:
            break
        if _helps(word) and not found:
            continue
        if word.key in _JOINING or (word.key in _LEADING and _begins(words, at)):
            continue
        if word.functional or turns(words, at):
            return []
        found.insert(0, at)
    return found


def _helps(word: Word) -> bool:
    known = lexicon()
    return word.key in _HELPING | BE or word.key in known.modality or word.key in known.negation


def _begins(words: Sequence[Word], place: int) -> bool:
    return place == 0 or words[place - 1].clause != words[place].clause


def _pointed(words: Sequence[Word], places: Sequence[int]) -> bool:
    """Whether a subject only points to what another sentence names."""
    end = places[-1] + 2 if places else 0
    return any(word.key in _POINTING for word in words[places[0] : end]) if places else False


def _other(pair: Pair, ours: Sequence[int], theirs: Sequence[int]) -> bool:
    """Whether no word of one subject is like one of the other's."""
    stems = {pair.evidence[place].stem for place in theirs}
    alike = any(
        pair.claim[p].stem in stems
        or (pair.links[p].sure and pair.evidence[pair.links[p].place].stem in stems)
        for p in ours
    )
    return not alike and any(pair.links[p].sure or pair.claim[p].is_name for p in ours)


def _stray(pair: Pair, ours: Sequence[int], at: int) -> int | None:
    """A name that does it here, and that the evidence has only behind the verb."""
    sentence = pair.evidence[at].sentence
    for place in ours:
        same = [p for p, w in enumerate(pair.evidence) if w.stem == pair.claim[place].stem]
        behind = all(p > at and pair.evidence[p].sentence == sentence for p in same)
        if pair.claim[place].is_name and same and behind:
            return place
    return None


def _like(pair: Pair, place: int) -> int:
    """The place of the same verb that stands before what the claim's verb governs."""
    at = pair.links[place].place
    stem = pair.evidence[at].stem
    same = [p for p, word in enumerate(pair.evidence) if word.stem == stem]
    if len(same) == 1:
        return at
    behind = range(place + 1, min(place + 6, len(pair.claim)))
    for other in behind:
        link = pair.links[other]
        if not pair.claim[other].functional and link.sure:
            before = [p for p in same if p < link.place]
            return before[-1] if before else at
    return at


def _object(pair: Pair, place: int, at: int) -> int | None:
    ours, theirs = _behind(pair.claim, place), _behind(pair.evidence, at)
    if not ours or not theirs or not _other(pair, ours, theirs):
        return None
    clause = pair.evidence[at].clause
    inside = [p for p, word in enumerate(pair.evidence) if word.clause == clause]
    return ours[0] if _other(pair, ours, inside) else None


def _behind(words: Sequence[Word], place: int) -> list[int]:
    """Places of the words that name what it is done to."""
    found: list[int] = []
    for at in range(place + 1, len(words)):
        word = words[at]
        if word.clause != words[place].clause or len(found) == 3:
            break
        if word.key in _JOINING and not found:
            continue
        if word.functional or word.key[0].isdigit():
            break
        found.append(at)
    return found
