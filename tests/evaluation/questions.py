"""Questions on the shipped article, and outcomes made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from citydip_rag.evaluation.outcome import Cited, Outcome, Quotation, Shown
from citydip_rag.evaluation.results import SuiteReport, make_report
from citydip_rag.schema import Language

CLASH = "Salah satu yang terbesar adalah potensi benturan dengan kebijakan luar negeri"
DRAINS = "Mereka tidak lagi hanya mengurus drainase"
ANSWERED: dict[str, Any] = {
    "id": "1",
    "question": "Apa tantangan terbesar diplomasi kota?",
    "language": "id",
    "answerable": True,
    "evidence": [CLASH],
}
DECLINED: dict[str, Any] = {
    "id": "3",
    "question": "How much flour do doughnuts need?",
    "language": "en",
    "answerable": False,
}


def write_questions(path: Path, *entries: dict[str, Any]) -> Path:
    """A question file of these entries."""
    path.write_text("\n".join(json.dumps(entry) for entry in entries), encoding="utf-8")
    return path


def outcome(identity: str, **changes: Any) -> Outcome:
    """A question that was answered from its evidence, unless something else is said."""
    gold = Quotation(document_id="d", source="d.txt", start=0, end=5, text="Bukti")
    right = Cited(**gold.model_dump(), right=True, exact=True)
    made: dict[str, Any] = {
        "file": "q.jsonl",
        "line": 1,
        "id": identity,
        "question": f"Apa {identity}?",
        "language": Language.INDONESIAN,
        "answerable": True,
        "gold": (gold,),
        "relevant": 1,
        "ranks": (1,),
        "abstained": False,
        "answer": "Bukti [1]",
        "answer_language": Language.INDONESIAN,
        "confidence": 0.9,
        "citations": (right,),
        "claims": (Shown(text="Bukti", supported=True),),
        "latency_ms": 20.0,
    }
    return Outcome(**{**made, **changes})


def declined(identity: str, **changes: Any) -> Outcome:
    """A question rightly declined."""
    none: dict[str, Any] = {
        "answerable": False,
        "gold": (),
        "relevant": 0,
        "ranks": (),
        "abstained": True,
        "citations": (),
        "claims": (),
        "confidence": 0.1,
    }
    return outcome(identity, **{**none, **changes})


def miscited(identity: str) -> Outcome:
    """A question answered from something else than its evidence."""
    (cited,) = outcome(identity).citations
    return outcome(identity, citations=(cited.model_copy(update={"right": False}),))


def report(*outcomes: Outcome, **settings: Any) -> SuiteReport:
    """A report on these."""
    return make_report("2026-01-01T00:00:00+00:00", {"threshold": 0.5, **settings}, outcomes)
