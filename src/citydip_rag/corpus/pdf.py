"""PDF: pages of lines, put together into paragraphs that know their page."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.furniture import without_furniture
from citydip_rag.corpus.ocr import Scans, named, read_scans
from citydip_rag.corpus.paragraphs import Line, in_reading_order, joined, read_lines
from citydip_rag.errors import DocumentError

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage, PdfTextPage

MAX_PAGES: Final = 5_000
_FEWEST_LETTERS: Final = 10
"""A page with fewer, and with a picture, is a scan."""
_BROKEN_WORD: Final = "\ufffe"
"""PDFium writes this for a hyphen at a line's end, and for a glyph it cannot name."""
_UNNAMED_FF: Final = re.compile(r"(?<=[a-z])↵(?=[a-z-])")
_JUNK_TITLE: Final = re.compile(
    r"microsoft word|untitled|\.(docx?|rtf|pdf|indd|p65)\b", re.IGNORECASE
)
_PASSWORD_ERROR: Final = 4


class PdfLoader(Loader):
    """PDF with a text layer, read with PDFium; scanned pages by OCR where that is installed."""

    suffixes = frozenset({".pdf"})

    def load(self, path: Path, name: str) -> Extract:
        """Read the file; running headers and footers are left out, hyphenation is undone."""
        with _opened(path, name) as document:
            if len(document) > MAX_PAGES:
                raise DocumentError(
                    f"{name} has {len(document):,} pages; {MAX_PAGES:,} are read at most.",
                    "Split it into several files.",
                )
            pages, scanned, damaged = _read(document)
            title = _title(document)
            # After all text has been read: it takes long, and stops when there is no more time.
            scans = read_scans(document, scanned) if scanned else Scans()
        if len(scanned) == len(pages) and not scans.pages:
            raise DocumentError(
                f"{name} is scanned: its pages are pictures without text.", scans.advice
            )
        for number, lines in scans.pages.items():
            pages[number - 1] = lines
        extract = read_lines(without_furniture(pages), title)
        lost = [f"Damaged and not read: {named(damaged)}."] if damaged else []
        extract.notes = (*scans.notes, *lost)
        return extract


def _read(document: PdfDocument) -> tuple[list[list[Line]], list[int], list[int]]:
    """Lines of every page; numbers of the scanned pages, and of the damaged ones."""
    pages: list[list[Line]] = []
    scanned: list[int] = []
    damaged: list[int] = []
    for number, page in enumerate(_pages(document), start=1):
        lines = in_reading_order(list(_lines(page, number))) if page else []
        if page is None:
            damaged.append(number)
        elif _is_scan(page, lines):
            scanned.append(number)
        pages.append(lines)
    return pages, scanned, damaged


def _opened(path: Path, name: str) -> PdfDocument:
    from pypdfium2 import PdfDocument, PdfiumError

    try:
        return PdfDocument(path)
    except PdfiumError as error:
        if getattr(error, "err_code", None) == _PASSWORD_ERROR:
            raise DocumentError(
                f"{name} is protected by a password.", "Save a copy without one, and index again."
            ) from error
        raise DocumentError(
            f"{name} is damaged, or no PDF.", "Open it in its program and save it anew."
        ) from error


def _pages(document: PdfDocument) -> Iterator[PdfPage | None]:
    """The pages; None for a damaged one, which does not take the others with it."""
    from pypdfium2 import PdfiumError

    for index in range(len(document)):
        try:
            page = document[index]
        except PdfiumError:
            yield None
            continue
        yield page
        page.close()


def _lines(page: PdfPage, number: int) -> Iterator[Line]:
    text_page = page.get_textpage()
    try:
        text = text_page.get_text_range()
        start = 0
        for raw in text.split("\r\n"):
            line = raw.rstrip()
            if line.strip():
                yield _line(text_page, start + len(line) - len(line.lstrip()), line, number)
            start += len(raw) + 2
    finally:
        text_page.close()


def _line(text_page: PdfTextPage, first: int, line: str, number: int) -> Line:
    """A line with its place on the page; `first` is the index of its first character there."""
    text = line.lstrip()
    last = min(first + len(text) - 1, text_page.count_chars() - 1)
    left, _, _, top = text_page.get_charbox(first)
    _, bottom, right, _ = text_page.get_charbox(last)
    return Line(
        text=_mended(text_page, first, text),
        page=number,
        left=left,
        right=right,
        top=top,
        bottom=bottom,
        size=_size(text_page, first),
    )


def _mended(text_page: PdfTextPage, first: int, text: str) -> str:
    """Undo hyphenation, and write out the ligatures that TeX's fonts do not name."""
    pieces = _UNNAMED_FF.sub("ff", text).split(_BROKEN_WORD)
    mended = pieces[0]
    place = first + len(pieces[0])
    for piece in pieces[1:]:
        count = text_page.count_chars()
        before = text_page.get_charbox(max(place - 1, 0))
        after = text_page.get_charbox(min(place + 1, count - 1))
        across_lines = after[3] < before[1]
        mended = joined(mended + "-", piece) if across_lines else f"{mended}ffi{piece}"
        place += 1 + len(piece)
    return mended


def _size(text_page: PdfTextPage, index: int) -> float:
    """Height of the type in points: font size times the scale it is drawn at."""
    from pypdfium2 import raw

    matrix = raw.FS_MATRIX()
    size = float(raw.FPDFText_GetFontSize(text_page.raw, index))
    if raw.FPDFText_GetMatrix(text_page.raw, index, ctypes.byref(matrix)):
        size *= (matrix.c**2 + matrix.d**2) ** 0.5
    return round(size, 1)


def _is_scan(page: PdfPage, lines: list[Line]) -> bool:
    from pypdfium2 import raw

    letters = sum(character.isalnum() for line in lines for character in line.text)
    if letters >= _FEWEST_LETTERS:
        return False
    return any(True for _ in page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _title(document: PdfDocument) -> str:
    """The title the file gives itself, unless its program made it up."""
    title = document.get_metadata_value("Title").replace("\x00", "").strip()
    return "" if _JUNK_TITLE.search(title) or len(title.split()) < 2 else title
