"""Compares an answer with the evidence: from the engine's nouns to a report's row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from citydip_rag.corpus.language import detect_language
from citydip_rag.engine import Engine
from citydip_rag.evaluation.gold import Gold
from citydip_rag.evaluation.outcome import DEPTH, Cited, Fact, Outcome, Quotation, Shown
from citydip_rag.evaluation.questions import Entry
from citydip_rag.schema import Answer, Language, Policy

_MARKER: Final = re.compile(r"\s*\[(?:\d+|\?)\]")
_IN_MARKS: Final = re.compile(r"“[^”]*”|\"[^\"]*\"|«[^»]*»")
_NO_WORD: Final = re.compile(r"\W+")
_CLOSEST: Final = 3
"""Passages kept of a question that was declined."""
_KEPT: Final = 32
"""Documents kept at hand."""


class Examiner:
    """Looks at answers over one engine's documents."""

    def __init__(self, engine: Engine) -> None:
        """Begin with no document read."""
        self._engine = engine
        self._document = lru_cache(_KEPT)(engine.document)

    def outcome(self, entry: Entry, gold: Gold, answer: Answer) -> Outcome:
        """What became of a question."""
        question = entry.question
        found = [n for n, hit in enumerate(answer.passages[:DEPTH], 1) if hit.id in gold.passages]
        return Outcome(
            file=entry.path.name,
            line=entry.line,
            id=question.id,
            question=question.question,
            earlier=tuple(turn.question for turn in question.history),
            language=question.language,
            answerable=question.answerable,
            place=question.place,
            page=question.page,
            gold=tuple(self._gold(gold)),
            relevant=len(gold.passages),
            brief=question.has_brief_evidence,
            covered=gold.covered,
            ranks=tuple(found),
            abstained=answer.abstained,
            by_model=not self._engine.generator.quotes,
            failure=answer.failure,
            answer=answer.answer,
            answer_language=answer.language,
            own_language=self._own_language(answer),
            confidence=round(answer.confidence, 4),
            citations=tuple(self._cited(gold, answer)),
            closest=tuple(_closest(answer)) if question.answerable else (),
            claims=tuple(self._shown(answer)),
            facts=tuple(_facts(question.alternatives(), answer)),
            latency_ms=answer.timings_ms["total"],
        )

    def _own_language(self, answer: Answer) -> Language | None:
        """Of what a model wrote; of what was quoted, of the words before the first quotation."""
        said = _MARKER.sub("", answer.answer)
        if not answer.abstained:
            said = _before_quotation(said, answer) if self._quoted(answer) else _unquoted(said)
        return detect_language(said, answer.language) if said.strip() else None

    def _quoted(self, answer: Answer) -> bool:
        return answer.generator == self._engine.generators.quoting.name

    def _gold(self, gold: Gold) -> Iterator[Quotation]:
        for stretch in gold.stretches:
            document = self._document(stretch.document_id)
            yield Quotation(
                document_id=document.id,
                source=document.source,
                place=stretch.place or document.label or document.title,
                start=stretch.start,
                end=stretch.end,
                text=document.text[stretch.start : stretch.end],
            )

    def _cited(self, gold: Gold, answer: Answer) -> Iterator[Cited]:
        for citation in answer.citations:
            text = self._document(citation.document_id).text
            yield Cited(
                document_id=citation.document_id,
                source=citation.source,
                place=citation.place,
                page=citation.page,
                start=citation.start,
                end=citation.end,
                text=citation.quote,
                right=gold.holds(citation),
                exact=text[citation.start : citation.end] == citation.quote,
            )

    def _shown(self, answer: Answer) -> Iterator[Shown]:
        """The claims of an answer that its reader sees."""
        strict = self._quoted(answer) or answer.policy is Policy.STRICT
        for claim in answer.claims:
            if claim.supported or not strict:
                yield Shown(text=claim.text, supported=claim.supported)


def _before_quotation(said: str, answer: Answer) -> str:
    first = answer.claims[0].text if answer.claims else ""
    before, found, _ = said.partition(first) if first else ("", "", "")
    return before if found else ""


def _unquoted(said: str) -> str:
    """A model's words without those between quotation marks, unless these are all."""
    return _IN_MARKS.sub(" ", said).strip(" .,:;") or said


def _closest(answer: Answer) -> Iterator[Quotation]:
    """What lay nearest to a question that was declined."""
    for hit in answer.passages[:_CLOSEST] if answer.abstained else ():
        yield Quotation(
            document_id=hit.document_id,
            source=hit.source,
            place=hit.heading or hit.title,
            start=hit.start,
            end=hit.end,
            text=hit.text,
        )


def _facts(wanted: tuple[tuple[str, ...], ...], answer: Answer) -> Iterator[Fact]:
    said = "" if answer.abstained else _MARKER.sub("", answer.answer)
    for ways in wanted:
        yield Fact(text=ways[0], found=any(says(said, way) for way in ways))


def says(text: str, fact: str) -> bool:
    """Whether a text has a fact's words in a row, letter case and punctuation aside.

    The exact match of ASQA (Stelmakh et al. 2022), which drops English articles beside.
    """
    return f" {_plain(fact)} " in f" {_plain(text)} "


def _plain(text: str) -> str:
    return _NO_WORD.sub(" ", text.casefold()).strip()
