"""PowerPoint: a slide is a page, its title a heading, its notes the last of its text."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.office import one_line, own_title, table_blocks, tidy
from citydip_rag.corpus.ooxml import (
    A,
    R,
    chart_lines,
    diagram_lines,
    local_name,
    read_element,
    unwrap_alternatives,
)
from citydip_rag.corpus.package import open_package

if TYPE_CHECKING:
    from pptx.slide import Slide

_PLACEHOLDER: Final = ".//{http://schemas.openxmlformats.org/presentationml/2006/main}ph"
_SAME_HEIGHT: Final = 228_600
"""Quarter of an inch; what starts within it stands side by side."""


class PptxLoader(Loader):
    """Presentations of PowerPoint since 2007, read with python-pptx."""

    suffixes = frozenset({".pptx"})

    def load(self, path: Path, name: str) -> Extract:
        """Read every slide, hidden ones too; footers and slide numbers are left out."""
        with open_package(path, name) as package:
            from pptx import Presentation

            presentation = Presentation(io.BytesIO(package.content))
            builder = TextBuilder()
            for number, slide in enumerate(presentation.slides, 1):
                builder.page(number)
                _SlideReader(builder, slide).read(title_level=1 if number == 1 else 2)
            return builder.extract(own_title(presentation.core_properties.title))


class _SlideReader:
    def __init__(self, builder: TextBuilder, slide: Slide) -> None:
        self._builder = builder
        self._slide = slide

    def read(self, title_level: int) -> None:
        unwrap_alternatives(self._slide.element)
        title = self._slide.shapes.title
        if title is not None:
            self._builder.heading(one_line(read_element(title.element).text), title_level)
        for shape in _in_order(self._slide.shapes):
            if title is None or shape.element is not title.element:
                self._shape(shape)
        if self._slide.has_notes_slide:
            notes = self._slide.notes_slide.notes_placeholder
            if notes is not None:
                self._paragraphs(notes.element)

    def _shape(self, shape: Any) -> None:
        from pptx.shapes.group import GroupShape

        if isinstance(shape, GroupShape):
            for member in _in_order(shape.shapes):
                self._shape(member)
        elif shape.has_table:
            self._table(shape.table)
        elif not _is_furniture(shape.element):
            self._paragraphs(shape.element)
            self._graphics(shape.element)

    def _paragraphs(self, element: Any) -> None:
        for paragraph in element.iter(f"{A}p"):
            self._builder.block(tidy(read_element(paragraph).text))

    def _table(self, table: Any) -> None:
        rows = [list(_cells(row.cells)) for row in table.rows]
        for line in table_blocks(rows, marked=table.first_row):
            self._builder.block(line)

    def _graphics(self, element: Any) -> None:
        """Diagrams and charts, whose texts are files of their own in the package."""
        for aside in read_element(element).asides:
            lines: list[str] = []
            if local_name(aside) == "relIds":
                lines = diagram_lines(self._related(aside.get(f"{R}dm")))
            elif local_name(aside) == "chart":
                lines = chart_lines(self._related(aside.get(f"{R}id")))
            for line in lines:
                self._builder.block(tidy(line))

    def _related(self, relation: str) -> bytes:
        return bytes(self._slide.part.related_part(relation).blob)


def _in_order(shapes: Iterable[Any]) -> list[Any]:
    """From the top down, side by side from left to right."""
    return sorted(shapes, key=_position)


def _position(shape: Any) -> tuple[int, int]:
    try:
        top, left = shape.top, shape.left
    except (AttributeError, KeyError):  # a placeholder whose layout does not have it
        return 0, 0
    return round((top or 0) / _SAME_HEIGHT), left or 0


def _cells(cells: Iterable[Any]) -> Iterator[str]:
    """A row's cells, with empty ones where a merged cell goes on; a single one stands alone."""
    listed = list(cells)
    own = [cell for cell in listed if not cell.is_spanned]
    if len(own) == 1 and own[0].span_width == len(listed):
        listed = own
    for cell in listed:
        yield "" if cell.is_spanned else one_line(cell.text)


def _is_furniture(element: Any) -> bool:
    """A footer, the number of the slide, or a date that is not typed but filled in."""
    placeholder = element.find(_PLACEHOLDER)
    kind = None if placeholder is None else placeholder.get("type")
    filled_in = kind == "dt" and next(element.iter(f"{A}r"), None) is None
    return kind in {"ftr", "sldNum"} or filled_in
