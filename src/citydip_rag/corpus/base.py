"""The loader seam: one format, one class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar, Final

from citydip_rag.schema import Block, Heading, Page

MAX_UNPACKED_BYTES: Final = 300 * 1024 * 1024
"""What all that is packed into one file may come to."""
MAX_MEMBERS: Final = 2_000
"""Files in one archive, or parts in one office file."""
LONGEST_HEADING: Final = 200
"""Characters; a longer line is a paragraph, whatever the file calls it."""


@dataclass(slots=True)
class Extract:
    """What a loader takes out of a file: the canonical text and its structure.

    Blocks and headings are in reading order, do not overlap and cover all that is not white
    space. The title is the document's own name for itself, where the format has a place for it.
    """

    text: str
    headings: Sequence[Heading] = ()
    blocks: Sequence[Block] = ()
    pages: Sequence[Page] = ()
    title: str = ""
    label: str = ""
    """A short name by which it is cited, such as "UU 11/2008"."""
    notes: Sequence[str] = ()
    """What a person should know of the reading, such as pages that could not be read."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a file: of an archive, or attached to a message."""

    name: str
    content: bytes


class Loader(ABC):
    """Reads the files of one format."""

    suffixes: ClassVar[frozenset[str]]
    """File name endings, in lower case with the dot."""

    @abstractmethod
    def load(self, path: Path, name: str) -> Extract:
        """Extract a file's text.

        Args:
            path: where it is.
            name: what messages call it.

        Raises:
            DocumentError: the file cannot be read; says why and what to do.
        """

    def members(self, path: Path, name: str) -> Iterator[Member]:  # noqa: ARG002  # for archives
        """Files inside this one that are documents of their own; most formats have none.

        Raises:
            DocumentError: they cannot be unpacked; says why and what to do.
        """
        return iter(())


@dataclass(slots=True)
class TextBuilder:
    """Puts a canonical text together block by block, one a line, and notes the offsets."""

    parts: list[str] = field(default_factory=list)
    items: list[Heading | Block] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    length: int = 0

    def page(self, number: int, at: int | None = None) -> None:
        """Begin a page, or a slide: at this offset, by default behind what was appended.

        Nothing happens where that page is the current one.
        """
        if self.pages and self.pages[-1].number == number:
            return
        start = self.length if at is None else at
        self._end_page(start)
        self.pages.append(Page(start=start, end=start, number=number))

    def _end_page(self, end: int) -> None:
        if self.pages:
            self.pages[-1] = self.pages[-1].model_copy(update={"end": end})

    def heading(self, text: str, level: int) -> None:
        """Append a heading; a text too long to be one becomes a block."""
        if len(text) > LONGEST_HEADING:
            self.block(text)
        elif span := self._append(text):
            self.items.append(Heading(start=span[0], end=span[1], level=level))

    def block(self, text: str) -> None:
        """Append a paragraph, list item or table row."""
        if span := self._append(text):
            self.items.append(Block(start=span[0], end=span[1]))

    def extract(self, title: str = "") -> Extract:
        """The finished text with its structure.

        A heading with nothing below it becomes a block: as a heading it would never be found.
        """
        self._end_page(self.length)
        items = [
            Block(start=item.start, end=item.end)
            if isinstance(item, Heading) and _is_bare(item, following)
            else item
            for item, following in zip_longest(self.items, self.items[1:])
        ]
        return Extract(
            "".join(self.parts),
            tuple(item for item in items if isinstance(item, Heading)),
            tuple(item for item in items if isinstance(item, Block)),
            tuple(page for page in self.pages if page.end > page.start),
            title,
        )

    def _append(self, text: str) -> tuple[int, int] | None:
        text = text.strip()
        if not text:
            return None
        start = self.length
        self.parts.append(text + "\n")
        self.length += len(text) + 1
        return start, start + len(text)


def _is_bare(heading: Heading, following: Heading | Block | None) -> bool:
    return following is None or (
        isinstance(following, Heading) and following.level <= heading.level
    )
