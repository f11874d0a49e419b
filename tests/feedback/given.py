"""Answers to rate."""

from __future__ import annotations

from datetime import date
from typing import Any

from citydip_rag import Answer
from citydip_rag.feedback import Rated, Rating
from citydip_rag.feedback.nouns import Receipt
from citydip_rag.schema import Citation, Language

QUOTE = "Kota bekerja sama dengan kota lain."


def answer(question: str = "Apa yang dikerjakan kota?", **changes: Any) -> Answer:
    """An answer with one quotation, or an abstention."""
    quoted = Citation(
        number=1,
        document_id="a",
        title="A",
        source="a.txt",
        start=5,
        end=5 + len(QUOTE),
        quote=QUOTE,
    )
    declined = changes.get("abstained", False)
    fields: dict[str, Any] = {
        "question": question,
        "answer": "Dokumen tidak memuatnya." if declined else f"{QUOTE} [1]",
        "abstained": declined,
        "confidence": 0.8,
        "language": Language.INDONESIAN,
        "citations": () if declined else (quoted,),
        "generator": "extractive",
        "model": "e5",
        "generation": "g1",
        "timings_ms": {"total": 12.5},
    }
    return Answer(**{**fields, **changes})


def rated(
    identity: str, day: date, rating: Rating = Rating.BAD, of: Answer | None = None, **more: Any
) -> Rated:
    """A rating of an answer."""
    receipt = Receipt.of(of or answer(), identity, day)
    return Rated(**{**receipt.model_dump(), "rating": rating, **more})
