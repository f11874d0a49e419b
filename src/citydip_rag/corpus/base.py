"""The loader seam: one format, one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from citydip_rag.schema import Block, Heading, Page


@dataclass(slots=True)
class Extract:
    """What a loader takes out of a file: the canonical text and its structure.

    Blocks and headings are in reading order, do not overlap and cover all that is not white
    space.
    """

    text: str
    headings: Sequence[Heading] = ()
    blocks: Sequence[Block] = ()
    pages: Sequence[Page] = ()


class Loader(ABC):
    """Reads the files of one format."""

    suffixes: ClassVar[frozenset[str]]
    """File name endings, in lower case with the dot."""

    @abstractmethod
    def load(self, path: Path) -> Extract:
        """Extract a file's text.

        Raises:
            DocumentError: the file cannot be read; says why and what to do.
        """


@dataclass(slots=True)
class TextBuilder:
    """Puts a canonical text together block by block, one a line, and notes the offsets."""

    parts: list[str] = field(default_factory=list)
    headings: list[Heading] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    length: int = 0

    def heading(self, text: str, level: int) -> None:
        """Append a heading."""
        start, end = self._append(text)
        if end > start:
            self.headings.append(Heading(start=start, end=end, level=level))

    def block(self, text: str) -> None:
        """Append a paragraph, list item or table row."""
        start, end = self._append(text)
        if end > start:
            self.blocks.append(Block(start=start, end=end))

    def extract(self) -> Extract:
        """The finished text with its structure."""
        return Extract("".join(self.parts), tuple(self.headings), tuple(self.blocks))

    def _append(self, text: str) -> tuple[int, int]:
        text = text.strip()
        start = self.length
        if text:
            self.parts.append(text + "\n")
            self.length += len(text) + 1
        return start, start + len(text)
