"""Documents become passages: whole sentences, one heading, about 60 to 180 tokens."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from citydip_rag.corpus.places import Places
from citydip_rag.corpus.references import articles, referred
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.schema import Block, Document, Heading, Page, Passage, Sentence

_LONGEST_PATH: Final = 300
"""Characters of a heading path that are embedded with a passage."""

CountTokens = Callable[[Sequence[str]], list[int]]


@dataclass(frozen=True, slots=True)
class _Sentence:
    span: Sentence
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
        pages = _PageFinder(document.pages)
        placed = list(_placed(document))
        known = articles(
            (place, document.text[block.start : block.end])
            for _, blocks in placed
            for block, place in blocks
        )
        for path, blocks in placed:
            paragraphs = (
                self._sentences(document.text, block, place, pages) for block, place in blocks
            )
            for sentences in self._groups(paragraphs):
                made.append(_passage(document, path, [s.span for s in sentences], len(made), known))
        return made

    def _groups(self, paragraphs: Iterable[list[_Sentence]]) -> Iterator[list[_Sentence]]:
        """Group a section's sentences, ending a passage at a paragraph's end if it can be."""
        group: list[_Sentence] = []
        for paragraph in paragraphs:
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

    def _sentences(
        self, text: str, block: Block, place: str, pages: _PageFinder
    ) -> list[_Sentence]:
        """A paragraph's sentences that hold words, with page and place."""
        spans = [
            replace(span, page=pages.at(span.start), place=place)
            for span in sentence_spans(text, block.start, block.end)
            if any(character.isalnum() for character in text[span.start : span.end])
        ]
        counts = self.count_tokens([text[span.start : span.end] for span in spans])
        return [_Sentence(*pair) for pair in zip(spans, counts, strict=True)]

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


def _sections(document: Document) -> Iterator[tuple[list[str], list[Block]]]:
    """Runs of blocks under one heading path."""
    path: list[tuple[int, str]] = []
    blocks: list[Block] = []
    items: list[Heading | Block] = [*document.headings, *document.blocks]
    for item in sorted(items, key=lambda item: item.start):
        if isinstance(item, Block):
            blocks.append(item)
            continue
        if blocks:
            yield [text for _, text in path], blocks
            blocks = []
        path = [(level, text) for level, text in path if level < item.level]
        path.append((item.level, " ".join(document.text[item.start : item.end].split())))
    if blocks:
        yield [text for _, text in path], blocks


def _placed(document: Document) -> Iterator[tuple[list[str], list[tuple[Block, str]]]]:
    """Sections whose blocks know their place."""
    places = Places()
    for path, blocks in _sections(document):
        places.enter(path)
        yield path, [(block, places.at(document.text[block.start : block.end])) for block in blocks]


def _joined(path: Sequence[str]) -> str:
    """The path in words; one too long for the embedder loses its outermost headings."""
    titles = [text[:_LONGEST_PATH] for text in path]
    while len(titles) > 1 and sum(map(len, titles)) > _LONGEST_PATH:
        del titles[0]
    return " › ".join(titles)


def _passage(
    document: Document,
    path: Sequence[str],
    sentences: list[Sentence],
    position: int,
    known: Mapping[str, str],
) -> Passage:
    start, end = sentences[0].start, sentences[-1].end
    return Passage(
        id=f"{document.id}:{start}-{end}",
        document_id=document.id,
        position=position,
        start=start,
        end=end,
        heading=_joined([document.label, *path] if document.label else path),
        context=referred(document.text[start:end], sentences[0].place, known),
        language=document.language,
        page=sentences[0].page,
        sentences=tuple(sentences),
        text=document.text[start:end],
    )


class _PageFinder:
    def __init__(self, pages: Sequence[Page]) -> None:
        self._pages = pages
        self._starts = [page.start for page in pages]

    def at(self, offset: int) -> int | None:
        """Number of the page at an offset; None where the format has no pages."""
        index = bisect_right(self._starts, offset) - 1
        return self._pages[index].number if index >= 0 else None
