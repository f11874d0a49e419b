"""What a model writes around its words: markers, links, tags, formulas, tables, emphasis."""

from __future__ import annotations

import re
from typing import Final

from citydip_rag.generation.base import ESCAPED_BRACKET

_FILL: Final = "\x1f"
"""Stands for a sign that is not said, so that what is said keeps its place; no text holds it."""
_MARK: Final = (
    r"(?<!\\)(?:[\[【［](?:passage |bagian )?\d{1,3}(?:\s*[,;]\s*\d{1,3})*[\]】］]"
    r"|[\[【]\d{1,3}(?::\d{1,3})?†[^\]】\n]{0,60}[\]】]|\[ ?[?？] ?\])"
)
_MARKS: Final = rf"{_MARK}(?:(?:[ \t]*[,;&]?[ \t]*|[ \t]+(?:dan|and)[ \t]+){_MARK})*"
_MARKERS: Final = re.compile(
    rf"(?<=[.!?…])[ \t]*{_MARKS}[ \t]*[.,;](?=\s|$)|(?<![ \t])[ \t]*{_MARKS}", re.IGNORECASE
)
"""As models write them: [1], [1, 2], [passage 1], 【1】, 【1†source】; [1] and [2]; our own [?]."""
_PLACE: Final = re.compile(r"(?::\d+)?†[^\]】]*")
_NUMBER: Final = re.compile(r"[0-9]+")
_LINK_END: Final = r"\]\((?:[^()\s]|\([^()\s]*\))*(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?\)"
_LINK: Final = re.compile(
    rf"!\[[^\[\]\n]*{_LINK_END}|(?<!\\)\[(?=[^\[\]\n]*{_LINK_END})|{_LINK_END}"
)
_VALUE: Final = r"(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\"'<>]+)"
_TAG: Final = re.compile(
    r"<(script|style)\b[^<>\n]{0,300}>[^\n]{0,500}?</\1>|<!--[^\n]{0,500}?-->"
    rf"|</?[a-z][\w:-]{{0,20}}(?:\s+[\w:@.-]+\s*=\s*{_VALUE})*\s*/?>",
    re.IGNORECASE,
)
_BREAK: Final = re.compile(r"</?(?:br|p|div|li|t[dhr])\b", re.IGNORECASE)
_FORMULA: Final = re.compile(r"\$\$[^$\n]{0,300}\$\$|\\\[[^\n]{0,300}?\\\]|\\\([^\n]{0,300}?\\\)")
_BEFORE_A_SENTENCE: Final = frozenset("\n.!?…:)]】")
_ROW: Final = re.compile(r"^[ \t]*\|.*$", re.MULTILINE)
_FIRST_CELL: Final = re.compile(r"[ \t]*\|[ \t]*(?:\d{1,3}[.)]?[ \t]*\|)?")
_RUN: Final = re.compile(r"[^\w\n]{12,}")
_TAIL: Final = re.compile(rf"(?:[ \t]*{_FILL}+)*")
_RUN_KEPT: Final = 6
"""Signs of a long run that are kept; splitting sentences costs their number cubed."""
_EMPHASIS: Final = re.compile(r"\*\*|__|^#{1,6} |^> ", re.MULTILINE)
_ORPHANS: Final = re.compile(r"(?:[.,;:]+\s+)+")


def masked(text: str) -> str:
    """The text, as long as it was, without what is not said; `said` makes words of parts of it."""
    text = _RUN.sub(lambda run: run[0][:_RUN_KEPT] + _FILL * (len(run[0]) - _RUN_KEPT), text)
    text = _LINK.sub(_filled, text)
    text = _TAG.sub(_tag, text)
    text = _FORMULA.sub(_formula, text)
    text = _ROW.sub(_row, text)
    return _MARKERS.sub(_filled, text)


def spaced(text: str) -> str:
    """A masked text with spaces for what is not said."""
    return text.replace(_FILL, " ")


def with_markers(text: str, end: int) -> int:
    """The end of a sentence of a masked text with the markers that follow it on the same line."""
    tail = _TAIL.match(text, end)
    return tail.end() if tail else end


def said(text: str) -> str:
    """The words of a part of a masked text."""
    words = _EMPHASIS.sub("", text.replace(_FILL, "")).strip()
    orphans = _ORPHANS.match(words)
    words = words[orphans.end() :] if orphans else words
    opened = words.startswith("[") and "]" not in words  # a link that ends in the next sentence
    return words[1:].lstrip() if opened else words


def unescaped(text: str) -> str:
    """A text with the brackets that are its own."""
    return text.replace(ESCAPED_BRACKET, "[").strip()


def numbers(text: str) -> tuple[int, ...]:
    """The passages that a text's markers name."""
    runs = (_PLACE.sub("", run) for run in _MARKERS.findall(text))
    return tuple(dict.fromkeys(int(n) for run in runs for n in _NUMBER.findall(run)))


def _filled(match: re.Match[str]) -> str:
    return _FILL * len(match[0])


def _tag(match: re.Match[str]) -> str:
    """Nothing, or a space where a line or a cell ends."""
    gap = " " if _BREAK.match(match[0]) else _FILL
    return gap + _FILL * (len(match[0]) - 1)


def _formula(match: re.Match[str]) -> str:
    """Nothing where it stands beside a sentence; in a sentence it is one of its words."""
    before = match.string[: match.start()].rstrip(f" \t{_FILL}")
    return _filled(match) if not before or before[-1] in _BEFORE_A_SENTENCE else match[0]


def _row(match: re.Match[str]) -> str:
    """The cells of a row of a table, without its number."""
    row = match[0]
    first = _FIRST_CELL.match(row)
    start = first.end() if first else 0
    end = max(start, len(row.rstrip(f" \t|{_FILL}")))
    cells = row[start:end].replace("|", "—")
    return _FILL * start + cells + _FILL * (len(row) - end)
