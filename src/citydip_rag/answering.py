"""An answer in the making: written, checked sentence by sentence, and replaced where it must be."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Final

from citydip_rag.errors import AnswerCutError, GenerationError
from citydip_rag.events import Checked, Discarded, Written
from citydip_rag.generation import GenerationRequest, Generator, declines
from citydip_rag.grounding import Checker, ProseSplitter, QuotationSplitter, Sentence
from citydip_rag.questions import without_controls
from citydip_rag.schema import Claim
from citydip_rag.texts import catalogue, text

logger = logging.getLogger(__name__)

MAX_CLAIMS: Final = 60
"""Sentences of an answer that are checked; nobody asks for more."""
MAX_REPEATED: Final = 5
"""Sentences that only say again what has been said, after which a model is stopped."""
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
    ) -> None:
        """Begin an answer; nothing is written yet."""
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

    async def write(self, quoting: Generator) -> AsyncGenerator[Progress]:
        """Write the answer.

        Args:
            quoting: takes over where nothing that the generator wrote can be shown.

        Raises:
            GenerationError: of a generator that quotes; any other's failure is noted.
        """
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
            self.discarded = tuple(self.checker.claims)
            failed = self.failure not in {"", AnswerCutError.slug}
            self._discard("failed" if failed else "nothing_left")
            yield Discarded(notice=self.notice)
            self.generator = quoting
            async with aclosing(self._attempt(quoting)) as events:
                async for event in events:
                    yield event

    async def _attempt(self, generator: Generator) -> AsyncGenerator[Progress]:
        self.checker = self._checker_for(generator)
        splitter = QuotationSplitter() if generator.quotes else ProseSplitter()
        try:
            async with aclosing(self._pieces(generator)) as pieces:
                async for piece in pieces:
                    yield Written(text=piece)
                    for checked in await self._check(splitter.feed(piece)):
                        yield checked
        except GenerationError as error:
            if generator.quotes:
                raise
            logger.warning("the generator failed: %s", error)
            self.failure = error.slug
        rest = splitter.finish()
        if self.failure:  # what was being written when it failed is no sentence
            rest = [sentence for sentence in rest if _ENDED.search(sentence.text)]
        for checked in await self._check(rest):
            yield checked
        self.lead = splitter.lead

    async def _pieces(self, generator: Generator) -> AsyncGenerator[str]:
        """What a generator writes, as long as it is not too much."""
        async with aclosing(_closing(generator.stream(self._request))) as pieces:
            async for piece in pieces:
                said = without_controls(piece)
                if not generator.quotes:
                    self.written += said
                    if len(self.checker.claims) >= MAX_CLAIMS or self._repeated >= MAX_REPEATED:
                        raise AnswerCutError("The answer is too long, or repeats itself.")
                yield said

    async def _check(self, sentences: Sequence[Sentence]) -> list[Checked]:
        if not sentences or (not self.generator.quotes and declines(self.written)):
            return []
        found = await asyncio.to_thread(lambda: [self.checker.check(s) for s in sentences])
        self._repeated += found.count(None)
        return [
            Checked(claim=f.claim, shown=f.shown, citation=f.citation)
            for f in found
            if f is not None
        ]

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


async def _closing(pieces: AsyncIterator[str]) -> AsyncGenerator[str]:
    """The same pieces; closing this one closes that one, if it can be closed."""
    try:
        async for piece in pieces:
            yield piece
    finally:
        close = getattr(pieces, "aclose", None)
        if close is not None:
            await close()
