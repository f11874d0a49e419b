"""Rich text: its words by striprtf, its structure by their look."""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.office import one_line, own_title, table_blocks, tidy
from citydip_rag.corpus.package import check_kind, damaged, naming_damage
from citydip_rag.corpus.text import structure
from citydip_rag.schema import Heading

_START: Final = b"{\\rtf"
_CODE_PAGE: Final = re.compile(rb"\\ansicpg(\d{1,5})")
_TITLE: Final = re.compile(r"\{\\title ([^{}\\]+)\}")
_ASIDE: Final = re.compile(r"\{\\(?:footnote|shptxt)(?![a-z])")
"""Notes and text boxes, which striprtf would pass over."""
_TOKEN: Final = re.compile(r"\\.|[{}]", re.DOTALL)
_SLOW: Final = re.compile(r"(?<!\\)(?=\{\\field\b|\\f\d)|(?=HYPERLINK)", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


class RtfLoader(Loader):
    """Rich text of any program, read with striprtf."""

    suffixes = frozenset({".rtf"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; headers, footers, comments and pictures are left out."""
        content = path.read_bytes()
        with naming_damage(name):
            check_kind(content, name)
            if not content.lstrip().startswith(_START):
                raise damaged(name)
            rtf = _decoded(content)
            title = _TITLE.search(rtf)
            return _structured(_plain_text(rtf), own_title(title[1]) if title else "")


def _decoded(content: bytes) -> str:
    """Characters of the file, which names its code page; some programs write UTF-8 all the same."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        pass
    page = _CODE_PAGE.search(content)
    try:
        encoding = codecs.lookup(f"cp{page[1].decode()}").name if page else "cp1252"
    except LookupError:
        encoding = "cp1252"
    return content.decode(encoding, errors="replace")


def _plain_text(rtf: str) -> str:
    from striprtf.striprtf import rtf_to_text

    # A line feed means nothing in RTF, but ends what the library's slowest patterns search; it
    # also keeps the addresses of links, which nobody sees, out of the text.
    text = rtf_to_text(_SLOW.sub("\n", _with_asides_last(rtf)), errors="replace")
    # Characters beyond the first 65,536 are written as two halves.
    whole = text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
    return _CONTROL.sub(" ", whole.replace("\xad", ""))


def _with_asides_last(rtf: str) -> str:
    """Move notes and text boxes to the end, each a paragraph of its own."""
    kept: list[str] = []
    asides: list[str] = []
    position = 0
    for match in _ASIDE.finditer(rtf):
        if match.start() >= position:  # not inside another
            end = _group_end(rtf, match.start())
            kept.append(rtf[position : match.start()])
            asides.append(f"{{\\par\\pard\\plain {rtf[match.end() : end - 1]}}}")
            position = end
    body = "".join(kept) + rtf[position:]
    close = body.rfind("}")
    return body[:close] + "".join(asides) + body[close:] if asides else body


def _group_end(rtf: str, start: int) -> int:
    """Where the group ends whose brace is at the start."""
    depth = 0
    for token in _TOKEN.finditer(rtf, start):
        depth += {"{": 1, "}": -1}.get(token[0], 0)
        if depth == 0:
            return token.end()
    return len(rtf)


def _structured(text: str, title: str) -> Extract:
    """Tables are the lines that end with a bar, as striprtf writes them; the rest is prose."""
    builder = TextBuilder()
    for is_table, lines in groupby(text.split("\n"), key=lambda line: line.rstrip().endswith("|")):
        if is_table:
            for row in table_blocks([_cells(line) for line in lines]):
                builder.block(row)
        else:
            _add_prose(builder, "\n".join(lines))
    return builder.extract(title)


def _add_prose(builder: TextBuilder, text: str) -> None:
    first = builder.length == 0
    found = structure(text)
    for item in sorted([*found.headings, *found.blocks], key=lambda item: item.start):
        words = text[item.start : item.end]
        if isinstance(item, Heading):
            builder.heading(one_line(words), item.level if first else 2)
        else:
            builder.block(tidy(words))


def _cells(line: str) -> Sequence[str]:
    return [one_line(cell) for cell in line.rstrip().removesuffix("|").split("|")]
