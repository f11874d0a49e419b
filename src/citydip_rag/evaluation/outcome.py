"""What became of one question: the row of a suite's report."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Annotated, Final

from pydantic import Field

from citydip_rag.schema import Frozen, Language, Span

DRAFT: Final = "draft-"
"""Begins the id of a question that nobody has reviewed."""
OTHER: Final = "other evidence cited"
"""The verdict on answers from sentences that the question file does not list."""
_LONGEST: Final = 1e9
"""Milliseconds that no answer takes: eleven days."""
DEPTH: Final = 10
"""Passages that retrieval is judged on."""
_BELOW_ARTICLE: Final = re.compile(r"(?: ayat \(| angka |, hlm\. |, p\. ).*")


class Quotation(Span):
    """A stretch of a document: evidence, or what was cited.

    Attributes:
        source: the document's path.
        place: as one cites it.
    """

    document_id: str
    source: str
    place: str = ""
    text: str


class Cited(Quotation):
    """A citation.

    Attributes:
        page: that it names.
        right: it quotes evidence.
        exact: its quote is the document's text at its offsets.
    """

    page: int | None = None
    right: bool
    exact: bool


class Shown(Frozen):
    """A sentence of an answer, and whether the verifier found it borne out."""

    text: str
    supported: bool


class Fact(Frozen):
    """A key fact, and whether the answer says it."""

    text: str
    found: bool


class Outcome(Frozen):
    """One question, what the documents hold on it, and what was answered.

    Attributes:
        file: the question file's name; with `id`, what tells questions apart.
        line: of that file.
        earlier: the questions asked before it in its conversation.
        place: of the evidence, where the question file names one.
        page: the same.
        gold: the evidence.
        relevant: how many passages hold some.
        brief: whether some is a text of so few words that it says little.
        covered: largest share of a document that it makes up; 0 where that is one sentence.
        ranks: of those that were found among the first ten, from 1.
        abstained: whether the question was declined.
        by_model: whether a language model was to answer.
        failure: what went wrong with it; then the documents were quoted in its place.
        answer: with its markers.
        answer_language: in which it was to be framed.
        own_language: of the words that a model or the system wrote itself; None where it wrote
            none, and quoted alone.
        confidence: probability given to the documents' holding the answer.
        closest: of an answerable question that was declined, the passages found first.
        claims: the sentences that were shown.
        latency_ms: of the engine, for the whole answer.
    """

    file: str
    line: int
    id: str
    question: str
    earlier: tuple[str, ...] = ()
    language: Language
    answerable: bool
    place: str = ""
    page: int | None = None
    gold: tuple[Quotation, ...] = ()
    relevant: Annotated[int, Field(ge=0)] = 0
    brief: bool = False
    covered: Annotated[float, Field(ge=0, le=1)] = 0.0
    ranks: tuple[Annotated[int, Field(ge=1, le=DEPTH)], ...] = ()
    abstained: bool
    by_model: bool = False
    failure: str = ""
    answer: str
    answer_language: Language
    own_language: Language | None = None
    confidence: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    citations: tuple[Cited, ...] = ()
    closest: tuple[Quotation, ...] = ()
    claims: tuple[Shown, ...] = ()
    facts: tuple[Fact, ...] = ()
    latency_ms: Annotated[float, Field(ge=0, le=_LONGEST, allow_inf_nan=False)]

    @property
    def key(self) -> tuple[str, str]:
        """File and id."""
        return self.file, self.id

    @property
    def is_draft(self) -> bool:
        """Whether nobody has reviewed the question yet."""
        return self.id.startswith(DRAFT)

    @property
    def in_its_language(self) -> bool:
        """Whether the answer's own words are in the question's language.

        Quotations are in the documents' language by design, and of an answer that is nothing else
        it is the language that it was to be framed in.
        """
        return (self.own_language or self.answer_language) == self.language

    @cached_property
    def evidence_cited(self) -> bool:
        """Whether one citation at least quotes evidence."""
        return any(citation.right for citation in self.citations)

    @cached_property
    def article_cited(self) -> bool:
        """Whether a citation stands in the article of the place that the question file names."""
        return any(_article(c.place) == _article(self.place) for c in self.citations)

    @property
    def right(self) -> bool:
        """Answered from the evidence, or declined for want of any."""
        return self.evidence_cited if self.answerable else self.abstained

    @property
    def verdict(self) -> str:
        """What became of it, in a word or two."""
        if not self.answerable:
            return "rightly declined" if self.abstained else "answered without evidence"
        if self.abstained:
            return "wrongly declined"
        return "right" if self.evidence_cited else OTHER

    @property
    def faults(self) -> tuple[str, ...]:
        """What else is wrong with the answer, whatever it cites."""
        found = (
            ("not exact", not all(citation.exact for citation in self.citations)),
            ("not borne out", not all(claim.supported for claim in self.claims)),
            ("key facts missing", self.answerable and not all(f.found for f in self.facts)),
            ("other language", not self.in_its_language),
            ("model failed", bool(self.failure)),
        )
        return tuple(name for name, wrong in found if wrong)

    def same_question(self, other: Outcome) -> bool:
        """Whether both were made from the same line: the same question and evidence."""
        return _asked(self) == _asked(other)


def _asked(outcome: Outcome) -> tuple[object, ...]:
    gold = {(quotation.source, quotation.text) for quotation in outcome.gold}
    facts = [fact.text for fact in outcome.facts]
    return outcome.question, outcome.earlier, outcome.answerable, outcome.place, gold, facts


def _article(place: str) -> str:
    """A place down to its article: "UU 11/2008, Pasal 28" of "UU 11/2008, Pasal 28 ayat (1)"."""
    return _BELOW_ARTICLE.sub("", place)
