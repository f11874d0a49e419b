"""Documents become passages: whole sentences, one heading, about 60 to 180 tokens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.schema import Block, Document, Heading, Page, Passage, Span

_LONGEST_PATH: Final = 300
"""Characters of a heading path that are embedded with a passage."""

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class _Sentence:
    span: Span
    tokens: int


@dataclass(frozen=True, slots=True)
class PassageMaker:
    """Cuts documents into passages.

    Attributes:
        count_tokens: the embedder's own token counts.
        min_tokens: a passage shorter than this takes in the next paragraph, if it fits.
        max_tokens: no passage is longer, unless a single sentence is.
    """

    count_tokens: CountTokens
    min_tokens: int = 60
    max_tokens: int = 180

    def passages(self, document: Document) -> list[Passage]:
        """All passages of a document in reading order.

        Headings are in none of them, nor are sentences without a letter or a figure.
        """
        made: list[Passage] = []
        for heading, blocks in _sections(document):
            for sentences in self._groups(document.text, blocks):
                made.append(_passage(document, heading, [s.span for s in sentences], len(made)))
        return made

    def _groups(self, text: str, blocks: Sequence[Block]) -> Iterator[list[_Sentence]]:
        """Group a section's sentences, ending a passage at a paragraph's end if it can be."""
        group: list[_Sentence] = []
        for paragraph in self._paragraphs(text, blocks):
            size = _size(group)
            fits = size + _size(paragraph) <= self.max_tokens
            if group and (size >= self.min_tokens or not fits):
                yield group
                group = []
            group = group + paragraph
            if _size(group) > self.max_tokens:
                *whole, group = self._split(group)
                yield from whole
        if group:
            yield group

    def _paragraphs(self, text: str, blocks: Sequence[Block]) -> Iterator[list[_Sentence]]:
        for block in blocks:
            spans = [
                span
                for span in sentence_spans(text, block.start, block.end)
                if any(character.isalnum() for character in text[span.start : span.end])
            ]
            counts = self.count_tokens([text[span.start : span.end] for span in spans])
            yield [_Sentence(*pair) for pair in zip(spans, counts, strict=True)]

    def _split(self, sentences: Sequence[_Sentence]) -> list[list[_Sentence]]:
        """Cut too long a run into pieces of about equal length."""
        pieces = -(-_size(sentences) // self.max_tokens)
        target = _size(sentences) / pieces
        groups: list[list[_Sentence]] = [[]]
        for sentence in sentences:
            size = _size(groups[-1])
            over = size + sentence.tokens > self.max_tokens
            if groups[-1] and (over or size + sentence.tokens / 2 > target):
                groups.append([])
            groups[-1].append(sentence)
        return groups


def _size(sentences: Sequence[_Sentence]) -> int:
    return sum(sentence.tokens for sentence in sentences)


def _sections(document: Document) -> Iterator[tuple[str, list[Block]]]:
    """Runs of blocks under one heading path."""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    items: list[Heading | Block] = [*document.headings, *document.blocks]
    for item in sorted(items, key=lambda item: item.start):
        if isinstance(item, Block):
            blocks.append(item)
            continue
        if blocks:
            yield _joined(path), blocks
            blocks = []
        path = [(level, text) for level, text in path if level < item.level]
        path.append((item.level, document.text[item.start : item.end]))
    if blocks:
        yield _joined(path), blocks


def _joined(path: Sequence[tuple[int, str]]) -> str:
    """The path in words; one too long for the embedder loses its outermost headings."""
    titles = [text[:_LONGEST_PATH] for _, text in path]
    while len(titles) > 1 and sum(map(len, titles)) > _LONGEST_PATH:
        del titles[0]
    return " › ".join(titles)


def _passage(document: Document, heading: str, sentences: list[Span], position: int) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    return Passage(
        id=f"{document.id}:{start}-{end}",
        document_id=document.id,
        position=position,
        start=start,
        end=end,
        heading=heading,
        language=document.language,
        page=_page(document.pages, start),
        sentences=tuple(sentences),
        text=document.text[start:end],
    )


def _page(pages: Sequence[Page], start: int) -> int | None:
    return next((page.number for page in pages if page.start <= start < page.end), None)
