"""Plain text: paragraphs by line or by blank line, headings by their look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.encoding import decode
from citydip_rag.schema import Block, Heading

_HEADING_WORDS: Final = 14
_HEADING_CHARACTERS: Final = 110
_WRAP_COLUMN: Final = 100
"""A text whose lines are all shorter than this, with blank lines between, was wrapped."""
_LINE: Final = re.compile(r"[^\n]+")
_LIST_ITEM: Final = re.compile(r"([-*•–·]|\(?[0-9]{1,3}[.)]|\(?[a-zA-Z][.)])\s")
_LABEL: Final = re.compile(r"[^:]{1,40}(\s{2,}\S|\s:|\t|:\s*[0-9(+])")
"""A field of a form ("Tanggal : 14 Mei", "Hadir   38") and not a title."""
_NOT_A_HEADING_END: Final = tuple(".!;:,…")


class TextLoader(Loader):
    """Files that are their own text."""

    suffixes = frozenset({".txt", ".text"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is the file's, with unified line ends."""
        return structure(decode(path.read_bytes(), name))


def structure(text: str) -> Extract:
    """Find paragraphs and headings in plain text."""
    spans = list(_wrapped_blocks(text) if _is_wrapped(text) else _lines(text))
    titles = _titles([text[start:end] for start, end in spans])
    headings: list[Heading] = []
    blocks: list[Block] = []
    for (start, end), title in zip(spans, titles, strict=True):
        if title:
            headings.append(Heading(start=start, end=end, level=2 if headings or blocks else 1))
        else:
            blocks.append(Block(start=start, end=end))
    return Extract(text, tuple(headings), tuple(blocks))


def _titles(lines: Sequence[str]) -> list[bool]:
    """Which lines are headings: those that look so and have text of their own below.

    In a row of such lines (the head of a letter, a list of names) only the last can be one, and
    the first of the whole text, its title; the others would be text that is never found.
    """
    looks = [looks_like_heading(line) for line in lines]
    return [
        looks[i] and i + 1 < len(lines) and (not looks[i + 1] or (i == 0 and not all(looks)))
        for i in range(len(lines))
    ]


def looks_like_heading(line: str) -> bool:
    """A short line that begins like a title and does not end like a sentence."""
    words = line.split()
    if not 1 <= len(words) <= _HEADING_WORDS or len(line) > _HEADING_CHARACTERS:
        return False
    first = next((character for character in line if character.isalnum()), "")
    return (
        "\n" not in line
        and (first.isupper() or first.isdigit())
        and any(character.isalpha() for character in line)
        and not line.endswith(_NOT_A_HEADING_END)
        and not _LIST_ITEM.match(line)
        and not _LABEL.match(line)
    )


def _lines(text: str) -> Iterator[tuple[int, int]]:
    for match in _LINE.finditer(text):
        yield from _stripped(text, match.start(), match.end())


def _wrapped_blocks(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for gap in re.finditer(r"\n[ \t]*(?:\n[ \t]*)+|\Z", text):
        yield from _stripped(text, start, gap.start())
        start = gap.end()


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        start += len(piece) - len(piece.lstrip())
        yield start, start + len(stripped)


def _is_wrapped(text: str) -> bool:
    """Were long paragraphs broken into lines, with blank lines between paragraphs?"""
    lines = text.strip().split("\n")
    filled = [line.strip() for line in lines if line.strip()]
    if len(filled) == len(lines) or len(filled) < 3:
        return False
    if max(len(line) for line in filled) > _WRAP_COLUMN:
        return False
    continued = sum(
        1
        for line, following in pairwise(lines)
        if line.strip() and following.strip() and not line.rstrip().endswith((".", "!", "?", ":"))
    )
    return continued > 0.2 * len(filled)
