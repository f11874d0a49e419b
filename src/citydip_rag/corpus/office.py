"""What the loaders of office files have in common: clean lines, tables, titles worth having."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from citydip_rag.corpus.markup import table_lines

_SPACE: Final = re.compile(r"[ \t\r\f\v]+")
_LONGEST_NAME: Final = 60
"""Characters of a column's name, as many as `table_lines` prints."""
_YEAR: Final = re.compile(r"(19|20)[0-9]{2}")
_NO_TITLE: Final = re.compile(
    r"(microsoft (word|powerpoint|excel)( -.*)?|(word )?(document|dokumen)\s*\d*"
    r"|(powerpoint )?(presentation|presentasi)\s*\d*|(book|workbook|buku kerja)\s*\d*"
    r"|untitled.*|tanpa judul.*|title|judul|slide \d+"
    r"|.*\.(docx?|dotx?|pptx?|xls[xm]?|od[tps]|rtf))",
    re.IGNORECASE | re.DOTALL,
)
"""What programs write into the field for the title when nobody does."""


def tidy(text: str) -> str:
    """Text with single spaces, without empty lines; its line breaks are kept."""
    lines = (_SPACE.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def one_line(text: str | None) -> str:
    """Text with single spaces and no line breaks, as headings and cells have it."""
    return " ".join((text or "").split())


def own_title(title: str | None) -> str:
    """The title in a file's properties, or nothing if no person gave it."""
    title = one_line(title)
    return "" if _NO_TITLE.fullmatch(title) else title


def table_blocks(rows: Sequence[Sequence[str]], *, marked: bool = False) -> list[str]:
    """A table as text, one line a row, as `table_lines` has it, with nothing lost.

    Rows above the table proper that have a single cell are its captions. The names of columns
    that have nothing in them are a line of their own.

    Args:
        rows: cells of one line each; those that a merged cell covers are empty.
        marked: the file says that the first row names the columns.
    """
    captions, body = split_captions([row for row in rows if any(row)])
    if marked and body:
        headed = all(len(cell) <= _LONGEST_NAME for cell in body[0])
    else:
        headed = names_columns(body)
    lines = table_lines(body, headed=headed)
    unused = _unused_names(body) if headed and len(body) > 1 else []
    return [*captions, *([" | ".join(unused)] if unused else []), *lines]


def split_captions(
    rows: Sequence[Sequence[str]],
) -> tuple[list[str], Sequence[Sequence[str]]]:
    """Leading rows with a single cell, if there are fuller ones below, and the other rows."""
    count = 0
    while count < len(rows) and _filled(rows[count]) == 1:
        count += 1
    if count == len(rows):
        return [], rows
    return ["".join(row) for row in rows[:count]], rows[count:]


def names_columns(rows: Sequence[Sequence[str]]) -> bool:
    """Does the first row look as if it named the columns: a short text in every cell?"""
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    first = rows[0]
    years = {cell for cell in first if _YEAR.fullmatch(cell)}
    return len(first) >= max(map(len, rows)) and all(
        _is_name(cell) or (len(years) > 1 and cell in years) for cell in first
    )


def _is_name(cell: str) -> bool:
    """A name of a column; what ends or begins with a colon is part of a form."""
    return (
        0 < len(cell) <= _LONGEST_NAME
        and any(character.isalpha() for character in cell)
        and not cell.endswith((":", ";", ","))
        and not cell.startswith(":")
    )


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell) for cell in row)


def _unused_names(rows: Sequence[Sequence[str]]) -> list[str]:
    names = rows[0]
    # A single cell among several columns is a line across the table, and bears no name.
    named = [row for row in rows[1:] if len(row) > 1 or len(names) == 1]
    used = {column for row in named for column, cell in enumerate(row) if cell}
    return [name for column, name in enumerate(names) if name and column not in used]
