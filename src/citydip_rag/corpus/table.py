"""Tables in text files, one row a line, each value with its column's name."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.encoding import decode
from citydip_rag.corpus.markup import table_lines
from citydip_rag.errors import DocumentError

MAX_ROWS: Final = 200_000
_DELIMITERS: Final = ",;\t|"
_SAMPLE: Final = 8_192
_LONGEST_NAME: Final = 60
"""Characters; a first row with a longer value holds data, not the names of columns."""


class CsvLoader(Loader):
    """Comma separated values, and those that are separated otherwise."""

    suffixes = frozenset({".csv", ".tsv"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; the canonical text has a line for every row that is not empty."""
        rows = _rows(decode(path.read_bytes(), name), name)
        above = _lines_above(rows)
        table = rows[above:]
        builder = TextBuilder()
        for line in [*table_lines(rows[:above], headed=False), *_table(table)]:
            builder.block(line)
        return builder.extract()


def _rows(text: str, name: str) -> list[list[str]]:
    delimiter, body = _delimiter(text)
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(body, newline=""), delimiter=delimiter):
            cells = [" ".join(cell.split()) for cell in row]
            if any(cells):
                rows.append(cells)
            if len(rows) > MAX_ROWS:
                raise DocumentError(
                    f"{name} has more than {MAX_ROWS:,} rows.", "Split it into smaller files."
                )
    except csv.Error as error:
        raise DocumentError(
            f"{name} is not a right table: {error}.",
            "Look for a quotation mark that is not closed, or save it from your spreadsheet again.",
        ) from error
    return rows


def _delimiter(text: str) -> tuple[str, str]:
    """What separates the values, and the text without the line in which Excel may say so."""
    first, _, rest = text.partition("\n")
    if first[:4].lower() == "sep=" and len(first) == 5:
        return first[4], rest
    sample = text[:_SAMPLE]
    sample = sample[: sample.rfind("\n") + 1] or sample
    try:
        return csv.Sniffer().sniff(sample, _DELIMITERS).delimiter, text
    except csv.Error:  # a single column, or rows of many lengths
        return max(_DELIMITERS, key=sample.count), text


def _lines_above(rows: Sequence[Sequence[str]]) -> int:
    """How many lines stand above the table: titles, which fill only the first of its columns."""
    width = max((len(row) for row in rows), default=0)
    if width < 2:
        return 0
    filled = (sum(map(bool, row)) > 1 for row in rows)
    return next((number for number, is_row in enumerate(filled) if is_row), 0)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    return table_lines(rows, headed=bool(rows) and _is_head(rows[0]))


def _is_head(row: Sequence[str]) -> bool:
    """Names of columns are all there, are words, are short and differ."""
    return len(row) > 1 and len(set(row)) == len(row) and all(map(_is_column_name, row))


def _is_column_name(cell: str) -> bool:
    return len(cell) <= _LONGEST_NAME and any(map(str.isalpha, cell))
