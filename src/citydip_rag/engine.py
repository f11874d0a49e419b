"""The whole way: rewrite → retrieve → generate → verify."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Self, Unpack

from citydip_rag.answering import Draft
from citydip_rag.conversing import find_understood
from citydip_rag.corpus.language import detect_language
from citydip_rag.embedding import Embedder
from citydip_rag.errors import QuestionError
from citydip_rag.events import Answered, Event, Retrieved
from citydip_rag.finding import FURTHER_SHARE, MODEL_SHARE, Finder, Found
from citydip_rag.generation import GenerationRequest, Generator, Generators
from citydip_rag.grounding import Checker, VerbatimVerifier
from citydip_rag.index import Index, IndexPlace, place_of
from citydip_rag.observing import UNOBSERVED, Observer
from citydip_rag.parts import (
    Clock,
    check_chunking,
    limit_blas_threads,
    make_embedder,
    make_verifier,
)
from citydip_rag.questions import Options, checked_question, understood
from citydip_rag.retrieval import Candidate
from citydip_rag.schema import (
    MAX_TURNS,
    Answer,
    Citation,
    Document,
    DocumentName,
    Language,
    PassageHit,
    Policy,
    SearchResult,
)
from citydip_rag.settings import Settings
from citydip_rag.texts import text
from citydip_rag.working import searching

logger = logging.getLogger(__name__)


class Engine:
    """Answers questions from one opened index. Safe to use from many tasks at once."""

    def __init__(
        self, settings: Settings, embedder: Embedder, index: Index, generators: Generators
    ) -> None:
        """Put the parts together; `open` makes them from settings."""
        self.settings = settings
        self.embedder = embedder
        self.index = index
        self.generators = generators
        self.withdrawn: frozenset[str] = frozenset()
        """Ids of documents removed since the index was made: they are not answered from."""
        self.finish: Callable[[Answer], Answer] = lambda answer: answer
        """What is still done with every answer before it is given."""
        self.observer: Observer = UNOBSERVED
        """Told of every question, whoever asks it."""
        self._finder = Finder(settings, embedder, index)
        self.calibration = self._finder.calibration
        self._exact = VerbatimVerifier()
        self._verifier = make_verifier(settings, embedder, index)

    @property
    def generator(self) -> Generator:
        """Who answers, unless a question chooses another."""
        return self.generators.get(None)

    @classmethod
    def open(
        cls,
        settings: Settings,
        embedder: Embedder | None = None,
        generators: Generators | None = None,
        place: IndexPlace | None = None,
    ) -> Self:
        """Load the model and open the index.

        Args:
            settings: say which.
            embedder: a model that is loaded already.
            generators: those of an earlier engine, to go on with.
            place: where an earlier engine's index is kept, to go on with.

        Raises:
            CitydipError: model, index, calibration or generator is not usable; says what to do.
        """
        limit_blas_threads()
        place = place or place_of(settings.index)
        place.current()  # before the model is loaded: is there an index at all?
        generators = generators or Generators(settings)
        embedder = embedder or make_embedder(settings)
        index = place.open(embedder)
        check_chunking(settings, index)
        return cls(settings, embedder, index, generators)

    async def ask(self, question: str, **options: Unpack[Options]) -> Answer:
        """Answer a question from the documents, or abstain.

        Args:
            question: 1 to 2,000 characters.
            options: `language`, `top_k`, `documents`, `history`, `generator`, `policy`; see
                `questions.Options`.

        Raises:
            QuestionError: the question is blank or too long, or a document or generator does not
                exist.
            GenerationError: the generator failed, and quoting did too.
        """
        async with aclosing(self.stream(question, **options)) as events:
            async for event in events:
                if isinstance(event, Answered):
                    return event.answer
        raise AssertionError("a stream of events ends with the answer")

    def stream(self, question: str, **options: Unpack[Options]) -> AsyncGenerator[Event]:
        """Answer a question, telling what happens; the last event is what `ask` returns.

        Arguments and errors are those of `ask`. Closing the iterator ends the work.
        """
        watch = self.observer.question("answer", question)
        return watch.over(self._told(question, Clock(watch), options))

    async def _told(self, question: str, clock: Clock, options: Options) -> AsyncGenerator[Event]:
        clock.step("rewrite")
        question = checked_question(question)
        documents = options.get("documents")
        chosen = self.generators.get(options.get("generator"))
        policy = options.get("policy") or self.settings.policy
        turns = options.get("history", ())[-MAX_TURNS:]
        asked = await understood(question, turns, chosen, self.embedder)
        alone, found = await searching(
            find_understood, asked, self._finder, lambda q: self.find(q, documents, clock)
        )
        clock.step("generate")
        read = [candidate.passage for candidate in found.candidates]
        language = options.get("language") or (asked.language if turns else found.language)
        request = GenerationRequest(alone, language, read, found.evidence, found.located)
        limit = self.settings.llm_total_seconds
        draft = Draft(request, lambda by: self._checker(by, request, policy), chosen, limit, clock)
        answering = self._finder.answers(found, FURTHER_SHARE if alone != question else 1.0)
        asking = answering or (not chosen.quotes and self._finder.answers(found, MODEL_SHARE))
        shown = list(found.candidates[: options.get("top_k") or self.settings.top_k])
        yield Retrieved(
            question=alone,
            language=language,
            confidence=found.confidence,
            answering=asking,
            passages=tuple(self._hit(c) for c in shown),
        )
        if asking:
            quoting = self.generators.quoting if answering else None
            async with aclosing(draft.write(quoting)) as events:
                async for event in events:
                    yield event
        clock.note(generator=draft.generator.name, model=draft.generator.model)
        cited = draft.checker.citations
        shown += [c for c in found.candidates[len(shown) :] if any(_holds(c, q) for q in cited)]
        said = draft.checker.text
        answer = Answer(
            question=question,
            standalone=alone if alone != question else "",
            answer=draft.lead + said if said else _abstention(language, shown),
            abstained=not said,
            confidence=found.confidence,
            language=language,
            citations=tuple(cited),
            claims=tuple(draft.checker.claims),
            passages=tuple(self._hit(c) for c in shown),
            discarded=draft.discarded,
            policy=policy,
            notice=draft.notice,
            written=draft.written,
            failure=draft.failure,
            generator=draft.generator.name,
            model=draft.generator.model,
            generation=self.index.generation,
            timings_ms=clock.finish(),
        )
        yield Answered(answer=self.finish(answer))

    def _checker(self, by: Generator, request: GenerationRequest, policy: Policy) -> Checker:
        """Quotations are held to the letter; what a model writes, to its sense."""
        return Checker(
            request.passages,
            self._exact if by.quotes else self._verifier,
            self.index.store.name,
            request.language,
            Policy.STRICT if by.quotes else policy,
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
        watch = self.observer.question("search", question)
        return await watch.of(self._searched(question, top_k, documents, Clock(watch)))

    async def _searched(
        self, question: str, top_k: int | None, documents: Sequence[str] | None, clock: Clock
    ) -> SearchResult:
        question = checked_question(question)
        limit = top_k or self.settings.top_k
        candidates = await searching(self.retrieve, question, limit, documents, clock)
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
        return self._finder.passages(question, limit, self._scope(documents), clock or Clock())

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
        return self._finder.find(question, self._scope(documents), clock or Clock(), without)

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

    def document_names(self) -> dict[str, DocumentName]:
        """What all documents are called, by identifier."""
        return {identity: self.index.store.name(identity) for identity in self.document_ids()}

    def can_answer(self, question: str) -> bool:
        """Whether the documents seem to hold an answer; blocks while it computes."""
        return self._finder.answers(self.find(checked_question(question)))

    def close(self) -> None:
        """Close the index, and what leads to it."""
        self.index.close()
        self.index.place.close()

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


def _holds(candidate: Candidate, citation: Citation) -> bool:
    passage = candidate.passage
    return (
        passage.document_id == citation.document_id
        and passage.start <= citation.start
        and citation.end <= passage.end
    )


def _abstention(language: Language, shown: Sequence[Candidate]) -> str:
    return text(language, "answer.abstain" if shown else "answer.abstain_empty")
