"""A generator's text, piece by piece, becomes sentences with the passages they name."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.generation.base import introduction
from citydip_rag.grounding.marks import masked, numbers, said, spaced, unescaped, with_markers
from citydip_rag.schema import Language

_MARKERS: Final = re.compile(r"(?<![ \t])[ \t]*(?<!\\)\[[0-9]{1,3}\](?:[ ,]*\[[0-9]{1,3}\])*")
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")
_LIST_SIGN: Final = re.compile(r"(?:[-*•–]|\d{1,2}[.)])[ \t]+")
_AHEAD: Final = 2
"""Words beyond a sentence's end that must have come before it is taken to be its end."""
_SIGN: Final = re.compile(r"[.!?:\n]")
_MOUTHFUL: Final = 256
"""Characters that are taken in at once; a model may send any number."""
_LONGEST: Final = 2_000
"""Characters that are held at most; where no sentence ends in them, one is ended."""
_PATIENCE: Final = 16
"""Characters that must come after a look that found no end: looking costs as much as there is to
see. They are more where more is held, a quarter of"""
_LONG: Final = 400
"""characters, which few sentences have, and half of twice as many."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence that a generator has written.

    Attributes:
        text: without markers and list signs.
        numbers: of the passages it names, counted from 1.
        before: what stands between it and the sentence before: a space, or a line break with a
            list sign.
    """

    text: str
    numbers: tuple[int, ...] = ()
    before: str = " "


class SentenceSplitter(ABC):
    """Takes a text as it comes and gives its sentences as they end."""

    def __init__(self) -> None:
        self.lead = ""
        """Our own words before the answer, which claim nothing."""
        self._buffer = ""

    @abstractmethod
    def feed(self, piece: str) -> list[Sentence]:
        """The sentences that this piece has completed."""

    @abstractmethod
    def finish(self) -> list[Sentence]:
        """The sentences that the end of the text completes."""


class QuotationSplitter(SentenceSplitter):
    """For a generator that ends every quotation with its marker, whatever the quotation holds."""

    def feed(self, piece: str) -> list[Sentence]:
        """Quotations whose markers are complete."""
        self._buffer += piece
        self._take_lead()
        last = [m for m in _MARKERS.finditer(self._buffer) if self._buffer[m.end() :].strip()]
        return self._until(last[-1].end()) if last else []

    def finish(self) -> list[Sentence]:
        """All that is left; what has no marker names no passage."""
        self._take_lead()
        return self._until(len(self._buffer))

    def _take_lead(self) -> None:
        first, gap, rest = self._buffer.partition("\n\n")
        if gap and any(first == introduction(asked, to) for asked in Language for to in Language):
            self.lead, self._buffer = first + gap, rest

    def _until(self, end: int) -> list[Sentence]:
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        return list(_quotations(text))


class ProseSplitter(SentenceSplitter):
    """For a language model: sentences, list items and lines, wherever the markers stand."""

    def __init__(self) -> None:
        """Begin a text; the first time this takes a second, for loading what splits."""
        super().__init__()
        self._enough = 0
        sentence_spans("", 0, 0)

    def feed(self, piece: str) -> list[Sentence]:
        """Sentences after which another one has begun."""
        found: list[Sentence] = []
        for start in range(0, len(piece), _MOUTHFUL):
            self._buffer += piece[start : start + _MOUTHFUL]
            if len(self._buffer) >= self._enough:
                found += self._look()
        return found

    def finish(self) -> list[Sentence]:
        """All that is left."""
        return self._until(len(self._buffer))

    def _look(self) -> list[Sentence]:
        size = len(self._buffer)
        if size <= _LONGEST and not _SIGN.search(self._buffer):
            return []
        bare = masked(self._buffer)
        spans = _raw_sentences(bare)
        if size > _LONGEST:
            stops = [end for _, end in spans[:-1] or spans] or [size]
        else:
            stops = [end for _, end in spans if _ended(bare, end)]
        if stops:
            return self._until(with_markers(bare, stops[-1]))
        self._enough = size + max(_PATIENCE, size * size // (4 * _LONG))
        return []

    def _until(self, end: int) -> list[Sentence]:
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        self._enough = 0
        return list(_prose(text))


def _ended(bare: str, end: int) -> bool:
    rest = spaced(bare[end:])
    return len(rest.split()) > _AHEAD or bool("\n" in rest and rest.strip())


def _quotations(text: str) -> Iterator[Sentence]:
    for paragraph in _BLANK_LINE.split(text):
        end = 0
        for match in _MARKERS.finditer(paragraph):
            words = unescaped(paragraph[end : match.start()])
            end = match.end()
            if words:
                yield Sentence(words, numbers(match.group()))
        rest = unescaped(paragraph[end:])
        if rest:
            yield Sentence(rest)


def _prose(text: str) -> Iterator[Sentence]:
    bare, end = masked(text), 0
    for first, stop in _raw_sentences(bare):
        gap, last = text[end:first], with_markers(bare, stop)
        marked, end = gap + text[first:last], last
        words = said(bare[first:last])
        sign = _LIST_SIGN.match(words)
        words = unescaped(words[sign.end() :] if sign else words)
        if any(map(str.isalnum, words)):
            before = "\n" if "\n" in gap or sign else " "
            yield Sentence(words, numbers(marked), before + (sign[0] if sign else ""))


def _raw_sentences(bare: str) -> list[tuple[int, int]]:
    """Spans of sentences of a masked text, line by line."""
    bare = spaced(bare)
    spans: list[tuple[int, int]] = []
    start = 0
    for line in bare.splitlines(keepends=True):
        found = sentence_spans(bare, start, start + len(line))
        spans += [(s.start, s.end) for s in found if re.search(r"\w", bare[s.start : s.end])]
        start += len(line)
    return spans
