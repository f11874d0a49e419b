"""OpenDocument text, as LibreOffice writes it: headings, paragraphs, lists and tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.office import one_line, own_title, table_blocks, tidy
from citydip_rag.corpus.package import open_package, protected, read_member

_OFFICE: Final = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT: Final = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_TABLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_STYLE: Final = "{urn:oasis:names:tc:opendocument:xmlns:style:1.0}"
_DRAW: Final = "{urn:oasis:names:tc:opendocument:xmlns:drawing:1.0}"
_TITLE: Final = "{http://purl.org/dc/elements/1.1/}title"
_MANIFEST: Final = "META-INF/manifest.xml"

_BREAKS: Final = {f"{_TEXT}s": " ", f"{_TEXT}tab": "\t", f"{_TEXT}line-break": "\n"}
_UNSEEN: Final = frozenset(
    {
        f"{_TEXT}tracked-changes",  # what a reviewer has deleted
        f"{_TEXT}note-citation",
        f"{_TEXT}ruby-text",
        f"{_TEXT}hidden-text",
        f"{_TEXT}hidden-paragraph",
        f"{_OFFICE}annotation",
        f"{_OFFICE}forms",
        f"{_OFFICE}scripts",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}title",
        "{urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0}desc",
        "{http://www.w3.org/1998/Math/MathML}annotation",
    }
)
_CELLS: Final = (f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell")
_PARAGRAPHS: Final = (f"{_TEXT}p", f"{_TEXT}h")
_MOST_REPEATED: Final = 100
"""Times that a cell or a row is repeated; programs fill the rest of a sheet in this way."""


class OdfLoader(Loader):
    """Texts of LibreOffice and other programs that write OpenDocument."""

    suffixes = frozenset({".odt"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the body; headers, footers, comments and deleted text are left out."""
        with open_package(path, name) as package:
            members = set(package.namelist())
            if _MANIFEST in members and b"encryption-data" in read_member(package, _MANIFEST, name):
                raise protected(name)
            content = _parse(read_member(package, "content.xml", name))
            body = content.find(f"{_OFFICE}body/{_OFFICE}text")
            reader = _Reader(_title_styles(content))
            reader.read(body)
            title = ""
            if "meta.xml" in members:
                title = _parse(read_member(package, "meta.xml", name)).findtext(f".//{_TITLE}")
            return reader.builder.extract(own_title(title))


class _Reader:
    def __init__(self, title_styles: frozenset[str]) -> None:
        self.builder = TextBuilder()
        self._title_styles = title_styles
        self._titled = False

    def read(self, element: Any) -> None:
        for child in element:
            if child.tag in _PARAGRAPHS:
                self._paragraph(child)
            elif child.tag == f"{_TABLE}table":
                self._table(child)
            elif isinstance(child.tag, str) and child.tag not in _UNSEEN:
                self.read(child)

    def _paragraph(self, paragraph: Any) -> None:
        asides: list[Any] = []
        text = "".join(_pieces(paragraph, asides))
        if paragraph.get(f"{_TEXT}style-name") in self._title_styles:
            self._titled |= bool(text.strip())
            self.builder.heading(one_line(text), 1)
        elif paragraph.tag == f"{_TEXT}h":
            level = max(int(paragraph.get(f"{_TEXT}outline-level", "1")), 1)
            self.builder.heading(one_line(text), level + self._titled)
        else:
            self.builder.block(tidy(text))
        self._beside(asides)

    def _beside(self, asides: list[Any]) -> None:
        """Notes and boxes stand below the paragraph, or the table, that they belong to."""
        for aside in asides:
            self.read(aside)

    def _table(self, table: Any) -> None:
        rows = list(_members(table, (f"{_TABLE}table-row",)))
        cells = [list(_members(row, _CELLS)) for row in rows]
        if all(len(row) <= 1 for row in cells):  # a frame around paragraphs
            for row in cells:
                self._beside(row)
            return
        asides: list[Any] = []
        lines = [
            line
            for row, of_row in zip(rows, cells, strict=True)
            for line in [_row(of_row, asides)] * _repeated(row, "rows")
        ]
        marked = table.find(f"{_TABLE}table-header-rows") is not None
        for line in table_blocks(lines, marked=marked):
            self.builder.block(line)
        self._beside(asides)


def _pieces(element: Any, asides: list[Any]) -> Iterator[str]:
    """The text of a paragraph or a cell, piece by piece; notes and boxes are put aside."""
    yield element.text or ""
    for child in element:
        if child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        elif _is_aside(child):
            asides.append(child)
        elif isinstance(child.tag, str) and child.tag not in _UNSEEN:
            yield from _pieces(child, asides)
        yield "\n" if child.tag in _PARAGRAPHS else ""
        yield child.tail or ""


def _is_aside(element: Any) -> bool:
    """A note, a frame or a shape: it holds paragraphs and stands beside the text."""
    return element.tag == f"{_TEXT}note" or str(element.tag).startswith(_DRAW)


def _row(cells: list[Any], asides: list[Any]) -> list[str]:
    """A row's cells; those a merged cell covers are empty, one alone spans the table."""
    texts: list[str] = []
    for cell in cells:
        text = one_line("".join(_pieces(cell, asides)))
        covered = cell.tag == _CELLS[1]
        texts += ["" if covered else text] * _repeated(cell, "columns")
    own = [cell for cell in cells if cell.tag == _CELLS[0]]
    across = len(own) == 1 and own[0].get(f"{_TABLE}number-columns-spanned") == str(len(texts))
    return [text for text in texts if text] if across else texts


def _repeated(element: Any, what: str) -> int:
    return min(int(element.get(f"{_TABLE}number-{what}-repeated", "1")), _MOST_REPEATED)


def _members(element: Any, tags: tuple[str, ...]) -> Iterator[Any]:
    """Rows of a table or cells of a row, also those that something is wrapped around."""
    for child in element:
        if child.tag in tags:
            yield child
        elif isinstance(child.tag, str) and child.tag != f"{_TABLE}table":
            yield from _members(child, tags)


def _title_styles(content: Any) -> frozenset[str]:
    """The style `Title`, and the styles of this document that are based on it."""
    return frozenset({"Title"}) | {
        style.get(f"{_STYLE}name")
        for style in content.iter(f"{_STYLE}style")
        if style.get(f"{_STYLE}parent-style-name") == "Title"
    }


def _parse(xml: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
