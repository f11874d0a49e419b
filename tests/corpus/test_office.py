"""Word, PowerPoint, Excel, OpenDocument and rich text: their text, all of it, or an error."""

from __future__ import annotations

import datetime as dt
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docx import Document
from docx.enum.style import WD_STYLE_TYPE
from docx.oxml.parser import parse_xml
from docx.shared import Inches
from openpyxl import Workbook
from pptx import Presentation
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE

from citydip_rag.corpus import xlsx as xlsx_module
from citydip_rag.corpus.base import MAX_MEMBERS, Extract, Loader
from citydip_rag.corpus.docx import DocxLoader
from citydip_rag.corpus.odf import OdfLoader
from citydip_rag.corpus.office import own_title, table_blocks
from citydip_rag.corpus.package import open_package, read_member
from citydip_rag.corpus.pptx import PptxLoader
from citydip_rag.corpus.rtf import RtfLoader
from citydip_rag.corpus.xlsx import XlsxLoader
from citydip_rag.errors import DocumentError

LOADERS: dict[str, Loader] = {
    suffix: loader
    for loader in (DocxLoader(), PptxLoader(), XlsxLoader(), OdfLoader(), RtfLoader())
    for suffix in loader.suffixes
}
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "haha"><!ENTITY b "&a;&a;&a;&a;">'
    b'<!ENTITY c SYSTEM "file:///etc/passwd">]>'
)


def load(path: Path) -> Extract:
    return LOADERS[path.suffix].load(path, path.name)


def lines(extract: Extract) -> list[str]:
    """Headings with a # for each level, and blocks, in their order; the offsets are checked."""
    items: list[Any] = sorted([*extract.headings, *extract.blocks], key=lambda item: item.start)
    shown = [extract.text[item.start : item.end] for item in items]
    assert "".join("".join(shown).split()) == "".join(extract.text.split())
    assert all(text == text.strip() != "" for text in shown)
    return [
        f"{'#' * getattr(item, 'level', 0)} {text}".strip()
        for item, text in zip(items, shown, strict=True)
    ]


def repack(path: Path, changes: dict[str, Callable[[bytes], bytes]]) -> None:
    """Rewrite members of a zip file, or add them."""
    with zipfile.ZipFile(path) as package:
        members = {name: package.read(name) for name in package.namelist()}
    for name, change in changes.items():
        members[name] = change(members.get(name, b""))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in members.items():
            package.writestr(name, content)


def save_docx(path: Path, *paragraphs: str) -> None:
    """A Word file whose body is the given XML."""
    document = Document()
    for paragraph in paragraphs:
        document.element.body.insert(-1, parse_xml(paragraph))
    document.save(str(path))


# Word


def test_word_headings_paragraphs_and_lists_in_order(tmp_path: Path) -> None:
    document = Document()
    chapter = document.styles.add_style("Bab Saya", WD_STYLE_TYPE.PARAGRAPH)
    chapter.base_style = document.styles["Heading 2"]
    document.styles.add_style("Judul 3", WD_STYLE_TYPE.PARAGRAPH)
    document.add_paragraph("Diplomasi\nKota", style="Title")
    document.add_heading("Latar  belakang", 1)
    document.add_paragraph("Kota bekerja sama.\tSejak lama.\nBaris dua.")
    document.add_paragraph("")
    document.add_paragraph("Satu", style="List Bullet")
    document.add_paragraph("Dua", style="List Number")
    document.add_paragraph("Peran", style="Bab Saya")
    document.add_paragraph("Isi peran.")
    document.add_paragraph("Rincian", style="Judul 3")
    document.add_paragraph("Isi rincian.")
    document.core_properties.title = "Buku Diplomasi"
    document.save(str(path := tmp_path / "a.docx"))
    extract = load(path)
    assert lines(extract) == [
        "# Diplomasi Kota",
        "## Latar belakang",
        "Kota bekerja sama. Sejak lama.\nBaris dua.",
        "Satu",
        "Dua",
        "### Peran",
        "Isi peran.",
        "#### Rincian",
        "Isi rincian.",
    ]
    assert extract.title == "Buku Diplomasi"
    assert extract.pages == ()


def test_word_outline_levels_and_styles_in_a_circle(tmp_path: Path) -> None:
    document = Document()
    first, second = (
        document.styles.add_style(name, WD_STYLE_TYPE.PARAGRAPH) for name in ("Satu", "Dua")
    )
    first.base_style, second.base_style = second, first
    document.add_paragraph("Bukan judul.", style="Satu")
    outlined = document.add_paragraph("Bagian")
    outlined.paragraph_format.element.get_or_add_pPr().append(
        parse_xml(f'<w:outlineLvl {W} w:val="1"/>')
    )
    body = document.add_paragraph("Daftar isi", style="Heading 1")
    body.paragraph_format.element.get_or_add_pPr().append(
        parse_xml(f'<w:outlineLvl {W} w:val="9"/>')
    )
    document.add_heading("Kosong", 1)
    document.save(str(path := tmp_path / "a.docx"))
    assert lines(load(path)) == ["Bukan judul.", "## Bagian", "Daftar isi", "Kosong"]


def test_word_insertions_stay_and_deletions_go(tmp_path: Path) -> None:
    save_docx(
        path := tmp_path / "a.docx",
        f"<w:p {W}><w:r><w:t>Biaya </w:t></w:r>"
        '<w:del w:id="1"><w:r><w:delText>sepuluh</w:delText></w:r></w:del>'
        '<w:ins w:id="2"><w:r><w:t>dua</w:t></w:r><w:r><w:t xml:space="preserve"> </w:t></w:r>'
        "<w:r><w:t>juta</w:t></w:r></w:ins>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>rahasia</w:t></w:r>"
        '<w:r><w:rPr><w:vanish w:val="0"/></w:rPr><w:t xml:space="preserve"> rupiah</w:t></w:r>'
        "<w:r><w:instrText>PAGE</w:instrText></w:r>"
        '<w:hyperlink w:anchor="x"><w:r><w:t>.</w:t></w:r></w:hyperlink></w:p>',
        f"<w:sdt {W}><w:sdtPr><w:alias w:val='x'/></w:sdtPr><w:sdtContent>"
        "<w:p><w:r><w:t>Dalam kendali isi.</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        f"<w:moveFrom {W}><w:p><w:r><w:t>Dipindah.</w:t></w:r></w:p></w:moveFrom>",
    )
    assert lines(load(path)) == ["Biaya dua juta rupiah.", "Dalam kendali isi."]


def test_word_text_boxes_and_footnotes_stand_below_their_paragraph(tmp_path: Path) -> None:
    box = "<w:txbxContent><w:p><w:r><w:t>Isi kotak.</w:t></w:r></w:p></w:txbxContent>"
    save_docx(
        path := tmp_path / "a.docx",
        f'<w:p {W} {MC}><w:r><w:t>Induk</w:t><w:footnoteReference w:id="2"/>'
        f"<mc:AlternateContent><mc:Choice Requires='wps'><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        "<w:r><w:t>nya.</w:t></w:r></w:p>",
        f"<w:p {W}><w:r><w:t>Berikutnya.</w:t></w:r></w:p>",
    )
    notes = (
        f'<w:footnotes {W}><w:footnote w:id="0"><w:p><w:r><w:t>pemisah</w:t></w:r></w:p>'
        '</w:footnote><w:footnote w:id="2"><w:p><w:r><w:footnoteRef/></w:r><w:r>'
        "<w:t> Lihat bab dua.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    )
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/footnotes"
    repack(
        path,
        {
            "word/footnotes.xml": lambda _: notes.encode(),
            "word/_rels/document.xml.rels": lambda xml: xml.replace(
                b"</Relationships>",
                f'<Relationship Id="n1" Type="{kind}" Target="footnotes.xml"/>'.encode()
                + b"</Relationships>",
            ),
        },
    )
    assert lines(load(path)) == ["Induknya.", "Lihat bab dua.", "Isi kotak.", "Berikutnya."]


def test_word_tables(tmp_path: Path) -> None:
    document = Document()
    plain = document.add_table(3, 3)
    for row, texts in zip(
        plain.rows,
        [("Kota", "Provinsi", "Tahun"), ("Bandung", "Jawa\nBarat", "1810"), ("Medan", "", "1590")],
        strict=True,
    ):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    document.add_paragraph("Lalu:")
    merged = document.add_table(4, 3)
    for index, text in enumerate(["a", "b", "c", "d", "e", "f", "9", "8", "7"]):
        merged.cell(1 + index // 3, index % 3).text = text
    merged.cell(0, 0).merge(merged.cell(0, 2)).text = "Di atas semua"
    merged.cell(1, 0).merge(merged.cell(2, 0)).text = "a"
    form = document.add_table(2, 2)
    for index, text in enumerate(["Nama:", "Siti", "Alamat:", "Jalan Braga"]):
        form.cell(index // 2, index % 2).text = text
    frame = document.add_table(1, 1)
    frame.cell(0, 0).text = "Kalimat satu."
    frame.cell(0, 0).add_paragraph("Kalimat dua.")
    document.save(str(path := tmp_path / "a.docx"))
    assert lines(load(path)) == [
        "Kota: Bandung | Provinsi: Jawa Barat | Tahun: 1810",
        "Kota: Medan | Tahun: 1590",
        "Lalu:",
        "Di atas semua",
        "b: e | c: f",
        "a: 9 | b: 8 | c: 7",
        "Nama: | Siti",
        "Alamat: | Jalan Braga",
        "Kalimat satu.",
        "Kalimat dua.",
    ]


def test_a_table_loses_nothing() -> None:
    long = "Nama kolom yang lebih panjang daripada enam puluh huruf, jadi sebuah kalimat"
    assert table_blocks([["Kota", "Catatan"], ["Bandung", ""]]) == ["Catatan", "Kota: Bandung"]
    assert table_blocks([[long, "B"], ["x", "y"]], marked=True) == [f"{long} | B", "x | y"]
    assert table_blocks([["Kota", "2019", "2020"], ["Solo", "1", "2"]]) == [
        "Kota: Solo | 2019: 1 | 2020: 2"
    ]
    assert table_blocks([["Solo", "2019"], ["Medan", "2020"]]) == ["Solo | 2019", "Medan | 2020"]
    assert table_blocks([["Satu"], ["Dua"]], marked=True) == ["Satu: Dua"]
    assert table_blocks([], marked=True) == []


@pytest.mark.parametrize(
    "title",
    [
        "",
        " ",
        "Microsoft Word - surat.doc",
        "Document1",
        "untitled",
        "Word Document",
        "a.docx",
        "PowerPoint Presentation",
        "Dokumen 2",
        "Presentasi1",
        "Slide 1",
        "Book1",
        "Untitled-3",
    ],
)
def test_titles_no_person_gave(title: str) -> None:
    assert own_title(title) == ""
    assert own_title("Rencana  Kerja") == "Rencana Kerja"


# PowerPoint


def text_box(shapes: Any, left: float, top: float, text: str) -> Any:
    box = shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
    box.text_frame.text = text
    return box


def test_slides(tmp_path: Path) -> None:
    show = Presentation()
    first = show.slides.add_slide(show.slide_layouts[5])
    text_box(first.shapes, 5, 3.02, "Kanan\vbaris dua")
    text_box(first.shapes, 1, 5, "Bawah")
    text_box(first.shapes, 1, 3.05, "Kiri satu\nKiri dua")
    group = first.shapes.add_group_shape()
    inner = group.shapes.add_group_shape()
    text_box(inner.shapes, 1, 6, "Dalam kelompok")
    first.shapes.title.text = "Diplomasi\nKota"
    first.notes_slide.notes_text_frame.text = "Ingat salam.\nTutup."
    second = show.slides.add_slide(show.slide_layouts[5])
    second.shapes.title.text = "Tabel"
    table = second.shapes.add_table(3, 2, Inches(1), Inches(2), Inches(4), Inches(1)).table
    for index, text in enumerate(["Kota", "Tahun", "Solo", "1745", "Kosong", ""]):
        table.cell(index // 2, index % 2).text = text
    table.cell(2, 0).merge(table.cell(2, 1))
    show.slides.add_slide(show.slide_layouts[6])
    third = show.slides.add_slide(show.slide_layouts[6])
    data = CategoryChartData()
    data.categories = ["2023", "2024"]
    data.add_series("Anggaran", (10, 12.5))
    third.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(4), data
    )
    show.save(str(path := tmp_path / "a.pptx"))
    extract = load(path)
    assert lines(extract) == [
        "# Diplomasi Kota",
        "Kiri satu",
        "Kiri dua",
        "Kanan\nbaris dua",
        "Bawah",
        "Dalam kelompok",
        "Ingat salam.",
        "Tutup.",
        "## Tabel",
        "Kota: Solo | Tahun: 1745",
        "Kosong",
        "2023 | Anggaran: 10",
        "2024 | Anggaran: 12.5",
    ]
    assert [page.number for page in extract.pages] == [1, 2, 4]
    assert extract.text[extract.pages[1].start : extract.pages[1].end].startswith("Tabel\n")
    assert extract.title == ""


# Excel


def test_sheets(tmp_path: Path) -> None:
    book = Workbook()
    sheet = book.active
    sheet.title = "Anggaran 2024"
    for row in [
        [None, "Anggaran kota"],
        [None, "Kota", "Tanggal", "Juta", "Bagian", "Sah"],
        [None, "Bandung", dt.datetime.fromisoformat("2024-05-14"), 12.0, 0.25, True],
        [None, "Solo\nRaya", dt.datetime.fromisoformat("2024-05-14 09:30"), 0.1 + 0.2, None, False],
        [],
        [None, "Medan", dt.date(2024, 6, 1), 7, None, None],
        [],
        [None, "Sumber: BPS"],
        [],
        [None, "Sungai", "Panjang"],
        [None, "Citarum", 297],
    ]:
        sheet.append(row)
    sheet["E3"].number_format = sheet["E4"].number_format = "0%"
    sheet["Z400"].number_format = "0%"
    book.create_sheet("Kosong")
    hidden = book.create_sheet("Rahasia")
    hidden.sheet_state = "hidden"
    hidden.append(["Isi lembar tersembunyi", dt.time(8, 5)])
    book.properties.title = "APBD"
    book.save(path := tmp_path / "a.xlsx")
    # A formula as Excel stores it, with the value it last had.
    repack(
        path,
        {
            "xl/worksheets/sheet3.xml": lambda xml: xml.replace(
                b"</row>", b'<c r="C1"><f>1+1</f><v>2</v></c></row>'
            )
        },
    )
    extract = load(path)
    assert lines(extract) == [
        "## Anggaran 2024",
        "Anggaran kota",
        "Kota: Bandung | Tanggal: 2024-05-14 | Juta: 12 | Bagian: 25% | Sah: TRUE",
        "Kota: Solo Raya | Tanggal: 2024-05-14 09:30:00 | Juta: 0.3 | Sah: FALSE",
        "Kota: Medan | Tanggal: 2024-06-01 | Juta: 7",
        "Sumber: BPS",
        "Sungai: Citarum | Panjang: 297",
        "## Rahasia",
        "Isi lembar tersembunyi | 08:05:00 | 2",
    ]
    assert extract.title == "APBD"


def test_a_sheet_with_wrong_dimensions_and_one_with_too_many_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("A")
    for number in range(20):
        sheet.append([f"baris {number}", number])
    book.save(path := tmp_path / "a.xlsx")
    repack(
        path,
        {
            "xl/worksheets/sheet1.xml": lambda xml: xml.replace(
                b"<sheetData>", b'<dimension ref="A1"/><sheetData>'
            )
        },
    )
    assert lines(load(path))[-1] == "baris 19 | 19"
    monkeypatch.setattr(xlsx_module, "MAX_ROWS", 19)
    with pytest.raises(DocumentError, match=r"a\.xlsx is too large: it holds more than 19 rows"):
        load(path)


# OpenDocument

ODF_NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in [
        ("office", "office"),
        ("text", "text"),
        ("table", "table"),
        ("style", "style"),
        ("draw", "drawing"),
    ]
)


def save_odt(path: Path, body: str, **members: str) -> None:
    content = (
        f"<office:document-content {ODF_NAMES}><office:automatic-styles>"
        '<style:style style:name="P1" style:parent-style-name="Title"/></office:automatic-styles>'
        f"<office:body><office:text>{body}</office:text></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        package.writestr("content.xml", content)
        for name, member in members.items():
            package.writestr(name.replace("__", "/") + ".xml", member)


def test_open_document(tmp_path: Path) -> None:
    def row(*cells: str) -> str:
        inner = "".join(f"<table:table-cell>{cell}</table:table-cell>" for cell in cells)
        return f"<table:table-row>{inner}</table:table-row>"

    def p(text: str) -> str:
        return f"<text:p>{text}</text:p>"

    save_odt(
        path := tmp_path / "a.odt",
        "<text:tracked-changes><text:changed-region><text:deletion><text:p>Dihapus.</text:p>"
        "</text:deletion></text:changed-region></text:tracked-changes>"
        '<text:p text:style-name="P1">Rencana</text:p>'
        '<text:h text:outline-level="1">Bab <text:span>satu</text:span></text:h>'
        + p(
            "Induk<text:note><text:note-citation>1</text:note-citation><text:note-body>"
            "<text:p>Catatan kaki.</text:p></text:note-body></text:note>nya"
            '<text:s text:c="3"/>panjang<text:line-break/>dua.<!-- komentar --> Akhir.'
            "<office:annotation><text:p>Komentar.</text:p></office:annotation>"
            "<draw:frame><draw:text-box><text:p>Kotak.</text:p></draw:text-box></draw:frame>"
        )
        + f"<text:section><text:list><text:list-item>{p('Satu')}<text:list><text:list-item>"
        f"{p('Dalam')}</text:list-item></text:list></text:list-item></text:list></text:section>"
        "<table:table><table:table-header-rows>"
        + row(p("Kota"), p("12"))
        + "</table:table-header-rows>"
        + row(p("Solo") + p("Raya"), p("x"))
        + '<table:table-row><table:table-cell table:number-columns-spanned="2">'
        + p("Melintang")
        + "</table:table-cell><table:covered-table-cell/></table:table-row>"
        '<table:table-row table:number-rows-repeated="1000000"><table:table-cell '
        'table:number-columns-repeated="1000000"/></table:table-row></table:table>',
        meta='<m xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Rencana Kota</dc:title></m>',
    )
    extract = load(path)
    assert lines(extract) == [
        "# Rencana",
        "## Bab satu",
        "Induknya panjang\ndua. Akhir.",
        "Catatan kaki.",
        "Kotak.",
        "Satu",
        "Dalam",
        "Kota: Solo Raya | 12: x",
        "Melintang",
    ]
    assert extract.title == "Rencana Kota"


def test_an_encrypted_open_document(tmp_path: Path) -> None:
    save_odt(path := tmp_path / "a.odt", "", **{"META-INF__manifest": "<m><encryption-data/></m>"})
    with pytest.raises(DocumentError, match=r"a\.odt is protected by a password"):
        load(path)


# Rich text


def test_rich_text(tmp_path: Path) -> None:
    path = tmp_path / "a.rtf"
    path.write_bytes(
        rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fswiss\fcharset0 Arial;}}{\info{\title Surat Kota}}"
        rb"{\header Kepala surat\par}\f0 Surat Keputusan\par "
        rb"Caf\'e9 \u8220?kota\u8221? \u-10179?\u-8704?{\super\chftn}"
        rb"{\footnote\pard\plain {\super\chftn} Lihat pasal \{dua\}.\par} dibuka.\par "
        rb'{\field{\*\fldinst{HYPERLINK "http://rahasia.id"}}{\fldrslt{Tautan}}} di sini.\par '
        rb"\trowd\intbl Kota\cell Tahun\cell\row\intbl Solo\cell 1745\cell\row\pard Selesai.\par}"
    )
    extract = load(path)
    assert lines(extract) == [
        "# Surat Keputusan",
        "Café “kota” 😀 dibuka.",
        "Tautan di sini.",
        "Kota: Solo | Tahun: 1745",
        "Selesai.",
        "Lihat pasal {dua}.",
    ]
    assert extract.title == "Surat Kota"
    path.write_bytes(b"bukan teks kaya")
    with pytest.raises(DocumentError, match=r"a\.rtf is damaged"):
        load(path)


# What cannot be read


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".xlsm", ".odt"])
def test_what_is_no_package_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"secret-path{suffix}"
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as package:
        package.writestr("readme.txt", "bukan dokumen")
    for content, reason in [
        (b"", "is empty"),
        (
            bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512),
            "is protected by a password, or of an old",
        ),
        (b"halo", "is damaged"),
        (other.getvalue()[:-9], "is damaged"),
        (other.getvalue(), "is damaged"),
    ]:
        path.write_bytes(content)
        with pytest.raises(DocumentError, match=rf"^laporan {reason}") as caught:
            LOADERS[suffix].load(path, "laporan")
        assert "secret-path" not in str(caught.value)


def zeros(path: Path, size: int) -> zipfile.ZipInfo:
    """A zip file with one member, of zeros, that takes no memory to make."""
    block = bytes(1024 * 1024)
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as package,
        package.open("content.xml", "w") as stream,
    ):
        for _ in range(size // len(block)):
            stream.write(block)
    return zipfile.ZipFile(path).infolist()[0]


def lie(path: Path, real: int, said: int) -> None:
    """Have the headers declare fewer bytes, with the checksum that those would have."""
    old = struct.pack("<I", real)
    content = path.read_bytes()
    assert content.count(old) >= 2
    with zipfile.ZipFile(path) as package:
        checksum = struct.pack("<I", package.infolist()[0].CRC)
    content = content.replace(old, struct.pack("<I", said))
    path.write_bytes(content.replace(checksum, struct.pack("<I", zlib.crc32(bytes(said)))))


def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bom.odt"
    size = 400 * 1024 * 1024
    zeros(path, size)
    with pytest.raises(DocumentError, match=r"bom\.odt holds more than 300 MB when unpacked"):
        load(path)
    lie(path, size, 1000)
    with pytest.raises(DocumentError, match=r"bom\.odt holds more than 300 MB when unpacked"):
        load(path)
    with (
        zipfile.ZipFile(path) as package,
        pytest.raises(DocumentError, match=r"^x holds more than 300 MB"),
    ):
        read_member(package, "content.xml", "x")


def test_headers_that_lie_and_parts_that_are_odd(tmp_path: Path) -> None:
    path = tmp_path / "a.odt"
    zeros(path, 2 * 1024 * 1024)
    lie(path, 2 * 1024 * 1024, 1000)
    with pytest.raises(DocumentError, match="is damaged"):
        load(path)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as package:
        package.writestr("content.xml", "<a/>")
    with pytest.raises(DocumentError, match="is damaged"):
        load(path)
    with zipfile.ZipFile(path, "w") as package:
        for number in range(MAX_MEMBERS + 1):
            package.writestr(str(number), "")
    with pytest.raises(DocumentError, match=r"more than 2000 parts"):
        load(path)
    with zipfile.ZipFile(path, "w") as package:
        package.writestr("content.xml", "<a/>")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=r"is protected by a password"):
        load(path)


def test_members_are_read_or_missed(tmp_path: Path) -> None:
    save_odt(path := tmp_path / "a.odt", "")
    with open_package(path, "x") as package:
        assert read_member(package, "mimetype", "x").endswith(b"opendocument.text")
        with pytest.raises(DocumentError, match=r"^x is damaged"):
            read_member(package, "absent.xml", "x")


def simple_file(path: Path) -> Path:
    """A small, valid file of the kind its name says."""
    if path.suffix == ".docx":
        document = Document()
        document.add_heading("Kota", 1)
        document.add_paragraph("Isi dokumen.")
        document.add_table(2, 2)
        document.save(str(path))
    elif path.suffix == ".pptx":
        show = Presentation()
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = "Kota"
        slide.placeholders[1].text = "Isi dokumen."
        show.save(str(path))
    elif path.suffix == ".xlsx":
        book = Workbook()
        book.active.append(["Isi dokumen.", 1])
        book.save(path)
    elif path.suffix == ".odt":
        save_odt(path, "<text:p>Isi dokumen.</text:p>")
    else:
        path.write_bytes(
            rb"{\rtf1\ansi{\fonttbl{\f0\fcharset0 Arial;}}\uc1\f0 \u233?\'e9 Isi.\par}"
        )
    return path


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".odt", ".rtf"])
def test_damage_is_an_error_of_ours_and_never_another(tmp_path: Path, suffix: str) -> None:
    path = simple_file(tmp_path / f"a{suffix}")
    whole = path.read_bytes()
    assert "Isi" in load(path).text
    chance = random.Random(7)  # noqa: S311
    for turn in range(60):
        place = chance.randrange(len(whole))
        content = bytearray(whole[:place] if turn % 2 else whole)
        if not turn % 2:
            content[place] ^= chance.randrange(1, 256)
        path.write_bytes(content)
        try:
            assert isinstance(load(path), Extract)
        except DocumentError as error:
            assert error.message.startswith(path.name)  # noqa: PT017


@pytest.mark.parametrize(
    ("suffix", "part"),
    [
        (".docx", "word/document.xml"),
        (".pptx", "ppt/slides/slide1.xml"),
        (".xlsx", "xl/worksheets/sheet1.xml"),
        (".odt", "content.xml"),
    ],
)
def test_damaged_markup_and_entities(tmp_path: Path, suffix: str, part: str) -> None:
    path = simple_file(tmp_path / f"a{suffix}")
    for change in (
        lambda xml: xml[: len(xml) // 2],
        lambda xml: ENTITIES + xml[xml.find(b"?>") + 2 if xml.startswith(b"<?") else 0 :],
    ):
        simple_file(path)
        repack(path, {part: change})
        with pytest.raises(DocumentError, match=rf"a\{suffix} is damaged"):
            load(path)


@pytest.mark.parametrize("suffix", [".docx", ".odt"])
def test_markup_without_end_in_depth(tmp_path: Path, suffix: str) -> None:
    path = simple_file(tmp_path / f"a{suffix}")
    part = "word/document.xml" if suffix == ".docx" else "content.xml"
    for depth in (200, 1000, 100_000):
        deep = {
            part: lambda xml, depth=depth: xml.replace(
                b"Isi dokumen.", b"<a>" * depth + b"Isi dokumen." + b"</a>" * depth
            )
        }
        simple_file(path)
        repack(path, deep)
        try:
            load(path)
        except DocumentError as error:
            assert error.message.startswith(f"a{suffix} is damaged")  # noqa: PT017


# Real files


def test_real_files(shared_data: Path) -> None:
    found = {
        name: lines(load(shared_data / "documents" / name))
        for name in (
            "category-level.docx",
            "docx-tables.docx",
            "handbook-1p.docx",
            "fake-power-point-malformed.pptx",
            "fake-power-point-table.pptx",
            "emoji.xlsx",
            "simple.odt",
            "fake-doc.rtf",
        )
    }
    level = found["category-level.docx"]
    assert [line for line in level if line.startswith("#")] == [
        "# A Heading 1",
        "## A Heading 2",
        "# Another Heading 1",
    ]
    assert {"A top level list item", "Next level", "Same"} < set(level)
    assert level[-1].startswith("There now is your insular city of the Manhattoes")
    assert found["docx-tables.docx"] == [
        "Simple uniform table",
        "Header Col 1: Lorem ipsum | Header Col 2: A link example",
        "Nested Table",
        "a: d | >b<: e f g&t h | c: i",
        "a: j | >b<: k | c: l",
        "Table with merged cells",
        "a | b",
        "c | d",
        "e",
    ]
    handbook = found["handbook-1p.docx"]
    assert handbook[:4] == [
        "CHAPTER 1",
        "INTRODUCTION",
        "CHAPTER 1 – INTRODUCTION",
        "A. PURPOSE",
    ]
    assert any("standing trustee’s primary statutory duties are set forth" in x for x in handbook)
    # A date placeholder that its layout does not have: libraries stumble, the text is there.
    assert found["fake-power-point-malformed.pptx"] == ["# Test Slide", "Problem Date Placeholder"]
    assert found["fake-power-point-table.pptx"][:2] == [
        "# A Slide with a Table",
        "Column 1: Red | Column 2: Green | Column 3: Blue",
    ]
    assert found["emoji.xlsx"] == ["## Sheet1", "🤠😅"]
    assert found["simple.odt"][:4] == [
        "# These are a few of my favorite things:",
        "• Parrots",
        "•",
        "Hockey",
    ]
    assert found["simple.odt"][-1] == "DOYLESTOWN, PA 18901"
    assert found["fake-doc.rtf"] == [
        "# My First Heading",
        "My first paragraph.",
        "Table Example:",
        "Column 1: Row 1, Cell 1 | Column 2: Row 1, Cell 2",
        "Column 1: Row 2, Cell 1 | Column 2: Row 2, Cell 2",
    ]
    with pytest.raises(DocumentError, match=r"password_protected\.xlsx is protected by a password"):
        load(shared_data / "documents" / "password_protected.xlsx")
