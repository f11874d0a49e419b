"""Word: headings by their style, paragraphs, list items and tables in their order."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.office import one_line, own_title, table_blocks, tidy
from citydip_rag.corpus.ooxml import (
    R,
    W,
    chart_lines,
    diagram_lines,
    is_on,
    local_name,
    read_element,
    unwrap_alternatives,
)
from citydip_rag.corpus.package import open_package

if TYPE_CHECKING:
    from docx.document import Document

_HEADING_STYLE: Final = re.compile(r"(?:heading|judul)\s*([1-9])\b", re.IGNORECASE)
_TITLE_STYLES: Final = frozenset({"title", "judul"})
_UNSEEN: Final = frozenset("del moveFrom sectPr sdtPr sdtEndPr pPr tblPr tblGrid".split())
_BODY_LEVEL: Final = 9
"""The outline level of what is no heading."""
_MOST_COLUMNS: Final = 63
"""Word has no more; a wider cell is damage."""


class DocxLoader(Loader):
    """Documents of Word since 2007, opened with python-docx.

    python-docx finds the parts and the styles; the text is taken from the XML, for the library
    passes over tracked insertions, content controls, text boxes, notes and equations.
    """

    suffixes = frozenset({".docx"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the body; headers, footers, comments and deleted text are left out."""
        with open_package(path, name) as package:
            from docx import Document

            document = Document(io.BytesIO(package.content))
            reader = _Reader(document)
            reader.read(document.element.body)
            return reader.builder.extract(own_title(document.core_properties.title))


class _Reader:
    def __init__(self, document: Document) -> None:
        self.builder = TextBuilder()
        self._part = document.part
        self._styles = _Styles(document.styles.element)
        self._notes = dict(_notes(document))
        self._titled = False

    def read(self, body: Any) -> None:
        unwrap_alternatives(body)
        self._container(body)

    def _container(self, element: Any) -> None:
        for child in element:
            if child.tag == f"{W}p":
                self._paragraph(child)
            elif child.tag == f"{W}tbl":
                self._table(child)
            elif (name := local_name(child)) and name not in _UNSEEN:
                self._container(child)

    def _paragraph(self, paragraph: Any) -> None:
        reading = read_element(paragraph)
        level = self._styles.level(paragraph)
        if level is None:
            self.builder.block(tidy(reading.text))
        else:
            self._heading(one_line(reading.text), level)
        self._beside(reading.asides)

    def _heading(self, text: str, level: int) -> None:
        """Append a heading; below a title, which is the first level, all others are lower."""
        self._titled |= level == 0 and bool(text)
        self.builder.heading(text, level + 1 if self._titled else max(level, 1))

    def _beside(self, asides: list[Any]) -> None:
        for aside in asides:
            name = local_name(aside)
            if name == "txbxContent":
                self._container(aside)
            elif name == "relIds":
                self._blocks(diagram_lines(self._related(aside.get(f"{R}dm"))))
            elif name == "chart":
                self._blocks(chart_lines(self._related(aside.get(f"{R}id"))))
            elif (note := self._notes.get((name, aside.get(f"{W}id")))) is not None:
                self._container(note)

    def _blocks(self, lines: list[str]) -> None:
        for line in lines:
            self.builder.block(tidy(line))

    def _related(self, relation: str) -> bytes:
        return bytes(self._part.related_parts[relation].blob)

    def _table(self, table: Any) -> None:
        rows = [row for row in _members(table, f"{W}tr") if row.find(f"{W}trPr/{W}del") is None]
        cells = [list(_members(row, f"{W}tc")) for row in rows]
        if all(len(row) <= 1 for row in cells):  # a frame around paragraphs
            for row in cells:
                for cell in row:
                    self._container(cell)
            return
        asides: list[Any] = []
        lines = [_row(row, of_row, asides) for row, of_row in zip(rows, cells, strict=True)]
        marked = is_on(rows[0].find(f"{W}trPr/{W}tblHeader"))
        self._blocks(table_blocks(lines, marked=marked))
        self._beside(asides)


class _Styles:
    """Which styles of paragraphs are headings, by their name, their outline or their base."""

    def __init__(self, styles: Any) -> None:
        self._elements = {
            style.get(f"{W}styleId"): style
            for style in styles.iter(f"{W}style")
            if style.get(f"{W}type", "paragraph") == "paragraph"
        }
        self._levels: dict[str | None, int | None] = {}

    def level(self, paragraph: Any) -> int | None:
        """The level of a heading, 0 being the document's title; nothing for other paragraphs."""
        outline = paragraph.find(f"{W}pPr/{W}outlineLvl")
        if outline is not None:
            return _outline_level(outline)
        named = paragraph.find(f"{W}pPr/{W}pStyle")
        if named is None:
            return None
        style = named.get(f"{W}val")
        if style not in self._levels:
            self._levels[style] = self._level_of(style)
        return self._levels[style]

    def _level_of(self, style: str | None) -> int | None:
        seen: set[str | None] = set()
        while style in self._elements and style not in seen:
            seen.add(style)
            element = self._elements[style]
            name = _value(element.find(f"{W}name")).strip().lower()
            if name in _TITLE_STYLES:
                return 0
            if heading := _HEADING_STYLE.match(name):
                return int(heading[1])
            outline = element.find(f"{W}pPr/{W}outlineLvl")
            if outline is not None:
                return _outline_level(outline)
            style = _value(element.find(f"{W}basedOn"))
        return None


def _outline_level(outline: Any) -> int | None:
    level = int(_value(outline))
    return level + 1 if 0 <= level < _BODY_LEVEL else None


def _value(element: Any) -> str:
    return "" if element is None else str(element.get(f"{W}val", ""))


def _notes(document: Document) -> Iterator[tuple[tuple[str, str], Any]]:
    """Footnotes and endnotes, by the name of what refers to them and their number."""
    from docx.oxml.parser import parse_xml

    for relation in document.part.rels.values():
        kind = relation.reltype.rpartition("/")[2]
        if kind in {"footnotes", "endnotes"} and not relation.is_external:
            notes = parse_xml(relation.target_part.blob)
            unwrap_alternatives(notes)
            for note in notes:
                yield (f"{kind[:-1]}Reference", note.get(f"{W}id")), note


def _members(element: Any, tag: str) -> Iterator[Any]:
    """Rows of a table or cells of a row, also those that something is wrapped around."""
    for child in element:
        if child.tag == tag:
            yield child
        elif (name := local_name(child)) and name not in _UNSEEN:
            yield from _members(child, tag)


def _row(row: Any, cells: list[Any], asides: list[Any]) -> list[str]:
    """A row's cells, with empty ones where a merged cell goes on."""
    texts = [""] * _count(row.find(f"{W}trPr/{W}gridBefore"), 0)
    for cell in cells:
        merged = cell.find(f"{W}tcPr/{W}vMerge")
        goes_on = merged is not None and _value(merged) != "restart"
        reading = read_element(cell)
        texts.append("" if goes_on else one_line(reading.text))
        texts += [""] * (_count(cell.find(f"{W}tcPr/{W}gridSpan"), 1) - 1)
        asides += reading.asides
    return [text for text in texts if text] if len(cells) == 1 else texts


def _count(element: Any, default: int) -> int:
    return default if element is None else min(int(_value(element)), _MOST_COLUMNS)
