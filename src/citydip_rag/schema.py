"""The nouns: what a document, a passage, a citation, a claim and an answer are.

All are frozen. `Answer` is at once what the engine returns and the JSON of `/ask`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

MAX_QUESTION_CHARACTERS = 2_000
MAX_TOP_K = 20
MAX_TURNS = 10
MAX_TURN_CHARACTERS = 4_000


class Language(StrEnum):
    """The languages in which people ask and are answered."""

    INDONESIAN = "id"
    ENGLISH = "en"


class Policy(StrEnum):
    """What becomes of sentences that the documents do not bear out."""

    STRICT = "strict"
    MARK = "mark"
    OFF = "off"


class Frozen(BaseModel):
    """Base of all nouns: immutable, and strict about unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Frozen):
    """`[start, end)` in characters of a document's canonical text."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]


class Heading(Span):
    """A heading and its depth, 1 being the document's own title."""

    level: Annotated[int, Field(ge=1)] = 2


class Page(Span):
    """A page of a paginated format, counted from 1."""

    number: Annotated[int, Field(ge=1)]


class Block(Span):
    """A paragraph, list item or table row: sentences never cross its ends."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a passage: `text[start:end]` of its document, its page and its place.

    A search makes a hundred of them, and validates none.

    Attributes:
        start, end: its span.
        page: that it begins on.
        place: such as "Pasal 5 ayat (2)".
    """

    start: int
    end: int
    page: int | None = None
    place: str = ""


class Document(Frozen):
    """One file's canonical text; every offset in this program counts characters of it.

    Attributes:
        id: stable name, derived from the path below the seeds folder.
        title: its first heading, or the file's name.
        label: a short name by which it is cited, such as "UU 11/2008"; may be empty.
        source: the path below the seeds folder, with forward slashes.
        sha256: of the file's bytes.
        language: main language of the text, ISO 639-1.
        headings: in reading order.
        blocks: everything that is not a heading, in reading order.
        pages: empty for formats without pages.
    """

    id: str
    title: str
    source: str
    sha256: str
    text: str
    language: str
    label: str = ""
    headings: tuple[Heading, ...] = ()
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()


class DocumentName(Frozen):
    """What a citation says of its document."""

    title: str
    source: str
    label: str = ""


class Passage(Span):
    """A run of whole sentences of one document, below one heading.

    Attributes:
        id: `document id:start-end`.
        position: 0 for the document's first passage; neighbours differ by one.
        heading: titles of the headings it stands under, joined by " › ".
        page: the page it begins on.
        context: what is embedded with it beside its heading, and is no part of what it says: the
            articles that a penalty refers to.
        sentences: spans in the document's text, in reading order.
        text: the document's text from start to end.
    """

    id: str
    document_id: str
    position: int
    heading: str
    context: str = ""
    language: str
    page: int | None = None
    sentences: tuple[Sentence, ...]
    text: str

    @property
    def lead(self) -> str:
        """What is embedded before the text."""
        return f"{self.heading}\n{self.context}" if self.context else self.heading


class FileStatus(StrEnum):
    """What became of a file."""

    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    RENAMED = "renamed"
    REMOVED = "removed"
    SKIPPED = "skipped"
    FAILED = "failed"


class FileReport(Frozen):
    """What an indexing run made of one file, or of one inside another.

    Attributes:
        source: the path below the seeds folder.
        passages: how many it gave.
        pages: how many it has, where its format has pages.
        language: main language of its text.
        reason: why it failed, or what a person should know of the reading.
    """

    source: str
    status: FileStatus
    passages: int = 0
    pages: int | None = None
    language: str | None = None
    reason: str = ""


class Citation(Span):
    """An exact quotation: `document.text[start:end] == quote`, always."""

    number: Annotated[int, Field(ge=1, description="The n of the marker [n].")]
    document_id: str
    title: str
    source: str
    page: int | None = None
    place: Annotated[
        str,
        Field(
            description="As one cites it: document, article, page.",
            examples=["UU 11/2008, Pasal 5 ayat (2), hlm. 7"],
        ),
    ] = ""
    quote: str


class Turn(Frozen):
    """A question of the same conversation that has been answered."""

    question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION_CHARACTERS)]
    answer: Annotated[str, Field(max_length=MAX_TURN_CHARACTERS)] = ""


class Claim(Frozen):
    """One sentence of an answer and how well the documents bear it out.

    Attributes:
        text: without markers.
        supported: whether the evidence carries it.
        support: in [0, 1]; 1 for a verbatim quotation.
        citations: numbers of the citations it rests on.
        reasons: why it is not supported, one sentence each, in the answer's language.
    """

    text: str
    supported: bool
    support: Annotated[float, Field(ge=0, le=1)]
    citations: tuple[int, ...] = ()
    reasons: tuple[str, ...] = ()


class PassageHit(Span):
    """A passage as `/ask` and `/search` return it, with its scores by name."""

    id: str
    document_id: str
    title: str
    source: str
    page: int | None = None
    heading: str
    text: str
    scores: dict[str, float]


class SearchResult(Frozen):
    """What `/search` returns."""

    question: str
    language: Language
    passages: tuple[PassageHit, ...]
    generation: str
    timings_ms: dict[str, float]


class Answer(Frozen):
    """What `ask` returns and `/ask` sends.

    Attributes:
        standalone: the question as it was understood from the conversation, where that differs.
        answer: the text, with `[n]` markers behind each sentence, and `[?]` behind what is not
            supported but shown. A quoted document may itself say "[1]"; programs take the numbers
            from `claims`.
        abstained: the documents do not hold the answer; then there is no citation.
        confidence: the calibrated probability that the documents hold the answer.
        language: language of the question, in which the answer is framed.
        passages: what was found, best first; for an abstention, the nearest reading.
        policy: what became of unsupported sentences; all of them are among the claims.
        discarded: claims of what a language model wrote where none of it is shown.
        notice: what a reader should know of how the answer came about, in its language.
        written: what a language model wrote, before anything was checked.
        failure: kind of what went wrong with a language model, as the `type` of a problem; the log
            says more.
        generator: name of the generator.
        model: name of the model behind it.
        generation: name of the index generation that was read.
        timings_ms: milliseconds by step; `verify` is a part of `generate`.
        receipt: with which the answer is rated at `/feedback`; empty where it cannot be.
    """

    question: str
    standalone: str = ""
    answer: str
    abstained: bool
    confidence: Annotated[float, Field(ge=0, le=1)]
    language: Language
    citations: tuple[Citation, ...] = ()
    claims: tuple[Claim, ...] = ()
    passages: tuple[PassageHit, ...] = ()
    discarded: tuple[Claim, ...] = ()
    policy: Policy = Policy.STRICT
    notice: str = ""
    written: str = ""
    failure: str = ""
    generator: str
    model: str
    generation: str
    timings_ms: dict[str, float]
    receipt: str = ""
