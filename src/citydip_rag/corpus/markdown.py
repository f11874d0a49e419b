"""Markdown: its headings, paragraphs, list items and table rows, without the markup."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.encoding import decode

if TYPE_CHECKING:
    from markdown_it.token import Token

_TEXTUAL = {"text", "code_inline"}


class MarkdownLoader(Loader):
    """CommonMark with tables, read with markdown-it-py."""

    suffixes = frozenset({".md", ".markdown"})

    def load(self, path: Path) -> Extract:
        """Read the file; the canonical text is what a reader of the rendered page sees."""
        from markdown_it import MarkdownIt

        tokens = (
            MarkdownIt("commonmark").enable("table").parse(decode(path.read_bytes(), path.name))
        )
        builder = TextBuilder()
        row: list[str] = []
        for i, token in enumerate(tokens):
            match token.type:
                case "inline":
                    opener = tokens[i - 1]
                    text = _plain(token.children or [])
                    if opener.type == "heading_open":
                        builder.heading(text.replace("\n", " "), int(opener.tag[1:]))
                    elif opener.type in {"th_open", "td_open"}:
                        row.append(text)
                    else:
                        builder.block(text)
                case "tr_close":
                    builder.block(" | ".join(cell for cell in row if cell))
                    row = []
                case "fence" | "code_block":
                    builder.block(token.content)
        return builder.extract()


def _plain(children: Sequence[Token]) -> str:
    parts = []
    for child in children:
        if child.type in _TEXTUAL:
            parts.append(child.content)
        elif child.type in {"softbreak", "hardbreak"}:
            parts.append("\n" if child.type == "hardbreak" else " ")
        elif child.type == "image":
            parts.append(child.content)
    return "".join(parts)
