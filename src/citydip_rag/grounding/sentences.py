"""A generator's text, piece by piece, becomes sentences with the passages they name."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.generation.base import ESCAPED_BRACKET, introduction
from citydip_rag.schema import Language

_MARKERS: Final = re.compile(r"(?<![ \t])[ \t]*(?<!\\)\[[0-9]{1,3}\](?:[ ,]*\[[0-9]{1,3}\])*")
_LOOSE_MARKERS: Final = re.compile(
    r"(?<![ \t])[ \t]*(?<!\\)[\[【](?:passage |bagian )?\d{1,3}(?:\s*[,;]\s*\d{1,3})*[\]】]"
    r"(?:[ ,]*\[\d{1,3}\])*",
    re.IGNORECASE,
)
"""As models write them: [1], [1, 2], [passage 1], 【1】."""
_NUMBER: Final = re.compile(r"[0-9]+")
_BLANK_LINE: Final = re.compile(r"\n[^\S\n]*\n")
_LIST_SIGN: Final = re.compile(r"(?:[-*•–]|\d{1,2}[.)])[ \t]+")
_EMPHASIS: Final = re.compile(r"\*\*|__|^#{1,6} |^> ", re.MULTILINE)
_AHEAD: Final = 2
"""Words beyond a sentence's end that must have come before it is taken to be its end."""


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

    def feed(self, piece: str) -> list[Sentence]:
        """Sentences after which another one has begun."""
        self._buffer += piece
        if not re.search(r"[.!?:\n]", self._buffer):
            return []
        stops = [span for span in _raw_sentences(self._buffer) if self._ended(span[1])]
        if not stops:
            return []
        end = _after_markers(self._buffer, stops[-1][1])
        text, self._buffer = self._buffer[:end], self._buffer[end:]
        return list(_prose(text))

    def finish(self) -> list[Sentence]:
        """All that is left."""
        text, self._buffer = self._buffer, ""
        return list(_prose(text))

    def _ended(self, end: int) -> bool:
        rest = _LOOSE_MARKERS.sub(" ", self._buffer[end:])
        return len(rest.split()) > _AHEAD or bool("\n" in rest and rest.strip())


def _quotations(text: str) -> Iterator[Sentence]:
    for paragraph in _BLANK_LINE.split(text):
        end = 0
        for match in _MARKERS.finditer(paragraph):
            said = _unescaped(paragraph[end : match.start()])
            end = match.end()
            if said:
                yield Sentence(said, _numbers(match.group()))
        rest = _unescaped(paragraph[end:])
        if rest:
            yield Sentence(rest)


def _prose(text: str) -> Iterator[Sentence]:
    end = 0
    for first, stop in _raw_sentences(text):
        gap, last = text[end:first], _after_markers(text, stop)
        piece, end = text[first:last], last
        said = _EMPHASIS.sub("", _LOOSE_MARKERS.sub("", piece)).strip()
        sign = _LIST_SIGN.match(said)
        said = _unescaped(said[sign.end() :] if sign else said)
        if any(map(str.isalnum, said)):
            before = "\n" if "\n" in gap or sign else " "
            yield Sentence(said, _numbers(gap + piece), before + (sign[0] if sign else ""))


def _raw_sentences(text: str) -> list[tuple[int, int]]:
    """Spans of sentences, line by line, as if there were no markers."""
    bare = _LOOSE_MARKERS.sub(lambda marker: " " * len(marker.group()), text)
    spans: list[tuple[int, int]] = []
    start = 0
    for line in bare.splitlines(keepends=True):
        found = sentence_spans(bare, start, start + len(line))
        spans += [(s.start, s.end) for s in found if re.search(r"\w", bare[s.start : s.end])]
        start += len(line)
    return spans


def _after_markers(text: str, end: int) -> int:
    """The end of a sentence with the markers that follow it on the same line."""
    markers = _LOOSE_MARKERS.match(text, end)
    return markers.end() if markers else end


def _numbers(text: str) -> tuple[int, ...]:
    found = [int(n) for run in _LOOSE_MARKERS.findall(text) for n in _NUMBER.findall(run)]
    return tuple(dict.fromkeys(found))


def _unescaped(text: str) -> str:
    return text.replace(ESCAPED_BRACKET, "[").strip()
