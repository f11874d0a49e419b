"""Web pages: the main part of what a reader sees, without menus and margins."""

from __future__ import annotations

import codecs
import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.charsets import decode_as
from citydip_rag.corpus.encoding import decode
from citydip_rag.corpus.markup import parse_html, read_markup

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_DECLARED: Final = re.compile(
    rb"""<(?:meta\b[^>]*?\bcharset|\?xml\b[^>]*?\bencoding)\s*=\s*["']?\s*([\w.:-]+)""",
    re.IGNORECASE,
)
_DECLARATION_WITHIN: Final = 4_096
_WIDE: Final = ("utf-16", "utf16", "utf-32", "utf32", "ucs")
_FURNITURE: Final = (
    "//nav | //*[self::header or self::footer or self::aside]"
    "[not(ancestor::article or ancestor::main)][not(self::header and .//h1)]"
)
"""Around the content; inside an article these elements are its own title, notes and boxes."""
_SITE: Final = re.compile(r"\s*[|·»:–—-]\s+\S")
_SMALL: Final = 1_000
"""Characters; a page with fewer is read whole, there is too little to tell its main part by."""
_LARGE: Final = 1_000_000
"""Characters; finding the main part of more takes too long, and menus weigh little in it."""
_LEAST: Final = 0.5
"""A main part with less of the page's text than this was not found right."""
_MOST: Final = 0.9
"""With more than this nothing is left to drop, and the page itself keeps its form better."""


class HtmlLoader(Loader):
    """HTML in any encoding and state; trafilatura tells the main part from the rest."""

    suffixes = frozenset({".html", ".htm", ".xhtml"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is what a reader of the page's main part sees."""
        return _read_page(parse_html(decode_page(path.read_bytes(), name)))


def decode_page(data: bytes, name: str) -> str:
    """Decode HTML: a byte order mark decides, else what the page says, else what it looks like.

    Raises:
        DocumentError: the file is empty, binary, or in no encoding we know.
    """
    declared = _DECLARED.search(data[:_DECLARATION_WITHIN])
    if declared is None or data.startswith(codecs.BOM_UTF8):
        return decode(data, name)
    label = declared[1].decode("ascii", errors="replace")
    # What could be found as single bytes is not written in two or four each, whatever it says.
    text = None if label.lower().startswith(_WIDE) else decode_as(data, label)
    return decode(data if text is None else text.encode(errors="replace"), name)


def _read_page(page: HtmlElement) -> Extract:
    title = _title(page)
    content = deepcopy(page)
    for element in content.xpath(_FURNITURE):
        element.drop_tree()
    whole = read_markup(content, title)
    size = _size(whole)
    if not size:  # all the page has stands in its margins
        return read_markup(page, title)
    if not _SMALL <= size <= _LARGE:
        return whole
    main = read_markup(parse_html(_main_part(content)), title)
    return main if _LEAST <= _size(main) / size <= _MOST else whole


def _size(extract: Extract) -> int:
    return len("".join(extract.text.split()))


def _main_part(content: HtmlElement) -> str:
    """HTML of the main part, nothing if it cannot be told."""
    import trafilatura

    try:
        found = trafilatura.extract(content, output_format="html", favor_recall=True)
    except Exception:  # noqa: BLE001  its many heuristics fail in many ways; the page is still there
        return ""
    return str(found or "")


def _title(page: HtmlElement) -> str:
    """The page's title, without the site's name if the page's heading shows where it begins."""
    element = next(iter(page.xpath("//title[not(ancestor::svg)]")), None)
    title = "" if element is None else " ".join(element.text_content().split())
    for heading in page.iter("h1"):
        name = " ".join(heading.text_content().split())
        if name and title.startswith(name) and _SITE.match(title, len(name)):
            return name
    return title
