"""A tree of HTML becomes headings, paragraphs, list items and table rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from citydip_rag.corpus.base import Extract, TextBuilder

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_INLINE: Final = frozenset(
    "a abbr acronym b bdi bdo big cite code data del dfn em font i ins kbd label mark nobr q rp rt"
    " ruby s samp small span strike strong sub sup time tt u var wbr".split()
)
"""Elements that do not break a paragraph; all others do."""
_UNSEEN: Final = frozenset(
    "script style template noscript head svg math object iframe select textarea button".split()
)
_HEADINGS: Final = {f"h{level}": level for level in range(1, 7)}
_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_LONGEST_COLUMN_NAME: Final = 60
_CELLS: Final = ("th", "td")


def parse_html(source: str | bytes, encoding: str | None = None) -> HtmlElement:
    """Parse HTML as browsers do: whatever is wrong with it, its text is kept.

    Args:
        source: text, or bytes whose own declaration tells the encoding.
        encoding: of the bytes, where it is known.
    """
    from lxml import etree, html

    parser = html.HTMLParser(
        encoding="utf-8" if isinstance(source, str) else encoding,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    data = source.encode("utf-8", errors="replace") if isinstance(source, str) else source
    try:
        return html.document_fromstring(data, parser=parser, ensure_head_body=True)
    except etree.ParserError:  # nothing is in it, or comments only
        return html.document_fromstring(b"<p></p>", ensure_head_body=True)


def read_markup(tree: HtmlElement, title: str = "") -> Extract:
    """Take out of a tree what its reader sees, one block a line.

    Args:
        tree: the document's element, or its body.
        title: the document's name, where it has one beside its headings.
    """
    builder = TextBuilder()
    append_markup(tree, builder)
    return builder.extract(title)


def append_markup(tree: HtmlElement, builder: TextBuilder) -> None:
    """Add what a tree's reader sees to a text that has other parts too."""
    _Reader(builder).read(tree)


def table_lines(rows: Sequence[Sequence[str]], *, headed: bool) -> list[str]:
    """A table as text, one line a row; with a head, each cell carries its column's name.

    So a row says on its own what it is about: "Kota: Bandung | Tahun: 1960".
    """
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if not headed or len(filled) < 2:
        return [" | ".join(cell for cell in row if cell) for row in filled]
    names = [name.strip(" :")[:_LONGEST_COLUMN_NAME] for name in filled[0]]
    return [_named(names, row) for row in filled[1:]]


def _named(names: Sequence[str], row: Sequence[str]) -> str:
    if len(row) == 1 < len(names):  # a line across the whole table
        return row[0]
    padded = [*names, *[""] * (len(row) - len(names))]
    return " | ".join(
        f"{name}: {cell}" if name and name != cell else cell
        for name, cell in zip(padded, row, strict=False)
        if cell
    )


class _Reader:
    """Walks a tree without recursion, however deep it is."""

    def __init__(self, builder: TextBuilder) -> None:
        self.builder = builder
        self._pieces: list[str] = []
        self._verbatim = 0

    def read(self, tree: HtmlElement) -> None:
        from lxml import etree

        walk = etree.iterwalk(tree, events=("start", "end"))
        for event, element in walk:
            if event == "start" and self._opened(element):
                walk.skip_subtree()
            elif event == "end":
                self._closed(element)
                if element is not tree:
                    self._say(element.tail)
        self._flush()

    def _opened(self, element: HtmlElement) -> bool:
        """Enter an element; true when it is done with and what is in it shall be passed over."""
        tag = element.tag
        if tag in _UNSEEN or _is_hidden(element):
            return True
        if tag not in _INLINE and tag not in {"br", "img", "input"}:
            self._flush()
        if tag == "table" and _is_data(element):
            for line in _table(element):
                self.builder.block(line)
            return True
        self._verbatim += tag == "pre"
        if tag == "br":
            self._pieces.append("\n")
        elif tag == "img":
            self._say(element.get("alt"))
        self._say(element.text)
        return False

    def _closed(self, element: HtmlElement) -> None:
        tag = element.tag
        if tag in _HEADINGS and not _is_hidden(element):
            self.builder.heading(" ".join(self._take().split()), _HEADINGS[tag])
        elif tag not in _INLINE and tag not in {"br", "img", "input"}:
            self._flush()
        self._verbatim -= tag == "pre"

    def _say(self, text: str | None) -> None:
        if text:
            self._pieces.append(text if self._verbatim else _SPACE.sub(" ", text))

    def _flush(self) -> None:
        self.builder.block(self._take())

    def _take(self) -> str:
        text = "".join(self._pieces)
        self._pieces.clear()
        return (
            text
            if self._verbatim
            else "\n".join(
                line for part in text.split("\n") if (line := _SPACE.sub(" ", part).strip())
            )
        )


def _is_hidden(element: HtmlElement) -> bool:
    """What a reader of the page does not see is not quoted, and gives no orders either."""
    style = (element.get("style") or "").replace(" ", "").lower()
    return element.get("hidden") is not None or "display:none" in style


def _is_data(table: HtmlElement) -> bool:
    """A table, and not a frame around others or around a page's text."""
    rows = ([*row.iterchildren(*_CELLS)] for row in table.iter("tr"))
    return table.find(".//table") is None and any(
        len(cells) > 1 or any(cell.tag == "th" for cell in cells) for cells in rows
    )


def _table(element: HtmlElement) -> list[str]:
    rows = [[_cell(cell) for cell in row.iterchildren(*_CELLS)] for row in element.iter("tr")]
    captions = [_cell(caption) for caption in element.iter("caption")]
    return captions + table_lines(rows, headed=_is_headed(element))


def _cell(element: HtmlElement) -> str:
    from lxml import etree

    pieces: list[str] = []
    walk = etree.iterwalk(element, events=("start", "end"))
    for event, node in walk:
        pieces.append("" if node.tag in _INLINE else " ")
        if event == "start" and (node.tag in _UNSEEN or _is_hidden(node)):
            walk.skip_subtree()
        elif event == "start":
            pieces.append(node.text or "")
        elif node is not element:
            pieces.append(node.tail or "")
    return " ".join("".join(pieces).split())


def _is_headed(table: HtmlElement) -> bool:
    """The first row names the columns: it says so, or it is a row of `th`."""
    first = next(table.iter("tr"), None)
    if first is None:
        return False
    parent = first.getparent()
    cells = list(first.iterchildren(*_CELLS))
    return (parent is not None and parent.tag == "thead") or (
        len(cells) > 1 and all(cell.tag == "th" for cell in cells)
    )
