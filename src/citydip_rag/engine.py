"""The whole way: rewrite → retrieve → generate → verify."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from citydip_rag.corpus.language import detect_language
from citydip_rag.embedding import Embedder
from citydip_rag.errors import QuestionError
from citydip_rag.generation import GenerationRequest, Generator, make_generator
from citydip_rag.grounding import Calibration, VerbatimVerifier, Verifier, features, ground
from citydip_rag.index import Index
from citydip_rag.index.generation import current_name
from citydip_rag.parts import (
    Clock,
    check_chunking,
    evidence_head,
    limit_blas_threads,
    make_embedder,
)
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
from citydip_rag.retrieval.evidence import Evidence, find_evidence
from citydip_rag.retrieval.language_axis import LanguageAxis
from citydip_rag.retrieval.retriever import encode_query
from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    Answer,
    Document,
    Language,
    PassageHit,
    SearchResult,
)
from citydip_rag.settings import Settings
from citydip_rag.texts import text

logger = logging.getLogger(__name__)

EVIDENCE_DEPTH = 10
"""Passages whose sentences are weighed for an answer."""
MAX_LEFT_OUT = 50
"""Passages looked at beyond that depth to make up for those left out."""
_FIRST_STAGES: dict[str, FirstStage] = {
    "hybrid": HybridStage(),
    "dense": DenseStage(),
    "lexical": LexicalStage(),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
"""Control characters, and halves of characters: no text has them."""


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
    """

    query: Query
    language: Language
    candidates: Sequence[Candidate]
    evidence: Sequence[Evidence]
    features: dict[str, float]
    confidence: float


class Engine:
    """Answers questions from one opened index. Safe to use from many tasks at once."""

    def __init__(
        self, settings: Settings, embedder: Embedder, index: Index, generator: Generator
    ) -> None:
        """Put the parts together; `open` makes them from settings."""
        self.settings = settings
        self.embedder = embedder
        self.index = index
        self.generator = generator
        self.withdrawn: frozenset[str] = frozenset()
        """Ids of documents removed since the index was made: they are not answered from."""
        self.calibration = Calibration.load(settings.calibration)
        if self.calibration.head != index.projection.fingerprint:
            logger.warning(
                "the abstention was calibrated for another model; run citydip calibrate abstention"
            )
        self.retriever = Retriever(
            _FIRST_STAGES[settings.retrieval_mode],
            TokenAlignmentReranker() if settings.rerank else None,
        )
        self._aligned = Retriever(HybridStage(), TokenAlignmentReranker())
        self._head = evidence_head(settings, index)
        mixed = len(index.store.languages()) > 1
        self._axis = LanguageAxis.between(embedder, index.projection) if mixed else None
        self._verifier: Verifier = VerbatimVerifier()

    @classmethod
    def open(
        cls,
        settings: Settings,
        embedder: Embedder | None = None,
        generator: Generator | None = None,
    ) -> Self:
        """Load the models, unless they are given, and open the index.

        Raises:
            CitydipError: model, index, calibration or generator is not usable; says what to do.
        """
        limit_blas_threads()
        current_name(settings.index)  # before the model is loaded: is there an index at all?
        generator = generator or make_generator(settings.generator, settings)
        embedder = embedder or make_embedder(settings)
        index = Index.open(settings.index, embedder)
        check_chunking(settings, index)
        return cls(settings, embedder, index, generator)

    async def ask(
        self,
        question: str,
        *,
        language: Language | None = None,
        top_k: int | None = None,
        documents: Sequence[str] | None = None,
    ) -> Answer:
        """Answer a question from the documents, or abstain.

        Args:
            question: 1 to 2,000 characters.
            language: of the answer's own words; by default the question's.
            top_k: passages to return, 1 to 20.
            documents: ids of the only documents to answer from.

        Raises:
            QuestionError: the question is blank or too long, or a document does not exist.
            GenerationError: the generator failed.
        """
        clock = Clock()
        question = checked_question(question)
        found = await asyncio.to_thread(self.find, question, documents, clock)
        language = language or found.language
        shown = found.candidates[: top_k or self.settings.top_k]
        answers = bool(found.evidence) and self.calibration.answers(found.confidence)
        raw = ""
        if answers:
            request = GenerationRequest(
                question, language, [c.passage for c in found.candidates], found.evidence
            )
            raw = "".join([piece async for piece in self.generator.stream(request)])
        clock.lap("generate")
        read = [c.passage for c in found.candidates]
        grounded = ground(raw, read, self._verifier, self.index.store.name, language)
        clock.lap("verify")
        cited = {citation.document_id: citation for citation in grounded.citations}
        shown = [
            *shown,
            *(
                c
                for c in found.candidates[len(shown) :]
                if c.passage.document_id in cited
                and any(_holds(c, q.document_id, q.start, q.end) for q in grounded.citations)
            ),
        ]
        abstained = not grounded.citations
        return Answer(
            question=question,
            answer=_abstention(language, shown) if abstained else grounded.text,
            abstained=abstained,
            confidence=found.confidence,
            language=language,
            citations=grounded.citations,
            claims=grounded.claims,
            passages=tuple(self._hit(c) for c in shown),
            generator=self.generator.name,
            model=self.generator.model,
            generation=self.index.generation,
            timings_ms=clock.finish(),
        )

    async def search(
        self,
        question: str,
        *,
        top_k: int | None = None,
        documents: Sequence[str] | None = None,
    ) -> SearchResult:
        """The best passages for a question, without an answer.

        Raises:
            QuestionError: as for `ask`.
        """
        clock = Clock()
        question = checked_question(question)
        limit = top_k or self.settings.top_k
        candidates = await asyncio.to_thread(self.retrieve, question, limit, documents, clock)
        return SearchResult(
            question=question,
            language=detect_language(question),
            passages=tuple(self._hit(c) for c in candidates),
            generation=self.index.generation,
            timings_ms=clock.finish(),
        )

    def retrieve(
        self,
        question: str,
        limit: int,
        documents: Sequence[str] | None = None,
        clock: Clock | None = None,
    ) -> list[Candidate]:
        """The best passages in the settings' retrieval mode; blocks while it computes."""
        clock = clock or Clock()
        documents = self._scope(documents)
        query = self._encode(question)
        clock.lap("embed")
        candidates = self.retriever.search(self.index, query, limit, documents)
        clock.lap("retrieve")
        return candidates

    def find(
        self,
        question: str,
        documents: Sequence[str] | None = None,
        clock: Clock | None = None,
        without: frozenset[str] = frozenset(),
    ) -> Found:
        """Passages, sentences and the confidence that they answer; blocks while it computes.

        Args:
            question: as asked.
            documents: ids of the only documents to search in.
            clock: gets the times of the steps.
            without: ids of passages to leave out as if they were not there.
        """
        clock = clock or Clock()
        documents = self._scope(documents)
        query = self._encode(question)
        clock.lap("embed")
        depth = EVIDENCE_DEPTH + min(len(without), MAX_LEFT_OUT)
        candidates = self._aligned.search(self.index, query, depth, documents)
        candidates = [c for c in candidates if c.passage.id not in without][:EVIDENCE_DEPTH]
        clock.lap("retrieve")
        language = detect_language(question)
        evidence = find_evidence(self._head, query, language.value, candidates)
        values = features(query, language, candidates, evidence) if evidence else {}
        confidence = self.calibration.confidence(values) if values else 0.0
        clock.lap("weigh")
        return Found(query, language, candidates, evidence, values, confidence)

    def features(self, question: str, without: frozenset[str] = frozenset()) -> dict[str, float]:
        """What the decision to abstain is made from; empty where nothing was found."""
        return self.find(checked_question(question), without=without).features

    def document(self, document_id: str) -> Document:
        """A whole document.

        Raises:
            QuestionError: there is no such document.
        """
        self._scope([document_id])
        return self.index.store.document(document_id)

    def document_ids(self) -> list[str]:
        """Ids of all documents."""
        return [name for name in self.index.store.document_ids() if name not in self.withdrawn]

    def close(self) -> None:
        """Close the index."""
        self.index.close()

    def _encode(self, question: str) -> Query:
        query = encode_query(self.embedder, self.index, question)
        return self._axis.neutral(query) if self._axis else query

    def _scope(self, documents: Sequence[str] | None) -> Sequence[str] | None:
        """The documents to search in; None means all there are.

        Raises:
            QuestionError: one of them does not exist.
        """
        if documents is None:
            return self.document_ids() if self.withdrawn else None
        known = set(self.document_ids())
        for identity in documents:
            if identity not in known:
                raise QuestionError(
                    f"There is no document {identity!r} in the index.",
                    "Take the ids from the document_id of a passage.",
                    field="documents",
                )
        return documents

    def _hit(self, candidate: Candidate) -> PassageHit:
        passage = candidate.passage
        name = self.index.store.name(passage.document_id)
        return PassageHit(
            id=passage.id,
            document_id=passage.document_id,
            title=name.title,
            source=name.source,
            page=passage.page,
            start=passage.start,
            end=passage.end,
            heading=passage.heading,
            text=passage.text,
            scores={name: round(score, 4) for name, score in candidate.scores.items()},
        )


def checked_question(question: str) -> str:
    """The question without surrounding white space and control characters.

    Raises:
        QuestionError: it is blank or too long.
    """
    question = _CONTROL.sub(" ", question).strip()
    if not any(character.isalnum() for character in question):
        raise QuestionError("The question is empty.", "Ask in words, in Indonesian or English.")
    if len(question) > MAX_QUESTION_CHARACTERS:
        raise QuestionError(
            f"The question has {len(question):,} characters.",
            f"Shorten it to {MAX_QUESTION_CHARACTERS:,} at most.",
        )
    return question


def _holds(candidate: Candidate, document_id: str, start: int, end: int) -> bool:
    passage = candidate.passage
    return passage.document_id == document_id and passage.start <= start and end <= passage.end


def _abstention(language: Language, shown: Sequence[Candidate]) -> str:
    return text(language, "answer.abstain" if shown else "answer.abstain_empty")
