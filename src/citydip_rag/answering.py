"""An answer in the making: written, checked sentence by sentence, and replaced where it must be."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Final

from citydip_rag.corpus.signs import visible
from citydip_rag.errors import AnswerCutError, GenerationError, ModelLateError
from citydip_rag.events import Checked, Discarded, Written
from citydip_rag.generation import GenerationRequest, Generator, declines
from citydip_rag.grounding import Checker, ProseSplitter, QuotationSplitter, Sentence
from citydip_rag.grounding.sentences import SentenceSplitter
from citydip_rag.parts import Clock
from citydip_rag.questions import without_controls
from citydip_rag.schema import Claim
from citydip_rag.texts import catalogue, text
from citydip_rag.working import checking

logger = logging.getLogger(__name__)

MAX_CLAIMS: Final = 60
"""Sentences of an answer that are checked; nobody asks for more."""
MAX_REPEATED: Final = 5
"""Sentences that only say again what has been said, after which a model is stopped."""
MAX_CHARACTERS: Final = 20_000
"""Of a model's answer; it is stopped at them."""
_MOUTHFUL: Final = 500
"""Characters that are told and checked at once; a model may send any number in one piece."""
_ENDED: Final = re.compile(r"[.!?…][\"'”’»)]*$")

Progress = Written | Checked | Discarded


class Draft:
    """One answer, from the first token to the last check.

    Attributes:
        generator: whose answer it is at last.
        checker: holds what is shown, with claims and citations.
        lead: our own words before it.
        written: all that a language model wrote, unchecked.
        discarded: claims of what a language model wrote where none of it is shown.
        notice: what a reader should know of how it came about.
        failure: kind of what went wrong with a language model; the log says more.
    """

    def __init__(
        self,
        request: GenerationRequest,
        checker_for: Callable[[Generator], Checker],
        generator: Generator,
        seconds: float,
        clock: Clock | None = None,
    ) -> None:
        """Begin an answer; nothing is written yet.

        Args:
            request: what the generator is told.
            checker_for: makes a checker for what a generator writes.
            generator: writes.
            seconds: that a language model's answer may take, with its checks.
            clock: gets the time of the checks.
        """
        self._request = request
        self._checker_for = checker_for
        self.generator = generator
        self.checker = checker_for(generator)
        self.lead = ""
        self.written = ""
        self.discarded: tuple[Claim, ...] = ()
        self.notice = ""
        self.failure = ""
        self._repeated = 0
        self._seconds = seconds
        self._clock = clock or Clock()
        self._deadline = 0.0

    async def write(self, quoting: Generator | None) -> AsyncGenerator[Progress]:
        """Write the answer.

        Args:
            quoting: takes over where nothing that the generator wrote can be shown; without it
                nothing then is.

        Raises:
            GenerationError: of a generator that quotes; any other's failure is noted.
        """
        self._deadline = asyncio.get_running_loop().time() + self._seconds
        async with aclosing(self._attempt(self.generator)) as events:
            async for event in events:
                yield event
        if self.generator.quotes:
            return
        if not self.written.strip():
            self.failure = self.failure or GenerationError.slug
        if not self.failure and declines(self.written):
            self._discard("declined")
            yield Discarded(notice=self.notice)
        elif self.checker.text:
            self._note_what_is_missing()
        else:
            async with aclosing(self._replaced(quoting)) as events:
                async for event in events:
                    yield event

    async def _replaced(self, quoting: Generator | None) -> AsyncGenerator[Progress]:
        """Quotations in place of what a model wrote, or nothing."""
        self.discarded = tuple(self.checker.claims)
        failed = self.failure not in {"", AnswerCutError.slug}
        self._discard("failed" if failed else "nothing_left")
        if quoting is None:
            yield Discarded(notice=self.notice)
            return
        self.notice += f" {text(self._request.language, 'notice.instead')}"
        yield Discarded(notice=self.notice)
        self.generator = quoting
        async with aclosing(self._attempt(quoting)) as events:
            async for event in events:
                yield event

    async def _attempt(self, generator: Generator) -> AsyncGenerator[Progress]:
        self.checker = self._checker_for(generator)
        made = QuotationSplitter if generator.quotes else ProseSplitter
        splitter = await checking(made)
        try:
            async with aclosing(self._told(generator, splitter)) as events:
                async for event in events:
                    yield event
        except GenerationError as error:
            self._fail(error)
        try:
            rest = self._left(splitter)
            self.lead = splitter.lead
            for sentence in rest:
                if checked := await self._check(sentence):
                    yield checked
        except GenerationError as error:
            self._fail(error)

    async def _told(
        self, generator: Generator, splitter: SentenceSplitter
    ) -> AsyncGenerator[Progress]:
        async with aclosing(self._pieces(generator)) as pieces:
            async for piece in pieces:
                yield Written(text=piece)
                ended = splitter.feed(piece)
                self.lead = splitter.lead
                for sentence in ended:
                    if checked := await self._check(sentence):
                        yield checked

    def _left(self, splitter: SentenceSplitter) -> list[Sentence]:
        """The last sentences; what was being written when a model failed is none."""
        rest = splitter.finish()
        return [s for s in rest if not self.failure or _ENDED.search(s.text)]

    def _fail(self, error: GenerationError) -> None:
        """Note what went wrong with a language model; what quotes ought not to go wrong."""
        if self.generator.quotes:
            raise error
        logger.warning("the generator failed: %s", error)
        self.failure = self.failure or error.slug

    async def _pieces(self, generator: Generator) -> AsyncGenerator[str]:
        """What a generator writes, in mouthfuls, as long as it is not too much."""
        async with aclosing(_closing(generator.stream(self._request))) as pieces:
            while (piece := await self._next(pieces)) is not None:
                said = without_controls(piece)
                if not generator.quotes:
                    said = visible(said)
                for start in range(0, len(said), _MOUTHFUL):
                    yield self._taken(said[start : start + _MOUTHFUL])
                    await asyncio.sleep(0)  # for all others who wait

    def _taken(self, said: str) -> str:
        """What of it is not too much.

        Raises:
            GenerationError: nothing is.
        """
        if self.generator.quotes:
            return said
        self._hold_to_limits()
        room = MAX_CHARACTERS - len(self.written)
        if room <= 0:
            raise AnswerCutError("The model does not stop writing.", "Choose another model.")
        self.written += said[:room]
        return said[:room]

    async def _next(self, pieces: AsyncGenerator[str]) -> str | None:
        try:
            async with asyncio.timeout_at(None if self.generator.quotes else self._deadline):
                return await anext(pieces, None)
        except TimeoutError as error:
            raise _late() from error

    async def _check(self, sentence: Sentence) -> Checked | None:
        """What becomes of a sentence; None where nothing does.

        Raises:
            GenerationError: there have been enough of them.
        """
        if not self.generator.quotes:
            self._hold_to_limits()
            if declines(self.written):
                return None
        begun = bool(self.checker.text)
        with self._clock.part("verify"):
            found = await checking(self.checker.check, sentence)
        if found is None:
            self._repeated += 1
            return None
        says = found.said if begun or not found.shown else self.lead + found.said.lstrip()
        return Checked(claim=found.claim, shown=found.shown, citation=found.citation, says=says)

    def _hold_to_limits(self) -> None:
        if len(self.checker.claims) >= MAX_CLAIMS or self._repeated >= MAX_REPEATED:
            raise AnswerCutError("The answer is too long, or repeats itself.")
        if asyncio.get_running_loop().time() >= self._deadline:
            raise _late()

    def _discard(self, why: str) -> None:
        self.notice = text(self._request.language, f"notice.{why}")
        if why == "failed":
            self.notice += self._cause()
        self.checker = self._checker_for(self.generator)

    def _cause(self) -> str:
        """What went wrong, where there is more to say than that something did."""
        key = f"cause.{self.failure}"
        known = key in catalogue(self._request.language)
        return f" {text(self._request.language, key)}" if known else ""

    def _note_what_is_missing(self) -> None:
        language, removed = self._request.language, self.checker.removed
        notices = []
        if removed:
            key = "notice.removed_one" if removed == 1 else "notice.removed_other"
            notices.append(text(language, key, count=removed))
        doubtful = sum(not claim.supported for claim in self.checker.claims) - removed
        if doubtful and self.checker.marks:
            key = "notice.marked_one" if doubtful == 1 else "notice.marked_other"
            notices.append(text(language, key, count=doubtful))
        if self.failure:
            notices.append(text(language, "notice.cut_off") + self._cause())
        self.notice = " ".join(notices)


def _late() -> ModelLateError:
    return ModelLateError(
        "The answer is not finished and checked in the time it is given.",
        "Ask for less, choose a quicker model, or raise CITYDIP_LLM_TOTAL_SECONDS.",
    )


async def _closing(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The same pieces; closing this one closes that one, if it can be closed."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
