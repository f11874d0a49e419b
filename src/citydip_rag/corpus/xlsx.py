"""Excel: a sheet is a section, a row a line in which each cell carries its column's name."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from citydip_rag.corpus.base import Extract, Loader, TextBuilder
from citydip_rag.corpus.office import (
    names_columns,
    one_line,
    own_title,
    split_captions,
    table_blocks,
)
from citydip_rag.corpus.package import open_package
from citydip_rag.errors import DocumentError

MAX_ROWS: Final = 200_000
"""Rows with something in them, in one file."""
_MOST_SCANNED: Final = 10_000_000
"""Empty rows count here too: a single cell far down would otherwise cost minutes."""
_WHOLE: Final = 1e15
"""Larger numbers are not exact in Excel, whose cells hold 15 digits."""


class XlsxLoader(Loader):
    """Workbooks of Excel since 2007, read with openpyxl."""

    suffixes = frozenset({".xlsx", ".xlsm"})

    def load(self, path: Path, name: str) -> Extract:
        """Read every sheet, hidden ones too; of a formula, the value last calculated."""
        with open_package(path, name) as package, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl's, on what it leaves out
            from openpyxl import load_workbook

            workbook = load_workbook(io.BytesIO(package.content), read_only=True, data_only=True)
            builder = TextBuilder()
            counter = _Counter(name)
            for sheet in workbook.worksheets:
                sheet.reset_dimensions()  # some programs write wrong ones
                tables = list(_tables(counter.count(map(_row, sheet.iter_rows()))))
                if tables:
                    builder.heading(one_line(sheet.title), 2)
                for table in tables:
                    for line in table_blocks(table.rows, marked=table.width > 0):
                        builder.block(line)
            return builder.extract(own_title(workbook.properties.title))


@dataclass(slots=True)
class _Counter:
    """Ends the reading of a file with too many rows."""

    name: str
    scanned: int = 0
    filled: int = 0

    def count(self, rows: Iterable[list[str]]) -> Iterator[list[str]]:
        for row in rows:
            self.scanned += 1
            self.filled += bool(row)
            if self.filled > MAX_ROWS or self.scanned > _MOST_SCANNED:
                raise DocumentError(
                    f"{self.name} is too large: it holds more than {MAX_ROWS:,} rows.",
                    "Split it into smaller files.",
                )
            yield row


@dataclass(slots=True)
class _Table:
    """Rows that belong together.

    Attributes:
        start: the sheet's column in which they begin.
        rows: from that column on.
        width: how many columns its first row names; none if it names none.
    """

    start: int
    rows: list[list[str]]
    width: int


def _tables(rows: Iterable[list[str]]) -> Iterator[_Table]:
    """The tables of a sheet: an empty row ends one, unless it goes on in the same columns."""
    table: _Table | None = None
    for filled, group in groupby(rows, key=bool):
        if not filled:
            continue
        block = list(group)
        start = min(next(i for i, cell in enumerate(row) if cell) for row in block)
        if table and _goes_on(table, block, start):
            table.rows += [row[table.start :] for row in block]
            continue
        if table:
            yield table
        cut = [row[start:] for row in block]
        body = split_captions(cut)[1]
        table = _Table(start, cut, len(body[0]) if names_columns(body) else 0)
    if table:
        yield table


def _goes_on(table: _Table, rows: Sequence[list[str]], start: int) -> bool:
    """Do rows below an empty one fill the columns that the table above it has named?"""
    fits = table.start <= start and max(map(len, rows)) <= table.start + table.width
    if not fits or all(sum(map(bool, row)) == 1 for row in rows):
        return False
    cut = [row[start:] for row in rows]
    body = split_captions(cut)[1]
    other = start != table.start or len(body[0]) != table.width or _has_figures(body[1:])
    return not (len(body) < len(cut) or (names_columns(body) and other))


def _has_figures(rows: Iterable[Sequence[str]]) -> bool:
    return any(cell and not any(map(str.isalpha, cell)) for row in rows for cell in row)


def _row(cells: Sequence[Any]) -> list[str]:
    """The texts of a row up to its last filled cell."""
    texts = [_text(cell) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, int | float):
        percent = "%" in (cell.number_format or "")
        return _number(value * 100) + "%" if percent else _number(value)
    if isinstance(value, dt.date | dt.time):
        return _moment(value)
    return one_line(str(value).replace("_x000D_", " "))


def _number(value: float) -> str:
    if value == int(value) and abs(value) < _WHOLE:
        return str(int(value))
    return f"{value:.15g}"


def _moment(value: dt.date | dt.time) -> str:
    """ISO 8601 with a space between date and time; a day without the time is midnight's."""
    if isinstance(value, dt.datetime):
        if value.time() == dt.time():
            return value.date().isoformat()
        return value.isoformat(" ", "seconds")
    return value.isoformat()
