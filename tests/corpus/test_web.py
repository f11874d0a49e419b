"""Web pages, books, messages, tables and archives: all their text, every mishap named."""

from __future__ import annotations

import base64
import io
import random
import socket
import stat
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from citydip_rag.corpus import packed, table
from citydip_rag.corpus.archive import ZipLoader
from citydip_rag.corpus.base import Extract, Loader
from citydip_rag.corpus.eml import EmailLoader
from citydip_rag.corpus.epub import EpubLoader
from citydip_rag.corpus.html import HtmlLoader
from citydip_rag.corpus.markdown import MarkdownLoader
from citydip_rag.corpus.names import MemberNames, harmless
from citydip_rag.corpus.table import CsvLoader
from citydip_rag.errors import DocumentError
from timing import quickest

SENTENCE = (
    "Bandung menjalin hubungan kota kembar dengan kota {} sejak tahun 19{}, dan masih berjalan."
)
PAGE = """<!DOCTYPE html><html><head><meta charset="utf-8"><title>Kota Kembar | Situs Kota</title>
<style>p {{ color: red }}</style></head><body>
<header><p>Situs resmi</p><nav><a href="/">Beranda</a></nav></header>
<article><header><h1>Kota Kembar</h1></header>
{}
<h2>Daftar</h2>
<table><tr><th>Kota</th><th>Tahun</th></tr><tr><td>Braunschweig</td><td>1960</td></tr></table>
<ul><li>Pertukaran pelajar</li><li>Pameran seni</li></ul>
<pre>a = 1
  b = 2</pre>
<footer><p>Catatan kaki.</p></footer></article>
{}<footer><p>Hak cipta 2024.</p></footer><script>alert(1)</script></body></html>"""
PARAGRAPHS = [SENTENCE.format(f"ke-{number}", number) for number in range(40, 60)]
ARTICLE = "\n".join(f"<p>{paragraph}</p>" for paragraph in PARAGRAPHS)
TABLE = ["Daftar", "Kota: Braunschweig | Tahun: 1960", "Pertukaran pelajar", "Pameran seni"]


def extract(loader: Loader, folder: Path, data: bytes | str) -> Extract:
    path = folder / "file"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return loader.load(path, "sumber")


def lines(found: Extract) -> list[str]:
    return found.text.splitlines()


def headings(found: Extract) -> list[tuple[str, int]]:
    return [(found.text[h.start : h.end], h.level) for h in found.headings]


def zipped(files: Mapping[str, bytes | str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def members(loader: Loader, folder: Path, data: bytes) -> dict[str, bytes]:
    path = folder / "file"
    path.write_bytes(data)
    return {member.name: member.content for member in loader.members(path, "sumber")}


# Web pages


def test_a_page_without_its_margins(tmp_path: Path) -> None:
    found = extract(HtmlLoader(), tmp_path, PAGE.format(ARTICLE, ""))
    assert found.title == "Kota Kembar"
    assert lines(found) == [
        "Kota Kembar",
        *PARAGRAPHS,
        *TABLE,
        "a = 1",
        "  b = 2",
        "Catatan kaki.",
    ]
    assert headings(found) == [("Kota Kembar", 1), ("Daftar", 2)]


def test_menus_that_no_element_marks_are_dropped(tmp_path: Path) -> None:
    menu = "".join(f'<li><a href="/{n}">Artikel populer {n}</a></li>' for n in range(40))
    page = PAGE.format(ARTICLE, f'<div class="sidebar" id="sidebar"><ul>{menu}</ul></div>')
    found = extract(HtmlLoader(), tmp_path, page)
    assert "Artikel populer" not in found.text
    assert set(PARAGRAPHS) | set(TABLE) <= set(lines(found))
    assert headings(found) == [("Kota Kembar", 1), ("Daftar", 2)]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("Hanya teks", "Hanya teks\n"),
        ("<nav>Hanya menu</nav>", "Hanya menu\n"),
        ("<h1>Judul</h1><p>Satu<br>dua<p>Tiga", "Judul\nSatu\ndua\nTiga\n"),
        ("<header><h1>Judul</h1><nav>Menu</nav></header><p>Isi", "Judul\nIsi\n"),
        ("<title/><p>Isi &amp; &eacute; &#8211; &unknown;</p>", "Isi & é – &unknown;\n"),
        ("<!-- x -->", ""),
        ("<html></html>", ""),
        ("<p hidden>Rahasia</p><p style='display: none'>Rahasia</p><p>Isi", "Isi\n"),
        ("<table><tr><td>Satu<p>Dua</table>", "Satu\nDua\n"),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><p>Isi &x;", "Isi &x;\n"),
    ],
)
def test_small_and_odd_pages_are_read_whole(tmp_path: Path, page: str, text: str) -> None:
    found = extract(HtmlLoader(), tmp_path, page)
    assert found.text.rpartition("]>\n")[2] == text


@pytest.mark.parametrize(
    ("title", "heading", "expected"),
    [
        ("Kota | Situs", "Kota", "Kota"),
        ("Kota - Situs", "Kota", "Kota"),
        ("Kota | Situs", "Lain", "Kota | Situs"),
        ("Kota-kota dunia", "Kota", "Kota-kota dunia"),
        ("  Kota\n besar ", "", "Kota besar"),
    ],
)
def test_titles(tmp_path: Path, title: str, heading: str, expected: str) -> None:
    page = f"<title>{title}</title><svg><title>Gambar</title></svg><h1>{heading}</h1><p>Isi"
    assert extract(HtmlLoader(), tmp_path, page).title == expected


@pytest.mark.parametrize(
    ("declaration", "encoding"),
    [
        ('<meta charset="utf-8">', "utf-8"),
        ('<meta charset="iso-8859-1">', "cp1252"),
        ("<meta http-equiv='Content-Type' content='text/html; charset=windows-1252'>", "cp1252"),
        ('<?xml version="1.0" encoding="windows-1252"?>', "cp1252"),
        ('<meta charset="utf-8">', "utf-16"),
        ('<meta charset="iso-8859-1">', "utf-8-sig"),
        ('<meta charset="utf-16">', "utf-8"),
        ('<meta charset="nonsens">', "utf-8"),
        ('<meta charset="rot13">', "utf-8"),
        ('<meta charset="punycode">', "utf-8"),
        ('<meta charset="utf-8">', "cp1252"),
        ("", "utf-8"),
    ],
)
def test_encodings_of_pages(tmp_path: Path, declaration: str, encoding: str) -> None:
    data = f"{declaration}<p>Harga kopi “naik” – 5 € di kafé itu.</p>".encode(encoding)
    assert lines(extract(HtmlLoader(), tmp_path, data)) == ["Harga kopi “naik” – 5 € di kafé itu."]


def test_a_declared_encoding_that_is_not_western(tmp_path: Path) -> None:
    data = '<meta charset="shift_jis"><p>大阪市と横浜市</p>'.encode("shift_jis")
    assert lines(extract(HtmlLoader(), tmp_path, data)) == ["大阪市と横浜市"]


def test_pages_that_are_none(tmp_path: Path) -> None:
    for data in (b"", b"  \n", random.Random(1).randbytes(5_000)):  # noqa: S311
        with pytest.raises(DocumentError, match="sumber"):
            extract(HtmlLoader(), tmp_path, data)


def test_no_network_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    page = PAGE.format('<img src="http://example.org/a.png" alt="Balai kota">' + ARTICLE, "")
    linked = page.replace("<style>", '<base href="http://example.org/"><link href="a.css"><style>')
    assert PARAGRAPHS[0] in lines(extract(HtmlLoader(), tmp_path, linked))


def test_when_the_main_part_cannot_be_told_the_page_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> str:
        raise ZeroDivisionError

    monkeypatch.setattr("trafilatura.extract", fail)
    found = extract(HtmlLoader(), tmp_path, PAGE.format(ARTICLE, ""))
    assert set(PARAGRAPHS) <= set(lines(found))
    monkeypatch.setattr("trafilatura.extract", lambda *_, **__: "<p>Sedikit saja</p>")
    assert extract(HtmlLoader(), tmp_path, PAGE.format(ARTICLE, "")).text == found.text


def test_deep_pages_end(tmp_path: Path) -> None:
    extract(HtmlLoader(), tmp_path, "<div>" * 50_000 + "Isi" + "<b>" * 50_000)


def test_real_pages(shared_data: Path) -> None:
    folder = shared_data / "documents"
    report = HtmlLoader().load(folder / "example-10k-1p.html", "report")
    assert "Galaxy Gaming, Inc." in lines(report)
    assert "Nevada | 20-8143439" in lines(report)
    assert "Title of each class | Trading symbol | Name of exchange on which registered" in lines(
        report
    )
    steel = HtmlLoader().load(folder / "example-steelJIS-datasheet-utf-16.html", "steel")
    assert steel.title.startswith("SNB22-3 - SteelJIS - Datasheet")
    assert ("SNB22-3 Chemical composition, standards and properties", 2) in headings(steel)
    assert "C | Si | Mn | P | S | Cr | Mo" in lines(steel)
    assert "日本語" in steel.text
    western = HtmlLoader().load(folder / "fake-html-cp1252.html", "western")
    assert headings(western) == [("My First Heading", 1)]
    assert "Der Preis betrug 15,50 €." in western.text
    assert "El niño comió paella con ñoquis." in western.text


# Books

CONTAINER = (
    '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="OEBPS/isi.opf"/></rootfiles></container>'
)
PACKAGE = """<?xml version="1.0"?><package xmlns="http://www.idpf.org/2007/opf"
 xmlns:dc="http://purl.org/dc/elements/1.1/"><metadata><dc:title>Buku  Kota</dc:title></metadata>
<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="b" href="teks/bab%202.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="teks/bab1.xhtml#awal" media-type="application/xhtml+xml"/>
<item id="x" href="gambar.svg" media-type="image/svg+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="x"/><itemref idref="a"/><itemref idref="b"/></spine>
</package>"""
CHAPTER = (
    '<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"><head>'
    "<title/><script/></head><body><h1>Bab {0}</h1><p>Isi bab {0}.</p></body></html>"
)
BOOK: Mapping[str, str] = {
    "mimetype": "application/epub+zip",
    "META-INF/container.xml": CONTAINER,
    "OEBPS/isi.opf": PACKAGE,
    "OEBPS/nav.xhtml": "<p>Daftar isi</p>",
    "OEBPS/gambar.svg": "<svg/>",
    "OEBPS/teks/bab 2.xhtml": CHAPTER.format(2),
    "OEBPS/teks/bab1.xhtml": CHAPTER.format(1),
}
LOCKED = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container">
<EncryptedData xmlns="http://www.w3.org/2001/04/xmlenc#"><EncryptionMethod Algorithm="{}"/>
<CipherData><CipherReference URI="{}"/></CipherData></EncryptedData></encryption>"""
AES = "http://www.w3.org/2001/04/xmlenc#aes128-cbc"


def test_a_book_in_the_order_of_reading(tmp_path: Path) -> None:
    found = extract(EpubLoader(), tmp_path, zipped(BOOK))
    assert found.title == "Buku Kota"
    assert lines(found) == ["Bab 1", "Isi bab 1.", "Bab 2", "Isi bab 2."]
    assert headings(found) == [("Bab 1", 1), ("Bab 2", 1)]
    blank = zipped({**BOOK, "OEBPS/teks/bab1.xhtml": ""})
    assert lines(extract(EpubLoader(), tmp_path, blank)) == ["Bab 2", "Isi bab 2."]


def test_scrambled_fonts_are_no_lock(tmp_path: Path) -> None:
    for method, place in (
        ("http://www.idpf.org/2008/embedding", "OEBPS/teks/bab1.xhtml"),
        (AES, "OEBPS/font.otf"),
    ):
        book = zipped({**BOOK, "META-INF/encryption.xml": LOCKED.format(method, place)})
        assert extract(EpubLoader(), tmp_path, book).text.startswith("Bab 1")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"META-INF/encryption.xml": LOCKED.format(AES, "OEBPS/teks/bab1.xhtml")}, "protected"),
        ({"META-INF/container.xml": "<container/>"}, "where its content is"),
        ({"META-INF/container.xml": "bukan xml"}, "container.xml is not right"),
        ({"META-INF/container.xml": CONTAINER.replace("isi", "tiada")}, "tiada.opf is missing"),
        ({"OEBPS/isi.opf": PACKAGE[:-30]}, "isi.opf is not right"),
        ({"OEBPS/isi.opf": PACKAGE.replace('ref="a"', 'ref="z"')}, "not in its list"),
        ({"OEBPS/isi.opf": PACKAGE.replace("bab1", "bab9")}, "bab9.xhtml is missing"),
        ({"OEBPS/teks/bab1.xhtml": b"\x00" * 99}, r"sumber \(bab1\.xhtml\)"),
    ],
)
def test_books_that_cannot_be_read(
    tmp_path: Path, changes: dict[str, bytes | str], reason: str
) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        extract(EpubLoader(), tmp_path, zipped({**BOOK, **changes}))
    assert caught.value.message.startswith("sumber")
    assert caught.value.remedy


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    outside = '<!DOCTYPE package [<!ENTITY b SYSTEM "file:///etc/passwd"><!ENTITY a "haha">'
    package = PACKAGE.replace('"1.0"?>', f'"1.0"?>{outside}]>').replace("Kota", "&a;&b;Kota")
    chapter = CHAPTER.format("&a;&b;").replace('"utf-8"?>', f'"utf-8"?>{outside}]>')
    book = {**BOOK, "OEBPS/isi.opf": package, "OEBPS/teks/bab1.xhtml": chapter}
    found = extract(EpubLoader(), tmp_path, zipped(book))
    assert found.title == "Buku &a;&b;Kota"
    assert "Isi bab &a;&b;." in lines(found)


def test_entities_that_grow_are_refused(tmp_path: Path) -> None:
    laughs = '<!ENTITY a0 "haha">' + "".join(
        f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">'  # each ten times the one before
        for n in range(1, 12)
    )
    package = PACKAGE.replace('"1.0"?>', f'"1.0"?><!DOCTYPE package [{laughs}]>')
    book = zipped({**BOOK, "OEBPS/isi.opf": package.replace("Kota", "&a11;")})
    with pytest.raises(DocumentError, match=r"isi\.opf is not right"):
        extract(EpubLoader(), tmp_path, book)


def test_a_real_book(shared_data: Path) -> None:
    path = shared_data / "documents" / "eng_spa_mult.epub"
    found = EpubLoader().load(path, path.name)
    assert found.title == "Untitled document"
    assert found.text.startswith("All human beings are born free and equal in dignity and rights.")
    assert "Todos los seres humanos nacen libres e iguales en dignidad y derechos" in found.text


# Messages

HEAD = "From: Siti <siti@example.org>\r\nTo: Budi <budi@example.org>\r\n"
LETTER = (
    HEAD
    + "Cc: Ani <ani@example.org>\r\nDate: Mon, 06 May 2024 09:00:00 +0700\r\n"
    + "SUBJECT: =?utf-8?q?Rapat_kaf=C3=A9?=\r\n besok\r\nMIME-Version: 1.0\r\n"
)
MIXED = LETTER + (
    'Content-Type: multipart/mixed; boundary="B"\r\n\r\n'
    '--B\r\nContent-Type: multipart/alternative; boundary="C"\r\n\r\n'
    "--C\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{plain}\r\n"
    "--C\r\nContent-Type: text/html\r\n\r\n<h1>Undangan</h1><p>Datanglah.</p>\r\n--C--\r\n"
    '--B\r\nContent-Type: text/csv; name="..\\\\data.csv"\r\n'
    'Content-Disposition: attachment; filename="..\\\\data.csv"\r\n'
    f"Content-Transfer-Encoding: base64\r\n\r\n{base64.b64encode(b'a,b').decode()}\r\n"
    "--B\r\nContent-Type: message/rfc822\r\n\r\nFrom: x@example.org\r\nSubject: Lama/baru\r\n\r\n"
    "Isi lama.\r\n--B--\r\n"
)
SHOWN = [
    "From: Siti <siti@example.org>",
    "To: Budi <budi@example.org>",
    "Cc: Ani <ani@example.org>",
    "Date: Mon, 06 May 2024 09:00:00 +0700",
    "SUBJECT: Rapat kafé besok",
]


def test_a_message_with_alternatives_and_attachments(tmp_path: Path) -> None:
    data = MIXED.format(plain="Datanglah besok.\r\n\r\n> Kapan rapatnya?").encode()
    found = extract(EmailLoader(), tmp_path, data)
    assert lines(found) == [*SHOWN, "Datanglah besok.", "> Kapan rapatnya?"]
    assert found.title == "Rapat kafé besok"
    assert len(found.blocks) == 7
    attached = members(EmailLoader(), tmp_path, data)
    assert list(attached) == ["data.csv", "Lama baru.eml"]
    assert attached["data.csv"] == b"a,b"
    inner = extract(EmailLoader(), tmp_path, attached["Lama baru.eml"])
    assert lines(inner) == ["From: x@example.org", "Subject: Lama/baru", "Isi lama."]


def test_html_is_read_where_the_plain_text_is_empty(tmp_path: Path) -> None:
    found = extract(EmailLoader(), tmp_path, MIXED.format(plain="  "))
    assert lines(found) == [*SHOWN, "Undangan", "Datanglah."]
    assert headings(found) == [("Undangan", 1)]


@pytest.mark.parametrize(
    ("head", "body", "text"),
    [
        ("", "Isi kafé".encode(), "Isi kafé"),
        ("", "Isi kafé".encode("cp1252"), "Isi kafé"),
        ("Content-Type: text/plain; charset=us-ascii\r\n", "Isi kafé".encode(), "Isi kafé"),
        ("Content-Type: text/plain; charset=nonsens\r\n", "Isi kafé".encode(), "Isi kafé"),
        ("Content-Type: text/plain; charset=utf-8\r\n", b"Isi kaf\xe9 \xc3\xa9", "Isi kaf� é"),
        ("Content-Type: text/plain; charset=utf-8\r\n", b"Isi\x00 kota", "Isi  kota"),
        ("Content-Transfer-Encoding: base64\r\n", b"SXNp!!IGtvdGE", "Isi kota"),
        ("Content-Transfer-Encoding: x-nonsens\r\n", b"Isi", "Isi"),
        ("Content-Transfer-Encoding: quoted-printable\r\n", b"Isi=20k=C3=A9=ZZ", "Isi ké=ZZ"),
        ("Content-Type: text/plain; charset*=a'b\r\n", b"Isi", "Isi"),
        ("Content-Type: multipart/mixed\r\n", b"Isi", "Isi"),
        ("Content-Type: multipart/mixed; boundary=B\r\n", b"--B\r\n\r\nIsi", "Isi"),
        ("Content-Type: ;;;\r\n", b"Isi", "Isi"),
    ],
)
def test_broken_messages_lose_nothing(tmp_path: Path, head: str, body: bytes, text: str) -> None:
    found = extract(EmailLoader(), tmp_path, (HEAD + head + "\r\n").encode() + body)
    assert lines(found)[2:] == [text]


def test_odd_headers(tmp_path: Path) -> None:
    data = (
        b"From: <<>>@,;:\r\nTo: Ren\xc3\xa9 <r@x>\r\nTo: b@x\r\nDate: kemarin\r\n"
        b"Subject: =?x?q?\xff?=\r\n\r\nIsi"
    )
    found = extract(EmailLoader(), tmp_path, data)
    assert "To: René <r@x>, b@x" in lines(found)
    assert "Date: kemarin" in lines(found)
    assert lines(found)[-1] == "Isi"
    found.text.encode()


def test_what_is_no_message_is_named(tmp_path: Path) -> None:
    for data in (b"", b"\r\n", b"Bukan surat, tetapi teks biasa.", b"\x89PNG\r\n\x1a\n\x00"):
        with pytest.raises(DocumentError, match=r"sumber is (empty|not an e-mail)"):
            extract(EmailLoader(), tmp_path, data)
    deep = HEAD + "".join(
        f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(3_000)
    )
    with pytest.raises(DocumentError, match="sumber"):
        extract(EmailLoader(), tmp_path, deep)


def test_a_real_message(shared_data: Path) -> None:
    path = shared_data / "documents" / "fake-email-malformed-encoding.eml"
    found = EmailLoader().load(path, path.name)
    assert lines(found) == [
        "From: Matthew Robinson <mrobinson@unstructured.io>",
        "To: Matthew Robinson <mrobinson@unstructured.io>",
        "Date: Fri, 16 Dec 2022 17:04:16 -0500",
        "Subject: Test Email",
        "This is a test email to use for unit tests.",
        "Important points:",
        "- Roses are red",
        "- Violets are blue",
    ]
    assert found.title == "Test Email"


# Tables

FIRST = "Kota: Bandung | Tahun: 1960"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Kota,Tahun\nBandung,1960\n", [FIRST]),
        ("Kota\tTahun\nBandung\t1960\n", [FIRST]),
        ("Kota|Tahun\nBandung|1960\n", [FIRST]),
        ("sep=;\nKota;Tahun\nBandung;1960\n", [FIRST]),
        ("Daftar kota,\n,\nKota,Tahun\nBandung,1960\n", ["Daftar kota", FIRST]),
        (
            "Kota;Nilai\nBandung;1,5\nMedan;2,5\n",
            ["Kota: Bandung | Nilai: 1,5", "Kota: Medan | Nilai: 2,5"],
        ),
        (
            'Kota,Alamat\nBandung,"Jalan Asia ""1"",\n\nlantai 2"\n',
            ['Kota: Bandung | Alamat: Jalan Asia "1", lantai 2'],
        ),
        ("Bandung,1960\nMedan,1970\n", ["Bandung | 1960", "Medan | 1970"]),
        ("Kota,Kota\nBandung,Medan\n", ["Kota | Kota", "Bandung | Medan"]),
        ("Bandung\nMedan\n", ["Bandung", "Medan"]),
        ("Kota,Tahun\n", ["Kota | Tahun"]),
        (
            "Kota,Tahun\nBandung\nMedan,1970,lebih\n",
            ["Bandung", "Kota: Medan | Tahun: 1970 | lebih"],
        ),
        (f"Kota,{'panjang' * 10}\nBandung,1960\n", [f"Kota | {'panjang' * 10}", "Bandung | 1960"]),
    ],
)
def test_tables(tmp_path: Path, source: str, expected: list[str]) -> None:
    found = extract(CsvLoader(), tmp_path, source)
    assert lines(found) == expected
    assert len(found.blocks) == len(expected)


def test_tables_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for data, reason in (
        (b"", "empty"),
        ('Kota,Tahun\nBandung,"1960\n' + "x" * 200_000, "not a right table"),
        (bytes(range(256)) * 40, "binary"),
    ):
        with pytest.raises(DocumentError, match=f"sumber.*{reason}"):
            extract(CsvLoader(), tmp_path, data)
    monkeypatch.setattr(table, "MAX_ROWS", 2)
    with pytest.raises(DocumentError, match="more than 2 rows"):
        extract(CsvLoader(), tmp_path, "a,b\nc,d\ne,f\n")


# Archives


def test_an_archive_gives_its_files_under_harmless_names(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("tautan.txt")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a.txt", "satu")
        archive.writestr("../../a.txt", "dua")
        archive.writestr("/etc/b.txt", "tiga")
        archive.writestr("C:\\luar\\c.txt", "empat")
        archive.writestr("folder/", "")
        archive.writestr("folder/d.txt", "lima")
        archive.writestr(link, "/etc/passwd")
        for hidden in (".DS_Store", "folder/.git/x.txt", "__MACOSX/folder/._d.txt"):
            archive.writestr(hidden, "tersembunyi")
    found = members(ZipLoader(), tmp_path, stream.getvalue())
    assert found == {
        "a.txt": b"satu",
        "a (2).txt": b"dua",
        "etc/b.txt": b"tiga",
        "luar/c.txt": b"empat",
        "folder/d.txt": b"lima",
    }
    assert extract(ZipLoader(), tmp_path, stream.getvalue()) == Extract("")


def test_names() -> None:
    assert harmless("a/./../b//c.txt ") == "a/b/c.txt"
    assert harmless("..") == harmless("") == harmless("/") == "unnamed"
    assert harmless("x\u202etxt.exe\x00\ud800") == "x\\u202etxt.exe\\u0000?"
    assert harmless("n" * 999 + ".txt") == "n" * 196 + ".txt"
    names = MemberNames()
    assert [names.give("a.txt") for _ in range(3)] == ["a.txt", "a (2).txt", "a (3).txt"]


def test_utf8_names_that_are_not_marked_are_repaired(tmp_path: Path) -> None:
    data = zipped({"kafé-日本.txt": "x"})
    unmarked = data.replace(b"\x00\x08\x08\x00", b"\x00\x00\x08\x00")  # the flag of UTF-8 names
    assert unmarked != data
    assert list(members(ZipLoader(), tmp_path, unmarked)) == ["kafé-日本.txt"]
    assert list(members(ZipLoader(), tmp_path, data)) == ["kafé-日本.txt"]


def test_bombs_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("nol.txt", "w") as target:
            for _ in range(400):
                target.write(bytes(1024 * 1024))
        archive.writestr("b.txt", "x")
    with pytest.raises(DocumentError, match="packed in sumber comes to more than 300 MB"):
        members(ZipLoader(), tmp_path, stream.getvalue())
    monkeypatch.setattr(packed, "MAX_MEMBERS", 3)
    many = zipped({f"{n}.txt": "x" for n in range(4)})
    with pytest.raises(DocumentError, match="sumber holds more than 3 files"):
        members(ZipLoader(), tmp_path, many)


def test_the_bound_is_on_all_files_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed, "MAX_UNPACKED_BYTES", 250)
    with pytest.raises(DocumentError, match="more than"):
        members(ZipLoader(), tmp_path, zipped({f"{n}.txt": "x" * 100 for n in range(3)}))


def test_locked_and_damaged_archives(tmp_path: Path) -> None:
    good = zipped({"a.txt": "Isi kota. " * 50})
    locked = bytearray(good)
    locked[6] |= 1
    locked[good.index(b"PK\x01\x02") + 8] |= 1
    unknown = bytearray(good)
    unknown[8] = unknown[good.index(b"PK\x01\x02") + 10] = 77
    for data, reason in (
        (bytes(locked), "locked with a password"),
        (bytes(unknown), "damaged"),
        (good[:-30], "damaged"),
        (b"PK\x03\x04", "damaged"),
        (b"", "damaged"),
    ):
        with pytest.raises(DocumentError, match=f"sumber is {reason}") as caught:
            members(ZipLoader(), tmp_path, data)
        assert caught.value.remedy


def test_a_real_archive(shared_data: Path) -> None:
    path = shared_data / "documents" / "simple.zip"
    found = {member.name: member.content for member in ZipLoader().members(path, path.name)}
    assert list(found) == ["ideas-page.html", "stanley-cups.csv"]


def test_the_files_in_a_real_archive(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "documents" / "simple.zip"
    page, cups = (member.content for member in ZipLoader().members(path, path.name))
    ideas = extract(HtmlLoader(), tmp_path, page)
    assert ideas.title == "How to Get New Ideas"
    assert "January 2023" in lines(ideas)
    assert "Knowledge grows fractally." in ideas.text
    assert lines(extract(CsvLoader(), tmp_path, cups)) == [
        "Stanley Cups",
        "Team: Blues | Location: STL | Stanley Cups: 1",
        "Team: Flyers | Location: PHI | Stanley Cups: 2",
        "Team: Maple Leafs | Location: TOR | Stanley Cups: 13",
    ]


# Damage


def _cut(data: bytes, dice: random.Random) -> bytes:
    return data[: dice.randrange(len(data))]


def _flip(data: bytes, dice: random.Random) -> bytes:
    damaged = bytearray(data)
    for _ in range(dice.choice([1, 1, 5, 50])):
        damaged[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(damaged)


@pytest.mark.parametrize("damage", [_cut, _flip])
@pytest.mark.parametrize(
    ("loader", "data"),
    [
        (HtmlLoader(), PAGE.format(ARTICLE, "").encode()),
        (HtmlLoader(), PAGE.format(ARTICLE, "").encode("utf-16")),
        (EpubLoader(), zipped(BOOK)),
        (EmailLoader(), MIXED.format(plain="Datanglah besok.").encode()),
        (CsvLoader(), b'Kota,Alamat\nBandung,"Jalan\nAsia"\n' * 20),
        (ZipLoader(), zipped({"a.txt": "Isi kota. " * 50, "b/c.txt": "x"})),
    ],
)
def test_damaged_files_give_text_or_a_named_mishap(
    tmp_path: Path, loader: Loader, data: bytes, damage: Callable[[bytes, random.Random], bytes]
) -> None:
    dice = random.Random(7)  # noqa: S311
    for _ in range(30):
        path = tmp_path / "file"
        path.write_bytes(damage(data, dice))
        try:
            loader.load(path, "sumber").text.encode()
            names = [member.name for member in loader.members(path, "sumber")]
        except DocumentError as error:
            names = [error.message, error.remedy]
        assert all(names)


@pytest.mark.parametrize(
    "many",
    ["![" * 50_000, "[" * 100_000, "[\n" * 50_000],
    ids=["images", "links", "lines"],
)
def test_brackets_without_end_are_text_and_take_no_time(many: str, tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(f"# Judul\n\nIsi [tautan](b.md) kota.\n\n{many}\n\nAkhir.\n", encoding="utf-8")
    found, seconds = quickest(lambda: MarkdownLoader().load(path, path.name), 5)
    assert seconds < 5
    assert "Isi tautan kota." in lines(found)
    assert "Akhir." in lines(found)
    assert found.text.count("[") == many.count("[")


def test_a_header_of_endless_parameters_is_refused_before_it_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "a.eml"
    parameters = ";\n ".join(f"p{i}=v{i}" for i in range(30_000))
    head = "From: a@b.id\nSubject: Kota\n"
    path.write_text(f"{head}Content-Type: text/plain; {parameters}\n\nIsi.\n", encoding="utf-8")
    begun = time.thread_time()
    with pytest.raises(DocumentError, match="has a header of more than 10,000 characters"):
        EmailLoader().load(path, path.name)
    people = ", ".join(f"Warga {i} <w{i}@kota.id>" for i in range(20_000))
    path.write_text(f"{head}To: {people}\n\nIsi.\n", encoding="utf-8")
    assert lines(EmailLoader().load(path, path.name))[-1] == "Isi."
    assert time.thread_time() - begun < 5
