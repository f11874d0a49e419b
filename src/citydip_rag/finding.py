"""From a question to what an answer is made of: passages, sentences, and how sure they are."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from citydip_rag.corpus.language import detect_language
from citydip_rag.embedding import Embedder
from citydip_rag.generation.followups import searched
from citydip_rag.grounding import Calibration, features
from citydip_rag.index import Index
from citydip_rag.parts import Clock, evidence_head
from citydip_rag.retrieval import (
    Candidate,
    DenseStage,
    FirstStage,
    HybridStage,
    LexicalStage,
    Query,
    Retriever,
    TokenAlignmentReranker,
)
from citydip_rag.retrieval.definitions import asked_term, defines
from citydip_rag.retrieval.evidence import Evidence, find_evidence
from citydip_rag.retrieval.language_axis import LanguageAxis
from citydip_rag.retrieval.penalties import is_article, is_threat, names_penalty, refers_to
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.retrieval.statutes import Asked, read_question
from citydip_rag.retrieval.years import speaks_of_another_year
from citydip_rag.schema import Language, Passage
from citydip_rag.settings import Settings

logger = logging.getLogger(__name__)

EVIDENCE_DEPTH: Final = 10
"""Passages whose sentences are weighed for an answer."""
MAX_LEFT_OUT: Final = 50
"""Passages looked at beyond that depth to make up for those left out."""
MAX_LOCATED: Final = 10
"""Sentences of an article that are quoted."""
MAX_DEFINITIONS: Final = 3
"""Sentences quoted of those that define a term: each statute may do so for itself."""
MAX_NORMS: Final = 3
"""Sentences looked through for the one that forbids what a penalty is for."""
MAX_THREATS: Final = 2
"""Sentences quoted that say a penalty."""
MAX_PENAL: Final = 5
"""Sentences of which one must name a penalty where the question asks for one."""
MAX_READ: Final = 40
"""Passages read for the number of an article."""
_FIRST_STAGES: Final[dict[str, FirstStage]] = {
    "hybrid": HybridStage(),
    "dense": DenseStage(),
    "lexical": LexicalStage(),
}
FURTHER_SHARE: Final = 0.75
"""Of the threshold, for a follow-up: its own words are few, and what people go on to ask is more
often there. Of 67 answerable ones it answers four more, of 20 others one."""
MODEL_SHARE: Final = 0.5
"""Of the threshold, from which a language model is asked: it may decline, and each of its sentences
is checked, but nothing is quoted in its stead."""


@dataclass(frozen=True, slots=True)
class Found:
    """What retrieval brought for a question.

    Attributes:
        query: the encoded question.
        language: of the question.
        candidates: passages, best first.
        evidence: their sentences, best first.
        features: from which the decision to abstain is made; empty where nothing was found.
        confidence: probability that the documents hold the answer.
        located: sentences found by the number of their article, in reading order: they answer.
    """

    query: Query
    language: Language
    candidates: Sequence[Candidate]
    evidence: Sequence[Evidence]
    features: dict[str, float]
    confidence: float
    located: Sequence[Evidence] = ()


class Finder:
    """Searches one opened index. Safe to use from many threads at once."""

    def __init__(self, settings: Settings, embedder: Embedder, index: Index) -> None:
        """Put the parts together.

        Raises:
            SettingsError: the calibration or the evidence head is not usable.
        """
        self._embedder = embedder
        self._index = index
        self.calibration = Calibration.load(settings.calibration)
        if self.calibration.head != index.projection.fingerprint:
            logger.warning(
                "the abstention was calibrated for another model; run citydip calibrate abstention"
            )
        self._retriever = Retriever(
            _FIRST_STAGES[settings.retrieval_mode],
            TokenAlignmentReranker() if settings.rerank else None,
        )
        self._aligned = Retriever(HybridStage(), TokenAlignmentReranker())
        self._head = evidence_head(settings, index)
        mixed = len(index.store.languages()) > 1
        self._axis = LanguageAxis.of(embedder, index.projection) if mixed else None
        self._names = {i: index.store.name(i) for i in index.store.document_ids()}

    def passages(
        self, question: str, limit: int, documents: Sequence[str] | None, clock: Clock
    ) -> list[Candidate]:
        """The best passages in the settings' retrieval mode."""
        clock.step("embed")
        query = self._encode(question)
        candidates = self._retriever.search(self._index, query, limit, documents, clock.step)
        clock.note(passages=len(candidates))
        return candidates

    def find(
        self,
        question: str,
        documents: Sequence[str] | None,
        clock: Clock,
        without: frozenset[str] = frozenset(),
    ) -> Found:
        """Passages, sentences and the confidence that they answer.

        Args:
            question: as asked.
            documents: ids of the only documents to search in, or None for all.
            clock: gets the times of the steps.
            without: ids of passages to leave out as if they were not there.
        """
        language = detect_language(question)
        asked = read_question(searched(question), language, self._names)
        scope = _within(documents, asked.documents)
        found = self._searched(asked.search, language, scope, clock, without)
        if asked.unknown and (asked.article or not _speak_of(found.candidates, asked.unknown)):
            return replace(found, evidence=(), features={}, confidence=0.0)
        if (asked.penalty or asked.article) and not without:
            found = self._by_number(asked, found, scope)
        elif (term := asked_term(asked.search)) and not without:
            found = self._by_definition(term, found, scope)
        if _is_of_another_year(asked.search, found):
            found = replace(found, confidence=0.0)
        clock.note(sentences=len(found.evidence), confidence=round(found.confidence, 4))
        return found

    def answers(self, found: Found, share: float = 1.0) -> bool:
        """Whether the documents seem to hold the answer.

        Args:
            found: for a question.
            share: of the threshold that is enough, such as `FURTHER_SHARE` or `MODEL_SHARE`.
        """
        return bool(found.evidence) and self.calibration.answers(found.confidence, share)

    def reweighed(self, found: Found, evidence: Sequence[Evidence]) -> Found:
        """The same with only some of its sentences."""
        values = features(found.query, found.language, found.candidates, evidence)
        confidence = self.calibration.confidence(values) if values else 0.0
        return replace(found, evidence=evidence, features=values, confidence=confidence, located=())

    def _searched(
        self,
        text: str,
        language: Language,
        documents: Sequence[str] | None,
        clock: Clock,
        without: frozenset[str] = frozenset(),
    ) -> Found:
        clock.step("embed")
        query = self._encode(text)
        depth = EVIDENCE_DEPTH + min(len(without), MAX_LEFT_OUT)
        candidates = self._aligned.search(self._index, query, depth, documents, clock.step)
        candidates = [c for c in candidates if c.passage.id not in without][:EVIDENCE_DEPTH]
        clock.note(passages=len(candidates))
        clock.step("weigh")
        return self._weighed(query, language, candidates)

    def _weighed(self, query: Query, language: Language, candidates: Sequence[Candidate]) -> Found:
        evidence = find_evidence(self._head, query, language.value, candidates)
        values = features(query, language, candidates, evidence) if evidence else {}
        confidence = self.calibration.confidence(values) if values else 0.0
        return Found(query, language, candidates, evidence, values, confidence)

    def _by_number(self, asked: Asked, found: Found, scope: Sequence[str] | None) -> Found:
        """What a question names or needs by the number of an article."""
        named = self._at_place(asked, found, scope) if asked.article else []
        if asked.penalty:
            return self._penalty(asked, found, named, scope)
        if asked.lookup and named:
            return answered_by(found, named[:MAX_LOCATED], 1.0)
        if named:
            home = list({e.candidate.number: e.candidate for e in named}.values())
            here = self._weighed(found.query, found.language, home)
            return here if here.confidence >= found.confidence else found
        return found

    def _by_definition(self, term: str, found: Found, scope: Sequence[str] | None) -> Found:
        """The sentences that define a term, if there are any."""
        own = [e for e in found.evidence if defines(e.text, term)]
        if not own:
            allowed = self._index.numbers_of(scope)
            hits = self._index.words.search(term, MAX_READ, allowed)
            near = [
                n
                for n, p in self._index.store.passages(hits.ids.tolist()).items()
                if _defined_in(p, term)
            ]
            own = [e for e in self._read(near, found) if defines(e.text, term)]
        return answered_by(found, own[:MAX_DEFINITIONS], 1.0) if own else found

    def _penalty(
        self, asked: Asked, found: Found, named: Sequence[Evidence], scope: Sequence[str] | None
    ) -> Found:
        """What forbids the conduct that a question describes, and what threatens it."""
        if any(is_threat(e.text) for e in named):
            return answered_by(found, named[:MAX_LOCATED], 1.0)
        norms, confidence = named, 1.0
        if not named and asked.conduct:
            sought = self._searched(asked.conduct, found.language, scope, Clock())
            ranked = sorted(sought.evidence, key=lambda e: -e.strength)
            norms = [e for e in ranked if is_article(e.span.place) and not is_threat(e.text)]
            confidence = sought.confidence
        for norm in norms[:MAX_NORMS]:
            if threats := self._threats(norm, found):
                return answered_by(found, [norm, *threats], confidence)
        # Any other threat would be one for something else.
        kept = [e for e in found.evidence if not (e.span.place and is_threat(e.text))]
        lost = len(kept) < len(found.evidence) and not any(
            names_penalty(e.text) for e in kept[:MAX_PENAL]
        )
        return replace(found, evidence=kept, confidence=0.0 if lost else found.confidence)

    def _at_place(self, asked: Asked, found: Found, scope: Sequence[str] | None) -> list[Evidence]:
        numbers = self._index.store.numbers_with("heading", f" {asked.article}", scope)
        read = self._read(numbers, found)
        return [e for e in read if asked.is_place(e.span.place)]

    def _threats(self, norm: Evidence, found: Found) -> list[Evidence]:
        """The sentences of the same document that threaten what a sentence forbids."""
        document = norm.candidate.passage.document_id
        article = norm.span.place.split()[1]
        numbers = self._index.store.numbers_with("body", article, [document])
        return [
            e
            for e in self._read(numbers, found)
            if is_article(e.span.place) and is_threat(e.text) and refers_to(e.text, norm.span.place)
        ][:MAX_THREATS]

    def _read(self, numbers: Sequence[int], found: Found) -> list[Evidence]:
        """All sentences of these passages, in reading order."""
        passages = self._index.store.passages(numbers[:MAX_READ])
        read = [Candidate(n, passage, {"score": 0.0}) for n, passage in passages.items()]
        aligned = TokenAlignmentReranker().rerank(self._index, found.query, read)
        evidence = find_evidence(self._head, found.query, found.language.value, aligned)
        return sorted(evidence, key=lambda e: (e.candidate.number, e.index))

    def _encode(self, question: str) -> Query:
        query = encode_query(self._embedder, self._index, question)
        return self._axis.neutral(query) if self._axis else query


def _within(documents: Sequence[str] | None, named: Sequence[str] | None) -> Sequence[str] | None:
    """The documents that a question names, where they are among those to search in."""
    if documents is None or named is None:
        return documents if named is None else named
    return [identity for identity in named if identity in documents] or documents


def _is_of_another_year(question: str, found: Found) -> bool:
    if not found.evidence or found.located:
        return False
    best = max(found.evidence, key=lambda e: e.strength)
    passage = best.candidate.passage
    return speaks_of_another_year(question, best.text, f"{passage.lead}\n{passage.text}")


def _defined_in(passage: Passage, term: str) -> bool:
    """Whether a sentence of a passage defines a term."""
    at = passage.start
    return any(defines(passage.text[s.start - at : s.end - at], term) for s in passage.sentences)


def _speak_of(candidates: Sequence[Candidate], statute: str) -> bool:
    """Whether any passage names this statute ("37/1999")."""
    number, _, year = statute.partition("/")
    name = re.compile(rf"\b{number}\s*(?:/|tahun|of)\s*{year}\b", re.IGNORECASE)
    return any(name.search(candidate.passage.text) for candidate in candidates)


def answered_by(found: Found, located: Sequence[Evidence], confidence: float) -> Found:
    """Sentences that answer come first, and so do their passages."""
    first = {e.candidate.number: e.candidate for e in located}
    others = [c for c in found.candidates if c.number not in first]
    known = {(e.candidate.number, e.index) for e in located}
    rest = [e for e in found.evidence if (e.candidate.number, e.index) not in known]
    return replace(
        found,
        candidates=[*first.values(), *others],
        evidence=[*located, *rest],
        confidence=confidence,
        located=located,
    )
