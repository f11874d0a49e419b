"""Scanned pages: Tesseract reads the picture, and its words become lines that know their place."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from citydip_rag.corpus.ocr_lines import MARK, Word, lines_of, placed, with_labels
from citydip_rag.corpus.paragraphs import Line

if TYPE_CHECKING:
    from PIL.Image import Image
    from pypdfium2 import PdfDocument, PdfPage

LANGUAGES: Final = ("ind", "eng")
_RESOLUTION: Final = 300
"""Dots per inch: what Tesseract's models were made for."""
_MOST_PIXELS: Final = 25_000_000
"""A larger page, such as a poster, is rendered smaller."""
_PAGE_SECONDS: Final = 60.0
_RESERVE: Final = 10.0
"""Seconds left to the rest of the reading before the reader's alarm goes off."""
_LEAST_CONFIDENCE: Final = 30
"""Of 100; below, a "word" is mostly a stain or a line."""
_DOUBTFUL: Final = 70
"""A page whose words are mostly less certain may lie on its side or stand on its head."""
_ILLEGIBLE: Final = 50
"""A page whose words are mostly less certain than this is a photograph, or handwriting."""
_SURE_OF_ROTATION: Final = 2.0
_LAYOUT, _BLOCK = 3, 6
"""Tesseract's ways to look at a page: find its columns and pictures, or read line by line."""
_WORD: Final = 5
"""Tesseract's level of a word, below page, block, paragraph and line."""


class RecognitionError(Exception):
    """Tesseract failed on a page, or took too long; the other pages are read all the same."""


@dataclass(slots=True)
class Scans:
    """What became of a document's scanned pages.

    Attributes:
        pages: lines of those that were read, by page number.
        notes: what a person should know of the reading.
        advice: what to do about pages that were not read.
    """

    pages: dict[int, list[Line]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    advice: str = ""


def missing() -> str:
    """The command that installs what is missing for reading scans; empty if nothing is."""
    steps = [] if find_spec("pytesseract") else ["pip install 'citydip-rag[ocr]'"]
    if not shutil.which("tesseract") or not (steps or languages()):
        steps.append(_TESSERACT)
    return " && ".join(steps)


_TESSERACT: Final = (
    "brew install tesseract tesseract-lang"
    if sys.platform == "darwin"
    else "apt install tesseract-ocr tesseract-ocr-ind"
)


def languages() -> list[str]:
    """Those of our languages that Tesseract is installed with."""
    from pytesseract import get_languages

    with contextlib.suppress(OSError):
        installed = get_languages()
        return [language for language in LANGUAGES if language in installed]
    return []


def read_scans(document: PdfDocument, numbers: Sequence[int]) -> Scans:
    """Read scanned pages, as many as there is time for."""
    if command := missing():
        advice = f"To have scans read, run: {command}. Then: citydip index --rebuild"
        return Scans(notes=[f"Not read, being scanned: {named(numbers)}. {advice}"], advice=advice)
    scans = Scans()
    empty: list[int] = []
    failed: list[int] = []
    for number in numbers:
        try:
            lines = _page_lines(document, number)
        except RecognitionError:
            failed.append(number)
            continue
        if lines:
            scans.pages[number] = lines
        else:
            empty.append(number)
    _report(scans, empty, failed)
    return scans


def _page_lines(document: PdfDocument, number: int) -> list[Line]:
    from pypdfium2 import PdfiumError

    try:
        page = document[number - 1]
    except PdfiumError as error:
        raise RecognitionError from error
    try:
        return recognize(page, number)
    finally:
        page.close()


def _report(scans: Scans, empty: Sequence[int], failed: Sequence[int]) -> None:
    if scans.pages:
        without = "" if "ind" in languages() else f" Without Indonesian; to add it: {_TESSERACT}."
        scans.notes.append(f"Read by OCR: {named(list(scans.pages))}.{without}")
    if empty:
        scans.advice = "Scan it anew, sharp and at 300 dpi."
        scans.notes.append(f"OCR found no legible text: {named(empty)}.")
    if failed:
        scans.advice = (
            "Allow it more time with CITYDIP_READ_SECONDS, and run: citydip index --rebuild"
        )
        scans.notes.append(f"OCR failed or ran out of time: {named(failed)}. {scans.advice}")


def named(numbers: Sequence[int]) -> str:
    """Page numbers as a person writes them: "page 3", "pages 1-4, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    shown = ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)
    return f"page{'s' if len(numbers) > 1 else ''} {shown}"


def recognize(page: PdfPage, number: int) -> list[Line]:
    """The lines of a scanned page in reading order; none if nothing on it is legible.

    Raises:
        RecognitionError: Tesseract failed, or there was not enough time.
    """
    deadline = time.monotonic() + _seconds()
    dots = _dots_per_point(*page.get_size())
    dpi = round(dots * 72)
    try:
        picture = page.render(scale=dots, grayscale=True).to_pil()
        picture, words = _upright(picture, dpi, deadline)
        if not words or median(word.confidence for word in words) < _ILLEGIBLE:
            return []
        marks = _overlooked_marks(picture, words, dpi, deadline)
    except (RuntimeError, OSError, ValueError, MemoryError, SystemExit) as error:
        raise RecognitionError from error  # pytesseract raises any of them
    lines = lines_of([placed(word, picture.height, dots) for word in words], number)
    labels = lines_of([placed(word, picture.height, dots) for word in marks], number)
    return with_labels(lines, labels)


def _seconds() -> float:
    """How long a page may take: so long that the reader is not ended for it."""
    left = signal.getitimer(signal.ITIMER_REAL)[0] if hasattr(signal, "getitimer") else 0.0
    return min(_PAGE_SECONDS, left - _RESERVE) if left else _PAGE_SECONDS


def _dots_per_point(width: float, height: float) -> float:
    inches = max(width * height, 1) / 72**2
    return float(min(_RESOLUTION, (_MOST_PIXELS / inches) ** 0.5) / 72)


def _upright(picture: Image, dpi: int, deadline: float) -> tuple[Image, list[Word]]:
    """The page and its words; turned first if it was scanned sideways.

    Finding out which way is up takes half as long as reading, so it is asked only in doubt.
    """
    words = _words(picture, dpi, deadline)
    turn = _rotation(picture, dpi, deadline) if _in_doubt(words) else 0
    if turn:
        picture = picture.rotate(-turn, expand=True, fillcolor=255)
        words = _words(picture, dpi, deadline)
    return picture, words


def _overlooked_marks(
    picture: Image, words: Sequence[Word], dpi: int, deadline: float
) -> list[Word]:
    """List marks that Tesseract took for dirt, since they stand in the margin by themselves.

    Without what was read already, the page is read anew in a fifth of the time.
    """
    from PIL import ImageDraw

    rest = ImageDraw.Draw(picture)
    for word in words:
        rest.rectangle((word.left - 2, word.top - 2, word.right + 2, word.bottom + 2), fill=255)
    return [
        replace(word, text=mark, line=(0, 0, number))
        for number, word in enumerate(_words(picture, dpi, deadline, _BLOCK))
        if MARK.fullmatch(mark := _mended(word.text))
    ]


def _mended(mark: str) -> str:
    """A mark as it was meant: by itself, "c." is read as "Cc." or "&.", and "7." as "7,"."""
    mark = re.sub(r",$", ".", mark).translate(_MISREAD)
    return re.sub(r"([A-Z])([a-z])", lambda c: c[2] if c[1] == c[2].upper() else c[0], mark)


_MISREAD: Final = str.maketrans({"&": "c", "€": "e"})


def _in_doubt(words: Sequence[Word]) -> bool:
    """Are there none that make sense, or do they stand upright as on a page on its side?"""
    long = [word for word in words if len(word.text) > 3]
    if not long:
        return True
    upright = sum(word.bottom - word.top > word.right - word.left for word in long)
    return upright > len(long) / 2 or median(word.confidence for word in long) < _DOUBTFUL


def _rotation(picture: Image, dpi: int, deadline: float) -> int:
    """Degrees to turn the page clockwise; 0 where Tesseract is not sure."""
    from pytesseract import TesseractError, image_to_osd

    try:
        with _one_thread():
            found: dict[str, Any] = image_to_osd(
                picture,
                config=f"--dpi {dpi}",
                output_type="dict",
                timeout=_left(deadline),
            )
    except TesseractError:  # too few letters, or no data for it
        return 0
    sure = found.get("orientation_conf", 0) >= _SURE_OF_ROTATION
    return int(found.get("rotate", 0)) if sure else 0


def _words(picture: Image, dpi: int, deadline: float, layout: int = _LAYOUT) -> list[Word]:
    from pytesseract import image_to_data

    with _one_thread():
        found: dict[str, list[Any]] = image_to_data(
            picture,
            lang="+".join(languages()),
            config=f"--dpi {dpi} --psm {layout}",
            output_type="dict",
            timeout=_left(deadline),
        )
    names = (
        "level", "text", "conf", "left", "top", "width", "height",
        "block_num", "par_num", "line_num",
    )  # fmt: skip
    rows = zip(*(found.get(name, []) for name in names), strict=True)
    return [
        Word(str(text).strip(), conf, tuple(place), left, left + width, top, top + height)
        for level, text, conf, left, top, width, height, *place in rows
        if level == _WORD and conf >= _LEAST_CONFIDENCE and str(text).strip()
    ]


def _left(deadline: float) -> float:
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise RecognitionError
    return seconds


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Tesseract is hardly faster with more, and each takes from the memory the reader may have."""
    name = "OMP_THREAD_LIMIT"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
