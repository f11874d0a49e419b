"""Chooses among what the rules make: different kinds, all documents, short before long."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import Final

from citydip_rag.evaluation.drafting.rules import Draft
from citydip_rag.evaluation.drafting.statements import Statement

Candidate = tuple[Draft, list[Statement]]
"""A draft, and all sentences that it was made of."""

_WORTH: Final = {
    "definition": 1.0,
    "penalty": 1.0,
    "number": 0.95,
    "when": 1.0,
    "why": 1.0,
    "by whom": 0.85,
    "aim": 0.9,
    "who": 0.8,
    "list": 0.8,
    "article": 0.65,
    "heading": 1.0,
    "through": 0.8,
    "whether": 0.5,
}
_AGAIN: Final = 0.1
"""What one more of a kind is worth less."""
_SAME_AGAIN: Final = {"penalty": 0.3, "article": 0.2}
"""Kinds whose questions differ in nothing but a number."""
_FULL: Final = 0.3
"""What a draft is worth less once its document has as many as is its share of the sentences."""


def chosen(
    candidates: Sequence[Candidate], wanted: int, statements: Sequence[Statement]
) -> list[Candidate]:
    """The best ones, each of which makes others of its kind, document and section less wanted."""
    kinds: Counter[str] = Counter()
    documents: Counter[str] = Counter()
    sections: Counter[str] = Counter()
    sentences = Counter(statement.document_id for statement in statements)
    spread = [zlib.crc32(draft.question.encode()) / 2**32 for draft, _ in candidates]
    left = list(enumerate(candidates))
    taken: list[tuple[int, Candidate]] = []

    def worth(entry: tuple[int, Candidate]) -> float:
        place, (draft, _) = entry
        statement = draft.statement
        share = wanted * sentences[statement.document_id] / len(statements)
        return (
            _WORTH[draft.kind]
            - max(0, len(draft.question) - 60) / 150
            - _SAME_AGAIN.get(draft.kind, _AGAIN) * kinds[draft.kind]
            - _FULL * documents[statement.document_id] / max(1.0, share)
            - 0.25 * sections[statement.document_id + statement.heading]
            - 1e-6 * spread[place]
        )

    while left and len(taken) < wanted:
        best = max(left, key=worth)
        left.remove(best)
        taken.append(best)
        statement = best[1][0].statement
        kinds[best[1][0].kind] += 1
        documents[statement.document_id] += 1
        sections[statement.document_id + statement.heading] += 1
    return [pair for _, pair in sorted(taken, key=lambda entry: entry[0])]
