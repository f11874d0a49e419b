r"""The generator seam.

A generator is given a question with the evidence for it and streams an answer. It marks what it
takes from passage n with `[n]`, n being the passage's place in the request, counted from 1; a
bracket that belongs to a quotation is written `\[`. What it writes is not shown as it is: every
sentence is checked against the passages first.

Third parties add theirs as an entry point of the group `citydip_rag.generators`: a class derived
from `Generator` that is called without arguments.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.retrieval.evidence import Evidence
from citydip_rag.schema import Language, Passage, Turn
from citydip_rag.texts import text

ESCAPED_BRACKET: Final = "\\["


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """All a generator may know.

    Attributes:
        question: as asked.
        language: in which to answer.
        passages: what was found, best first; passage n is marked `[n]`, counted from 1.
        evidence: the passages' sentences, best first.
        located: sentences found by the number of their article: they answer.
    """

    question: str
    language: Language
    passages: Sequence[Passage]
    evidence: Sequence[Evidence]
    located: Sequence[Evidence] = ()


def introduction(asked: Language, written: str) -> str:
    """The line before quotations in another language; it alone is shown without being checked."""
    name = text(asked, f"language.{written}")
    return text(asked, "answer.quotes_from_other_language", name=name)


NO_ANSWER: Final = {Language.INDONESIAN: "TIDAK ADA JAWABAN", Language.ENGLISH: "NO ANSWER"}
"""What a language model is told to write where the passages do not hold the answer."""


_APOLOGY: Final = (
    r"(?:(?:i'm|i\ am)\ )?(?:sorry|unfortunately|(?:mohon\ )?maaf|sayangnya)[,.]?\s*(?:but\ )?"
)
_SOURCE: Final = (
    r"(?:(?:the|these|this)\ )?(?:(?:given|provided)\ )?"
    r"(?:document|passage|text|article|context|source)s?"
)
_SUMBER: Final = r"(?:dokumen|bagian|teks|artikel|konteks|sumber)(?:-\w+)?(?:\ [\w-]+){0,2}"
_NONE_KNOWN: Final = re.compile(
    rf"""\W*(?:{_APOLOGY})?(?:
      i\ (?:do\ not|don't|cannot|can't)\ (?:know|answer|find)
    | there\ is\ no\ (?:information|mention)
    | {_SOURCE}\ do(?:es)?(?:\ not|n't)\ (?:contain|mention|provide|say|state|include|specify
        |answer|hold)
    | (?:saya\ |kami\ )?tidak\ (?:tahu|(?:dapat|bisa)\ (?:menjawab|menemukan)|menemukan)
    | tidak\ ada\ (?:jawaban|informasi)
    | {_SUMBER}\ tidak\ (?:memuat|menyebut(?:kan)?|menjelaskan|mengandung|memberikan
        |menjawab|berisi)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?])\s+")
_LONGEST_REFUSAL: Final = 3


def declines(written: str) -> bool:
    """Whether a text says that there is no answer, and nothing else."""
    words = " ".join(re.findall(r"[^\W\d_]+", written)).upper()
    if words in NO_ANSWER.values():
        return True
    said = _SENTENCE_END.split(written.replace("’", "'").strip())
    return len(said) <= _LONGEST_REFUSAL and all(map(_NONE_KNOWN.match, said))


class Generator(ABC):
    """Writes an answer from passages."""

    @property
    def quotes(self) -> bool:
        """Whether it writes nothing but quotations, each ended by its marker."""
        return False

    @property
    @abstractmethod
    def name(self) -> str:
        """Name in settings and answers."""

    @property
    @abstractmethod
    def model(self) -> str:
        """What does the writing, for people."""

    @abstractmethod
    def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        """The answer in pieces, as they come; closing the iterator ends the work.

        Raises:
            GenerationError: no answer could be made.
        """

    async def rewrite(
        self,
        question: str,  # noqa: ARG002  # for those who can
        turns: Sequence[Turn],  # noqa: ARG002  # for those who can
        language: Language,  # noqa: ARG002  # for those who can
    ) -> str | None:
        """A follow-up as a question that stands alone; None where there is no model to write it.

        Raises:
            GenerationError: the model failed.
        """
        return None

    async def check(self) -> None:  # noqa: B027  # most need nothing
        """See whether it could answer now.

        Raises:
            GenerationError: it could not; says what to do.
        """

    async def aclose(self) -> None:  # noqa: B027  # most hold nothing
        """Free what it holds."""
