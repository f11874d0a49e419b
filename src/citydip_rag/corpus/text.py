"""Plain text: paragraphs by line or by blank line, headings by their look."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.encoding import decode
from citydip_rag.corpus.wrapping import CLOSING_MARKS, LIST_ITEM, NOTE, paragraph_spans
from citydip_rag.schema import Block, Heading

_HEADING_WORDS: Final = 14
_HEADING_CHARACTERS: Final = 110
_LABEL: Final = re.compile(r"[^:]{1,40}(\s{2,}\S|\s:|\t|:\s*[0-9(+])")
"""A field of a form ("Tanggal : 14 Mei", "Hadir   38") and not a title."""
_NOT_A_HEADING_END: Final = re.compile(rf"[.!;:,…]{CLOSING_MARKS}")


class TextLoader(Loader):
    """Files that are their own text."""

    suffixes = frozenset({".txt", ".text"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is the file's, with unified line ends."""
        return structure(decode(path.read_bytes(), name))


def structure(text: str) -> Extract:
    """Find paragraphs and headings in plain text."""
    spans = list(paragraph_spans(text))
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
        and not _NOT_A_HEADING_END.search(line)
        and not any(form.match(line) for form in (LIST_ITEM, NOTE, _LABEL))
    )
