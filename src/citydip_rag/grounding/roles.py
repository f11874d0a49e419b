"""Who does what to whom: the same words with their sides exchanged."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.grounding.exact import Finding, Pair
from citydip_rag.grounding.words import Word
from citydip_rag.schema import Language

_MOST: Final = 40
"""Words whose order is looked at."""
_FAR: Final = 14
"""Words within which a comparison has its two sides."""
_COMPARING: Final = frozenset("daripada dibanding dibandingkan ketimbang than".split())
_NO_VERBS: Final = frozenset(
    "merupakan menjadi berupa becomes menara menteri menit merek merah mereka mewah melayu".split()
)
"""Copulas, whose sides are equal, and words that only look like verbs."""
_PASSIVE: Final = re.compile(r"di[a-z]{3,}")
_ACTIVE: Final = re.compile(r"me[mnlryw][a-z]{3,}")
_PAST: Final = re.compile(r"[a-z]{2,}(?:ed|ing)$")
_PRESENT: Final = re.compile(r"[a-z]{2,}(?:es|[^s]s)$")
_BE: Final = frozenset("is are was were been being be".split())


def role_findings(pair: Pair) -> Iterator[Finding]:
    """At most one: a word that stands on the other side than in the evidence."""
    solid = [place for place in range(len(pair.claim)) if _solid(pair, place)][:_MOST]
    place = _compared(pair, solid)
    if place is None:
        place = _exchanged(pair, solid)
    if place is not None:
        yield Finding("role", pair.claim[place].text, place)


def _solid(pair: Pair, place: int) -> bool:
    link = pair.links[place]
    return (
        link.sure
        and not pair.claim[place].functional
        and not pair.claim[place].key.isdigit()
        and not pair.evidence[link.place].functional
    )


def _compared(pair: Pair, solid: Sequence[int]) -> int | None:
    """A thing compared that is what the other is compared with in the evidence."""
    ours = [place for place, word in enumerate(pair.claim) if word.key in _COMPARING]
    theirs = [place for place, word in enumerate(pair.evidence) if word.key in _COMPARING]
    if len(ours) != 1 or len(theirs) != 1:
        return None
    pivot, middle = ours[0], theirs[0]
    near = [
        place
        for place in solid
        if abs(place - pivot) <= _FAR and abs(pair.links[place].place - middle) <= _FAR
    ]
    left = [place for place in near if place < pivot and pair.links[place].place > middle]
    right = [place for place in near if place > pivot and pair.links[place].place < middle]
    return left[0] if left and right else None


def _exchanged(pair: Pair, solid: Sequence[int]) -> int | None:
    """The word before a verb whose neighbours on both sides have changed places.

    Between the two stand words in their order, the verb among them: words moved to the front
    change places with their neighbours too, but not around others that stay.
    """
    order = [pair.links[place].place for place in solid]
    for first in range(1, len(solid) - 1):
        for last in range(first, len(solid) - 1):
            if last > first and order[last] <= order[last - 1]:
                break
            voices = _voices(pair, solid[first : last + 1])
            before, behind = order[first - 1], order[last + 1]
            exchanged = voices == {True} and before > order[last] and behind < order[first]
            kept = voices == {False} and first == last and before < order[first] < behind
            if exchanged or kept:
                return solid[first - 1]
    return None


def _voices(pair: Pair, places: Sequence[int]) -> set[bool]:
    """Of the verbs of a run: whether their voice is the same as in the evidence."""
    found = set()
    for place in places:
        ours, theirs = voice(pair.claim, place), voice(pair.evidence, pair.links[place].place)
        if ours and theirs:
            found.add(ours == theirs)
    return found


def voice(words: Sequence[Word], place: int) -> str:
    """`active` or `passive` for what looks like a verb with both its sides, else nothing."""
    word = words[place]
    if word.key in _NO_VERBS or word.is_name or word.functional:
        return ""
    after = {other.key for other in words[place + 1 : place + 4]}
    if _PASSIVE.match(word.key):
        return "passive" if "oleh" in after else ""
    if _ACTIVE.match(word.key):
        return "active"
    if not _is_english_verb(word.key, words):
        return ""
    before = {other.key for other in words[max(0, place - 3) : place]}
    if before & _BE and word.key.endswith("ed"):
        return "passive" if "by" in after else ""
    return "active"


def _is_english_verb(key: str, words: Sequence[Word]) -> bool:
    """By its ending; a mere -s needs English words around, since Indonesian nouns have it too."""
    keys = {word.key for word in words}
    english = len(keys & FUNCTION_WORDS[Language.ENGLISH])
    indonesian = len(keys & FUNCTION_WORDS[Language.INDONESIAN])
    if _PAST.search(key):
        return english >= indonesian
    return english > indonesian and bool(_PRESENT.search(key))
