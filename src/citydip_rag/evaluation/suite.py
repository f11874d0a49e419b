"""`citydip eval suite`: our own question files, asked of the current index."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from citydip_rag.engine import Engine
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation.datasets import Question, load_questions
from citydip_rag.evaluation.report import Report
from citydip_rag.evaluation.statistics import mean, share
from citydip_rag.schema import Answer, Citation

_BELOW_ARTICLE = re.compile(r"(?: ayat \(| angka |, hlm\. |, p\. ).*")
Progress = Callable[[int, int], None]


def evaluate_suite(
    engine: Engine, files: Sequence[Path], progress: Progress | None = None
) -> Report:
    """Ask every question of the files.

    Metrics (shares in [0, 1]):
        evidence_cited: answerable questions answered with a citation of their evidence.
        article_cited: the same, where a citation of another paragraph of the right article counts;
            only where questions name a place.
        page_right: of the citations of the right place, those that name its page; only where
            questions have pages.
        citation_precision: mean share of an answer's citations that are evidence.
        exact_citations: citations whose quote is the document's text at their offsets.
        answered: answerable questions not declined.
        declined: unanswerable questions declined.
        balanced_accuracy: mean of the two.
        language_match: answers in the question's language.
        latency_p50_ms: median of the engine's own time for a question, in milliseconds.

    Raises:
        EvaluationError: a file is malformed, or evidence is not in the indexed documents.
    """
    questions = [question for file in files for question in load_questions(file)]
    _check_evidence(engine, questions)
    rows = tuple(asyncio.run(_ask_all(engine, questions, progress)))
    return Report(
        name="suite",
        metrics=_metrics(rows),
        n=len(rows),
        settings={
            "files": [file.name for file in files],
            "generation": engine.index.generation,
            "generator": engine.generator.name,
            "embedding_model": engine.embedder.name,
            "threshold": engine.calibration.threshold,
        },
        rows=rows,
    )


def _check_evidence(engine: Engine, questions: Sequence[Question]) -> None:
    texts = [engine.document(name).text for name in engine.document_ids()]
    for question in questions:
        for evidence in question.evidence:
            if not any(evidence in text for text in texts):
                raise EvaluationError(
                    f"Question {question.id}: the evidence {evidence[:60]!r}… is in none of the"
                    " indexed documents.",
                    "Index the documents the questions were written for, or correct the file.",
                )


async def _ask_all(
    engine: Engine, questions: Sequence[Question], progress: Progress | None
) -> list[dict[str, Any]]:
    rows = []
    for number, question in enumerate(questions, start=1):
        answer = await engine.ask(question.question)
        rows.append(_row(engine, question, answer))
        if progress is not None:
            progress(number, len(questions))
    return rows


def _row(engine: Engine, question: Question, answer: Answer) -> dict[str, Any]:
    exact = [
        engine.document(c.document_id).text[c.start : c.end] == c.quote for c in answer.citations
    ]
    right = [_is_right(citation, question) for citation in answer.citations]
    return {
        "id": question.id,
        "question": question.question,
        "language": question.language.value,
        "answerable": question.answerable,
        "abstained": answer.abstained,
        "confidence": round(answer.confidence, 4),
        "evidence_cited": any(right),
        "citation_precision": mean(float(value) for value in right),
        "article_cited": any(
            _article(citation.place) == _article(question.place) for citation in answer.citations
        ),
        "has_place": bool(question.place),
        "exact": exact,
        "pages": [
            citation.page == question.page
            for citation, fits in zip(answer.citations, right, strict=True)
            if fits and question.page
        ],
        "language_match": answer.language == question.language,
        "latency_ms": answer.timings_ms["total"],
        "quotes": [citation.quote for citation in answer.citations],
        "places": [citation.place for citation in answer.citations],
    }


def _is_right(citation: Citation, question: Question) -> bool:
    """Whether it quotes the evidence, or stands in the place of it or in a part of that."""
    place = f"{citation.place},"
    return any(
        citation.quote in text or text in citation.quote for text in question.evidence
    ) or bool(question.place and place.startswith((f"{question.place},", f"{question.place} ")))


def _article(place: str) -> str:
    """A place down to its article: "UU 11/2008, Pasal 28" of "UU 11/2008, Pasal 28 ayat (1)"."""
    return _BELOW_ARTICLE.sub("", place)


def _metrics(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    answerable = [row for row in rows if row["answerable"]]
    unanswerable = [row for row in rows if not row["answerable"]]
    answered = share(not row["abstained"] for row in answerable)
    declined = share(row["abstained"] for row in unanswerable)
    placed = [row["article_cited"] for row in rows if row["has_place"]]
    pages = [value for row in rows for value in row["pages"]]
    return {
        **({"article_cited": share(placed)} if placed else {}),
        **({"page_right": share(pages)} if pages else {}),
        "evidence_cited": share(row["evidence_cited"] for row in answerable),
        "citation_precision": mean(
            row["citation_precision"] for row in answerable if not row["abstained"]
        ),
        "exact_citations": share(value for row in rows for value in row["exact"]),
        "answered": answered,
        "declined": declined,
        "balanced_accuracy": (answered + declined) / 2,
        "language_match": share(row["language_match"] for row in rows),
        "latency_p50_ms": float(median(row["latency_ms"] for row in rows)),
    }
