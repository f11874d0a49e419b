"""Scanned pages are read where Tesseract is installed, and say what to do where it is not."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from citydip_rag.corpus import ReaderProcess, ReadingLimits, ocr, ocr_lines, worker
from citydip_rag.corpus.base import Extract
from citydip_rag.corpus.ocr import missing, named
from citydip_rag.corpus.paragraphs import Line
from citydip_rag.corpus.pdf import PdfLoader
from citydip_rag.errors import DocumentError

tesseract = pytest.mark.skipif(
    bool(missing()), reason=f"Tesseract is not installed; run: {missing()}"
)
KOTA = (
    "Pemerintah kota menandatangani perjanjian kerja sama dengan dua belas kota di luar negeri. "
    "Perjanjian itu mencakup pendidikan, perdagangan, dan pengelolaan sampah rumah tangga."
)
DANA = (
    "Setiap perjanjian ditinjau kembali sesudah lima tahun oleh wali kota dan dewan perwakilan. "
    "Biaya pelaksanaannya dibebankan kepada anggaran daerah masing-masing."
)
ENGLISH = (
    "The harbour council publishes a report on water quality every spring. "
    "Citizens may comment on it within thirty days of its publication."
)
SCANNED = 200
"""Dots per inch."""


def picture(*paragraphs: str, heading: str = "") -> Image.Image:
    """A page of A4 with paragraphs on it, in 12 points."""
    page = Image.new("L", (1654, 2339), "white")
    draw = ImageDraw.Draw(page)
    top = 220
    if heading:
        draw.text((200, top), heading, "black", ImageFont.load_default(SCANNED * 18 / 72))
        top += 130
    for paragraph in paragraphs:
        for line in broken(paragraph):
            draw.text((200, top), line, "black", ImageFont.load_default(SCANNED * 12 / 72))
            top += 46
        top += 40
    return page


def broken(paragraph: str) -> list[str]:
    lines = [""]
    for word in paragraph.split():
        if len(lines[-1]) + len(word) > 64:
            lines.append("")
        lines[-1] += f"{word} "
    return lines


def saved(path: Path, pages: Sequence[Image.Image]) -> Path:
    pages[0].save(path, "PDF", resolution=SCANNED, save_all=True, append_images=pages[1:])
    return path


def with_text_page(path: Path) -> Path:
    """Put a page with a text layer before the scanned ones."""
    from pypdfium2 import PdfDocument, raw

    with PdfDocument(path) as document:
        page = document.new_page(595, 842, 0)
        for number, line in enumerate(("Halaman pertama berisi teks.", "Ia tidak dipindai.")):
            text = raw.FPDFPageObj_NewTextObj(document.raw, b"Helvetica", 12.0)
            units = [*map(ord, line), 0]
            raw.FPDFText_SetText(text, (raw.FPDF_WCHAR * len(units))(*units))
            raw.FPDFPageObj_Transform(text, 1, 0, 0, 1, 72, 700 - 14 * number)
            raw.FPDFPage_InsertObject(page.raw, text)
        page.gen_content()
        mixed = path.with_name("mixed.pdf")
        document.save(mixed)
    return mixed


def paragraphs(extract: Extract) -> list[str]:
    return [extract.text[block.start : block.end] for block in extract.blocks]


def alike(read: str, meant: str) -> bool:
    """Nearly all words were read as they were meant."""
    words = re.findall(r"\w+", read.lower())
    expected = re.findall(r"\w+", meant.lower())
    return sum(word in words for word in expected) >= 0.9 * len(expected) >= 0.8 * len(words)


@tesseract
def test_a_scan_is_read_within_the_reader_s_limits(tmp_path: Path) -> None:
    pages = [picture(KOTA, DANA, heading="Kerja sama antarkota"), picture(ENGLISH)]
    path = saved(tmp_path / "scan.pdf", pages)
    with ReaderProcess() as reader:
        (part,) = reader.read(path, "scan.pdf")
    assert part.extract is not None, part.reason
    extract = part.extract
    found = paragraphs(extract)
    assert len(found) == 3
    assert all(map(alike, found, (KOTA, DANA, ENGLISH)))
    (heading,) = extract.headings
    assert alike(extract.text[heading.start : heading.end], "Kerja sama antarkota")
    assert [page.number for page in extract.pages] == [1, 2]
    assert alike(extract.text[extract.pages[1].start : extract.pages[1].end], ENGLISH)
    assert extract.notes == ("Read by OCR: pages 1-2.",)


@tesseract
@pytest.mark.parametrize("degrees", [90, 180, 270, 1.5])
def test_a_page_that_was_scanned_askew_is_read(tmp_path: Path, degrees: float) -> None:
    turned = picture(KOTA, DANA, ENGLISH).rotate(degrees, expand=True, fillcolor=255)
    extract = PdfLoader().load(saved(tmp_path / "a.pdf", [turned]), "a.pdf")
    assert all(map(alike, paragraphs(extract), (KOTA, DANA, ENGLISH)))


@tesseract
def test_columns_are_read_one_after_the_other(tmp_path: Path) -> None:
    page = Image.new("L", (2900, 2000), "white")
    page.paste(picture(KOTA, DANA, ENGLISH).crop((100, 0, 1500, 1500)), (0, 200))
    page.paste(picture(ENGLISH, KOTA, DANA).crop((100, 0, 1500, 1500)), (1400, 200))
    title = "Kerja sama antarkota di negeri-negeri tepi laut pada abad ini"
    ImageDraw.Draw(page).text((100, 250), title, "black", ImageFont.load_default(70))
    extract = PdfLoader().load(saved(tmp_path / "a.pdf", [page]), "a.pdf")
    assert extract.text.startswith(title)
    assert all(map(alike, paragraphs(extract), (KOTA, DANA, ENGLISH, ENGLISH, KOTA, DANA)))


@tesseract
def test_list_marks_stay_with_their_items(tmp_path: Path) -> None:
    page = Image.new("L", (1654, 2339), "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(33)
    items = [KOTA, DANA, ENGLISH, KOTA]
    top = 220
    for mark, item in zip("1234", items, strict=True):
        draw.text((180, top), f"{mark}.", "black", font)
        for line in broken(item):
            draw.text((280, top), line, "black", font)
            top += 46
        top += 30
    extract = PdfLoader().load(saved(tmp_path / "a.pdf", [page]), "a.pdf")
    assert [text[:3] for text in paragraphs(extract)] == ["1. ", "2. ", "3. ", "4. "]
    assert all(map(alike, paragraphs(extract), items))


@tesseract
def test_scanned_pages_stand_among_the_others(tmp_path: Path) -> None:
    blank = Image.new("L", (1654, 2339), "white")
    path = with_text_page(saved(tmp_path / "a.pdf", [picture(KOTA), blank]))
    extract = PdfLoader().load(path, "a.pdf")
    text, scanned = extract.pages
    assert extract.text[text.start : text.end].startswith("Halaman pertama berisi teks.")
    assert alike(extract.text[scanned.start : scanned.end], KOTA)
    assert scanned.number == 2
    assert extract.notes == ("Read by OCR: page 2.", "OCR found no legible text: page 3.")


@tesseract
def test_nothing_recognised_is_an_error(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pdf", [Image.new("L", (1654, 2339), "white")])
    with pytest.raises(DocumentError, match=r"a\.pdf is scanned.*sharp"):
        PdfLoader().load(path, "a.pdf")


@tesseract
def test_a_poster_is_read_within_the_reader_s_memory(tmp_path: Path) -> None:
    poster = picture(KOTA).resize((6616, 9356))
    poster.save(tmp_path / "a.pdf", "PDF", resolution=150)  # at 300 dpi, a quarter of a gigapixel
    with ReaderProcess() as reader:
        (part,) = reader.read(tmp_path / "a.pdf", "a.pdf")
    assert part.extract is not None, part.reason
    assert alike(part.extract.text, KOTA)


@tesseract
def test_pages_for_which_there_is_no_time_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.pdf", [picture(ENGLISH)])
    with ReaderProcess(ReadingLimits(seconds=4)) as reader:
        (part,) = reader.read(path, "a.pdf")
    assert re.search(r"a\.pdf is scanned.*CITYDIP_READ_SECONDS", part.reason)


@pytest.fixture
def impostor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """A `tesseract` that has the languages it is told, and does on a page what it is told."""
    pytest.importorskip("pytesseract")
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=":")

    def put(languages: str, act: str) -> None:
        program = folder / "tesseract"
        program.write_text(
            f'#!/bin/sh\ncase "$1" in\n--list-langs) printf "{languages}";;\n'
            f"--version) echo tesseract 5.3.0;;\n*) {act};;\nesac\n"
        )
        program.chmod(0o755)

    return put


@pytest.mark.parametrize("act", ["exit 1", "kill -9 $$", "exec sleep 60", "printf x"])
def test_a_tesseract_that_fails_costs_the_page_alone(
    impostor: Callable[[str, str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
) -> None:
    impostor("eng\\n", act)
    monkeypatch.setattr(ocr, "_PAGE_SECONDS", 1.0)
    path = with_text_page(saved(tmp_path / "a.pdf", [picture(KOTA)]))
    extract = PdfLoader().load(path, "a.pdf")
    assert extract.text == "Halaman pertama berisi teks. Ia tidak dipindai.\n"
    (note,) = extract.notes
    assert note.startswith("OCR failed or ran out of time: page 2.")


def test_tesseract_ends_with_its_reader(
    impostor: Callable[[str, str], None], tmp_path: Path
) -> None:
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    impostor("eng\\n", f"touch {begun}; sleep 1; touch {ended}")
    path = saved(tmp_path / "a.pdf", [picture(KOTA)])
    with ReaderProcess() as reader:
        worker._send(reader._started(), {"path": str(path), "source": "a.pdf"})
        deadline = time.monotonic() + 30
        while not begun.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert begun.exists()
    time.sleep(1.2)
    assert not ended.exists()


def test_what_is_missing_is_said(
    impostor: Callable[[str, str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ocr, "_TESSERACT", "apt install tesseract-ocr tesseract-ocr-ind")
    impostor("List of available languages:\\nfra\\n", "exit 1")
    assert missing() == "apt install tesseract-ocr tesseract-ocr-ind"
    impostor("ind\\n", "exit 1")
    assert missing() == ""
    monkeypatch.setattr(ocr, "find_spec", lambda _: None)
    assert missing() == "pip install 'citydip-rag[ocr]'"
    monkeypatch.setattr(shutil, "which", lambda _: None)
    both = "pip install 'citydip-rag[ocr]' && apt install tesseract-ocr tesseract-ocr-ind"
    assert missing() == both
    path = saved(tmp_path / "a.pdf", [picture(KOTA)])
    with pytest.raises(DocumentError, match=r"a\.pdf is scanned") as caught:
        PdfLoader().load(path, "a.pdf")
    advice = f"To have scans read, run: {both}. Then: citydip index --rebuild"
    assert caught.value.remedy == advice
    extract = PdfLoader().load(with_text_page(path), "a.pdf")
    assert extract.notes == (f"Not read, being scanned: page 2. {advice}",)


def test_labels_in_the_margin_belong_to_their_lines() -> None:
    def line(text: str, left: float, right: float, bottom: float) -> Line:
        return Line(text, 1, left, right, bottom + 6, bottom, 12)

    read = [
        line("Menimbang :", 50, 120, 700.5),
        line("a.", 130, 140, 700),
        line("JUDUL", 200, 300, 750),
        line("bahwa satu;", 150, 500, 699),
        line("dan", 150, 200, 650),
        line("berakhir di sini", 50, 120, 600),
        line("Kolom lain", 150, 500, 600),
    ]
    overlooked = [line("b.", 130, 140, 650), line("c.", 130, 140, 500)]
    assert [item.text for item in ocr_lines.with_labels(read, overlooked)] == [
        "JUDUL",
        "Menimbang : a. bahwa satu;",
        "b. dan",
        "berakhir di sini",
        "Kolom lain",
    ]


@pytest.mark.parametrize(
    ("mark", "meant"),
    [("Cc.", "c."), ("(Oo)", "(o)"), ("ab.", "ab."), ("11.", "11."), ("7,", "7."), ("&.", "c.")],
)
def test_marks_are_mended(mark: str, meant: str) -> None:
    assert ocr._mended(mark) == meant


@pytest.mark.parametrize(
    ("numbers", "shown"),
    [([3], "page 3"), ([1, 2], "pages 1-2"), ([1, 2, 3, 7, 9, 10], "pages 1-3, 7, 9-10")],
)
def test_page_numbers_are_written_short(numbers: list[int], shown: str) -> None:
    assert named(numbers) == shown
