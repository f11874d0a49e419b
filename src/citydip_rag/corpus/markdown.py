"""Markdown: its headings, paragraphs, list items and table rows, without the markup."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.encoding import decode
from citydip_rag.corpus.markup import parse_html, read_markup

_FRONT_MATTER: Final = re.compile(r"\A---[ \t]*\n((?:(?:[\w-]+:|[ \t]+\S|- |#).*\n)+)---[ \t]*\n")
_TITLE: Final = re.compile(r"^title:[ \t]*(.+)$", re.MULTILINE)
_DEEPEST: Final = 60
"""Levels of quotations and lists that are read; what is deeper would exhaust the parser."""
_TOO_DEEP: Final = re.compile(r"^((?:[ \t]*>){60})[ \t>]+", re.MULTILINE)

_BLOCK: Final = re.compile(r"[^\n]*\S[^\n]*(?:\n[^\n]*\S[^\n]*)*")
_MOST_BRACKETS: Final = 500
"""Open ones in a paragraph: the parser looks to its end from each, for what may be a link."""


class MarkdownLoader(Loader):
    """CommonMark with tables and inline HTML, read with markdown-it-py."""

    suffixes = frozenset({".md", ".markdown"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text is what a reader of the rendered page sees."""
        return read_markdown(decode(path.read_bytes(), name))


def read_markdown(source: str) -> Extract:
    """Read Markdown; lines of YAML before it are paragraphs, their `title` the document's."""
    from markdown_it import MarkdownIt

    facts = _FRONT_MATTER.match(source)
    lines = facts[1].splitlines() if facts else []
    named = _TITLE.search(facts[1]) if facts else None
    body = _TOO_DEEP.sub(r"\1 ", source[facts.end() :] if facts else source)
    body = _BLOCK.sub(_without_links, body)
    parser = MarkdownIt("commonmark", {"maxNesting": 2 * _DEEPEST + 10}).enable("table")
    page = "".join(f"<p>{escape(line)}</p>" for line in lines) + parser.render(body)
    return read_markup(parse_html(page), named[1].strip(" \"'") if named else "")


def _without_links(block: re.Match[str]) -> str:
    """A block as it was, or where its brackets cannot be links, with brackets that are text."""
    text = block[0]
    unclosed = text.count("[") - text.count("]")
    return text.replace("[", r"\[") if unclosed > _MOST_BRACKETS else text
