"""How many drafts each document gave, and why some gave none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from citydip_rag.engine import Engine
from citydip_rag.evaluation.drafting.choosing import Candidate
from citydip_rag.evaluation.drafting.statements import Statement
from citydip_rag.evaluation.questions import Question


@dataclass(frozen=True, slots=True)
class Share:
    """One document's part.

    Attributes:
        source: the document's path.
        drafts: answerable questions that were made of it.
        why: there is none; empty if there is one.
    """

    source: str
    drafts: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class Drafts:
    """What was drafted, and of which documents."""

    questions: tuple[Question, ...]
    shares: tuple[Share, ...]


def shares(
    engine: Engine,
    statements: Sequence[Statement],
    candidates: Sequence[Candidate],
    taken: Sequence[Candidate],
) -> tuple[Share, ...]:
    """Of every document, those first that gave none."""
    names = engine.document_names()
    read = {statement.document_id for statement in statements}
    possible = {draft.statement.document_id for draft, _ in candidates}
    made = Counter(draft.statement.document_id for draft, _ in taken)
    found = [
        Share(
            name.source,
            made[identity],
            "" if made[identity] else _why(identity, read, possible),
        )
        for identity, name in names.items()
    ]
    return tuple(sorted(found, key=lambda share: (share.drafts > 0, share.source)))


def _why(identity: str, read: set[str], possible: set[str]) -> str:
    if identity in possible:
        return "other drafts were better"
    if identity in read:
        return "no sentence has a form that a question can be made of"
    return "no sentence of it was read that is whole and is prose"
