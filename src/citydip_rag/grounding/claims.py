"""A generator's text becomes checked claims with citations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.generation.base import ESCAPED_BRACKET, introduction
from citydip_rag.grounding.base import Verifier
from citydip_rag.grounding.reasons import say
from citydip_rag.schema import Citation, Claim, DocumentName, Language, Passage, Span
from citydip_rag.texts import text

SUPPORTED: Final = 0.5
"""Support from which on a claim counts as supported."""
_MARKERS: Final = re.compile(r"(?<!\\)\[[0-9]{1,3}\](?:[ ]?\[[0-9]{1,3}\])*")
_NUMBER: Final = re.compile(r"[0-9]+")
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")

Describe = Callable[[str], DocumentName]


@dataclass(frozen=True, slots=True)
class Grounded:
    """An answer of which every shown sentence is supported.

    Attributes:
        text: the answer, markers renumbered from 1 in the order of the citations.
        claims: all claims, the unsupported ones too, which are not in the text.
        citations: in the order of their numbers.
    """

    text: str
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]


def ground(
    raw: str,
    passages: Sequence[Passage],
    verifier: Verifier,
    describe: Describe,
    language: Language,
) -> Grounded:
    """Check a generator's text sentence by sentence; only what is supported stays.

    Args:
        raw: the generator's text; `[n]` means the n-th passage.
        passages: as the generator was given them.
        verifier: judges each claim.
        describe: names a document by its id.
        language: in which places are named.
    """
    lead, body = _without_lead(raw)
    claims: list[Claim] = []
    citations: list[Citation] = []
    shown: list[str] = []
    for sentence, numbers in _marked_sentences(body):
        named = [passages[n - 1] for n in numbers if 0 < n <= len(passages)]
        others = [passage for passage in passages if passage not in named]
        evidence = named + others
        support = verifier.support(sentence, evidence)
        if support.score < SUPPORTED or support.span is None or support.passage is None:
            claims.append(
                Claim(
                    text=sentence,
                    supported=False,
                    support=support.score,
                    reasons=tuple(say(reason, language) for reason in support.reasons),
                )
            )
            continue
        cited = evidence[support.passage]
        citation = _citation(
            len(citations) + 1, cited, support.span, describe(cited.document_id), language
        )
        citations.append(citation)
        claims.append(
            Claim(
                text=sentence,
                supported=True,
                support=support.score,
                citations=(citation.number,),
            )
        )
        shown.append(f"{sentence} [{citation.number}]")
    answer = lead + " ".join(shown) if shown else ""
    return Grounded(answer, tuple(claims), tuple(citations))


def _without_lead(raw: str) -> tuple[str, str]:
    """Our own line that introduces quotations claims nothing; any other is a claim to check."""
    first, gap, rest = raw.partition("\n\n")
    if gap and any(first == introduction(asked, to) for asked in Language for to in Language):
        return first + gap, rest
    return "", raw


def _marked_sentences(body: str) -> Iterator[tuple[str, list[int]]]:
    """What stands before each run of markers, with their numbers; a paragraph's rest has none."""
    for paragraph in _BLANK_LINE.split(body):
        end = 0
        for match in _MARKERS.finditer(paragraph):
            claim = _unescaped(paragraph[end : match.start()])
            end = match.end()
            if claim:
                yield claim, [int(number) for number in _NUMBER.findall(match.group())]
        rest = _unescaped(paragraph[end:])
        if rest:
            yield rest, []


def _unescaped(text: str) -> str:
    return text.replace(ESCAPED_BRACKET, "[").strip()


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
        quote=passage.text[span.start - passage.start : span.end - passage.start],
    )
