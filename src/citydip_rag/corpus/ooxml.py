"""The text in the XML of Word and PowerPoint, which share how they write it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from citydip_rag.corpus.markup import table_lines

W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
A: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
R: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_ALTERNATIVES: Final = (
    "{http://schemas.openxmlformats.org/markup-compatibility/2006}AlternateContent"
)
_BREAKS: Final = {"br": "\n", "cr": "\n", "tab": "\t", "ptab": "\t", "noBreakHyphen": "\u2011"}
_UNSEEN: Final = frozenset(
    "pPr rPr tblPr tcPr trPr sdtPr sdtEndPr sectPr del moveFrom delText instrText fldData rt"
    " bodyPr lstStyle".split()
)
"""Properties, what a reviewer has deleted, the codes of fields, and how characters are read."""
_ASIDES: Final = frozenset("txbxContent footnoteReference endnoteReference relIds chart".split())
_FALSE: Final = ("0", "false", "off")


@dataclass(slots=True)
class Reading:
    """What a reader sees of an element.

    Attributes:
        text: in one piece; paragraphs and line breaks end with a line feed.
        asides: elements that point to notes, or are boxes, diagrams and charts: text that
            stands beside it.
    """

    text: str = ""
    asides: list[Any] = field(default_factory=list)


def read_element(element: Any) -> Reading:
    """Read the text of a paragraph, a cell or anything else that holds runs of it."""
    reading = Reading()
    reading.text = "".join(_pieces(element, reading.asides))
    return reading


def local_name(element: Any) -> str:
    """An element's name without its namespace; nothing for comments and entities."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def is_on(element: Any) -> bool:
    """Is a property set? It is by being there, unless its value says no."""
    return element is not None and element.get(f"{W}val", "1") not in _FALSE


def unwrap_alternatives(root: Any) -> None:
    """Keep, of what is written in several manners for several programs, only the first."""
    for alternatives in list(root.iter(_ALTERNATIVES)):
        parent = alternatives.getparent()
        if parent is not None and len(alternatives):
            position = parent.index(alternatives)
            parent[position : position + 1] = list(alternatives[0])


def diagram_lines(xml: bytes) -> list[str]:
    """The texts of a diagram (SmartArt), one a paragraph."""
    return [read_element(paragraph).text for paragraph in _parse(xml).iter(f"{A}p")]


def chart_lines(xml: bytes) -> list[str]:
    """The titles of a chart, and its numbers as a table with the names of its series."""
    root = _parse(xml)
    titles = [read_element(paragraph).text for paragraph in root.iter(f"{A}p")]
    series = [element for element in root.iter() if local_name(element) == "ser"]
    columns = [_points(one, ("val", "yVal")) for one in series]
    labels = [_points(one, ("cat", "xVal")) for one in series]
    names = ["".join(_points(one, ("tx",)).values()) for one in series]
    axis = {key: text for one in reversed(labels) for key, text in one.items()}
    keys = sorted({key for column in columns for key in column} | set(axis))
    rows = [[axis.get(key, ""), *(column.get(key, "") for column in columns)] for key in keys]
    return titles + table_lines([["", *names], *rows], headed=True)


def _points(series: Any, kinds: tuple[str, ...]) -> dict[int, str]:
    """The values a chart keeps of one of its rows of cells, by their position."""
    return {
        int(point.get("idx", "0")): "".join(point.itertext()).strip()
        for kind in series
        if local_name(kind) in kinds
        for point in kind.iter()
        if local_name(point) == "pt"
    }


def _pieces(element: Any, asides: list[Any]) -> Iterator[str]:
    for child in element:
        name = local_name(child)
        if name == "t":
            yield child.text or ""
        elif name in _BREAKS:
            yield _BREAKS[name]
        elif name in _ASIDES:
            asides.append(child)
        elif name not in _UNSEEN and not _is_hidden(child):
            yield from _pieces(child, asides)
            if name == "p":
                yield "\n"


def _is_hidden(run: Any) -> bool:
    return is_on(run.find(f"{W}rPr/{W}vanish"))


def _parse(xml: bytes) -> Any:
    from lxml import etree

    return etree.fromstring(xml, etree.XMLParser(resolve_entities=False, no_network=True))
