"""A generator's sentences become checked claims with citations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.corpus.language import FUNCTION_WORDS
from citydip_rag.grounding.base import Support, Verifier
from citydip_rag.grounding.reasons import Reason, say
from citydip_rag.grounding.sentences import Sentence
from citydip_rag.retrieval.orders import is_order
from citydip_rag.schema import Citation, Claim, DocumentName, Language, Passage, Policy, Span
from citydip_rag.texts import text

SUPPORTED: Final = 0.5
"""Support from which on a claim counts as supported."""
UNSUPPORTED_MARK: Final = "[?]"
MAX_CLAIM_CHARACTERS: Final = 1_500
"""No honest sentence is longer; what is, is not supported."""

FEWEST_WORDS: Final = 3
"""Words that name something, with fewer of which a sentence says too little to be checked."""
_SMALL: Final = FUNCTION_WORDS[Language.INDONESIAN] | FUNCTION_WORDS[Language.ENGLISH]

Describe = Callable[[str], DocumentName]


@dataclass(frozen=True, slots=True)
class Finding:
    """A checked sentence.

    Attributes:
        claim: with its citation's number.
        citation: what it rests on, or None.
        shown: whether the answer keeps it.
        said: what the answer gains by it: its text and marker, behind what parts it from the
            sentence before; empty where it is not shown.
    """

    claim: Claim
    citation: Citation | None
    shown: bool
    said: str = ""


class Checker:
    """Checks the sentences of one answer one after the other, and keeps the answer."""

    def __init__(
        self,
        passages: Sequence[Passage],
        verifier: Verifier,
        describe: Describe,
        language: Language,
        policy: Policy = Policy.STRICT,
    ) -> None:
        """Begin an answer.

        Args:
            passages: as the generator was given them.
            verifier: judges each claim.
            describe: names a document by its id.
            language: in which places are named.
            policy: what becomes of unsupported sentences.
        """
        self._passages = passages
        self._verifier = verifier
        self._describe = describe
        self._language = language
        self._policy = policy
        self._shown: list[str] = []
        self._said: set[str] = set()
        self.claims: list[Claim] = []
        self.citations: list[Citation] = []

    @property
    def text(self) -> str:
        """The answer so far, markers numbered from 1 in the order of the citations."""
        return "".join(self._shown).lstrip()

    @property
    def removed(self) -> int:
        """How many sentences have been left out."""
        return len(self.claims) - len(self._shown)

    @property
    def marks(self) -> bool:
        """Whether doubtful sentences are shown with a mark."""
        return self._policy is Policy.MARK

    def check(self, sentence: Sentence) -> Finding | None:
        """Judge the next sentence; None if it only repeats what has been said."""
        key = " ".join(sentence.text.lower().split())
        if key in self._said:
            return None
        self._said.add(key)
        support, passage = self._support(sentence)
        supported = support.score >= SUPPORTED and support.span is not None
        citation = self._cite(passage, support.span) if supported and passage else None
        claim = Claim(
            text=sentence.text,
            supported=citation is not None,
            support=support.score,
            citations=(citation.number,) if citation else (),
            reasons=()
            if citation
            else tuple(say(reason, self._language) for reason in support.reasons),
        )
        self.claims.append(claim)
        if citation is None and self._policy is Policy.STRICT:
            return Finding(claim, None, shown=False)
        mark = f" [{citation.number}]" if citation else self._doubt()
        said = f"{sentence.before}{sentence.text}{mark}"
        self._shown.append(said)
        return Finding(claim, citation, shown=True, said=said)

    def _doubt(self) -> str:
        return f" {UNSUPPORTED_MARK}" if self.marks else ""

    def _support(self, sentence: Sentence) -> tuple[Support, Passage | None]:
        """How far the named passages bear it out, or else any other that was given."""
        if len(sentence.text) > MAX_CLAIM_CHARACTERS:
            return Support(0.0, reasons=(Reason("too_long"),)), None
        named = [self._passages[n - 1] for n in sentence.numbers if 0 < n <= len(self._passages)]
        others = [passage for passage in self._passages if passage not in named]
        best: tuple[Support, Passage | None] = (Support(0.0), None)
        for evidence in (named, others):
            if not evidence:
                continue
            support = self._verifier.support(sentence.text, evidence)
            home = None if support.passage is None else evidence[support.passage]
            if reason := _objection(sentence.text, home, support):
                support = Support(0.0, reasons=(reason,))
            if support.score >= best[0].score:
                best = (support, home)
            if support.score >= SUPPORTED:
                break
        return best

    def _cite(self, passage: Passage, span: Span | None) -> Citation | None:
        if span is None:
            return None
        for known in self.citations:
            if (known.document_id, known.start, known.end) == (
                passage.document_id,
                span.start,
                span.end,
            ):
                return known
        citation = _citation(
            len(self.citations) + 1,
            passage,
            span,
            self._describe(passage.document_id),
            self._language,
        )
        self.citations.append(citation)
        return citation


def _objection(claim: str, home: Passage | None, support: Support) -> Reason | None:
    """Why a claim is not borne out by what resembles it."""
    if support.score < 1 and claim.rstrip("\"'”’ ").endswith("?"):
        return Reason("question")
    if support.score < 1 and len(_content(claim)) < FEWEST_WORDS:
        return Reason("too_short")
    if home is not None and support.span is not None and is_order(_text(home, support.span)):
        return Reason("order")
    return None


def _content(claim: str) -> set[str]:
    """The words of a claim that name something."""
    words = (word.strip(".,;:!?\"'()“”‘’") for word in claim.lower().split())
    return {word for word in words if word and word not in _SMALL}


def _text(passage: Passage, span: Span) -> str:
    return passage.text[span.start - passage.start : span.end - passage.start]


def _citation(
    number: int, passage: Passage, span: Span, name: DocumentName, language: Language
) -> Citation:
    sentence = next((s for s in passage.sentences if s.start <= span.start < s.end), None)
    page = sentence.page if sentence else passage.page
    parts = (
        name.label or name.title,
        sentence.place if sentence else "",
        text(language, "citation.page", number=page) if page else "",
    )
    return Citation(
        number=number,
        document_id=passage.document_id,
        title=name.title,
        source=name.source,
        page=page,
        place=", ".join(part for part in parts if part),
        start=span.start,
        end=span.end,
        quote=_text(passage, span),
    )
