"""What is found for a question of a conversation: for which meaning of it, and what is new."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from citydip_rag.finding import Finder, Found, answered_by
from citydip_rag.generation.earlier import opens_item
from citydip_rag.generation.leaning import Leaning
from citydip_rag.questions import Understood
from citydip_rag.retrieval.evidence import Evidence

KNOWN: Final = 0.15
"""Confidence below which the documents know nothing of what a question names: with a topic behind
it, it would be answered about that. Measured on the article: 0.02 to 0.07 for what it does not
speak of, 0.23 and more for questions short of their subject."""
GOES_ON: Final = 0.8
"""Strength that a sentence gains for standing behind one shown before, where more is asked for: as
much as the next best may be behind the best and still be quoted."""
MAX_MORE: Final = 3
"""Sentences quoted of one of the things named before, with itself."""


def find_understood(
    asked: Understood, finder: Finder, find: Callable[[str], Found]
) -> tuple[str, Found]:
    """The question that was searched, and what was found for it; blocks while it computes.

    One that may stand alone is taken as asked if the documents answer it so, and if they know
    nothing of it; one that leans is taken as asked where they answer it only so.

    Args:
        asked: a question as its conversation makes it to be understood.
        finder: tells whether what was found answers.
        find: searches.
    """
    if asked.leaning is Leaning.PERHAPS:
        found = find(asked.question)
        if finder.answers(found) or found.confidence < KNOWN:
            return asked.question, found
    found = find(asked.alone)
    if asked.item and (more := _more_of(found, asked.item, asked.said)):
        return asked.alone, more
    if finder.answers(found):
        return asked.alone, _fresh(finder, found, asked)
    if asked.alone != asked.question:
        literally = find(asked.question)
        if finder.answers(literally):
            return asked.question, literally
    return asked.alone, found


def _fresh(finder: Finder, found: Found, asked: Understood) -> Found:
    """The same without sentences shown before, if more is asked for and another one answers."""
    old = [e for e in found.evidence if _on_one_line(e.text) in asked.said]
    new = [e for e in found.evidence if _on_one_line(e.text) not in asked.said]
    if not asked.leeway or not old or not new:
        return found
    if max(e.strength for e in new) < max(e.strength for e in old) - asked.leeway:
        return found
    rest = finder.reweighed(found, new)
    return replace(rest, evidence=_going_on(new, old)) if finder.answers(rest) else found


def _going_on(new: Sequence[Evidence], old: Sequence[Evidence]) -> list[Evidence]:
    """New sentences; those that follow old ones in the same passage are likelier to go on."""
    last = dict(sorted((e.candidate.number, e.index) for e in old))
    return [
        replace(e, strength=e.strength + GOES_ON)
        if e.index > last.get(e.candidate.number, e.index)
        else e
        for e in new
    ]


def _more_of(found: Found, item: str, said: Collection[str]) -> Found | None:
    """A sentence shown before and what its passage says after it; None for nothing."""
    home = next((e for e in found.evidence if _on_one_line(e.text) == item), None)
    if home is None:
        return None
    after = {e.index: e for e in found.evidence if e.candidate is home.candidate}
    located = [home]
    for index in range(home.index + 1, home.index + MAX_MORE):
        following = after.get(index)
        if following is None or _is_another(_on_one_line(following.text), said):
            break
        located.append(following)
    return answered_by(found, located, 1.0) if len(located) > 1 else None


def _is_another(sentence: str, said: Collection[str]) -> bool:
    """Whether a sentence is another of the things that were named."""
    return sentence in said or opens_item(sentence)


def _on_one_line(text: str) -> str:
    return " ".join(text.split())
