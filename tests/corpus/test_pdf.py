"""PDF: paragraphs that know their page, without the furniture of pages; statutes' articles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from citydip_rag.corpus import PassageMaker, read_file
from citydip_rag.corpus.furniture import without_furniture
from citydip_rag.corpus.paragraphs import Line, joined, read_lines
from citydip_rag.corpus.pdf import PdfLoader
from citydip_rag.corpus.places import Places
from citydip_rag.corpus.reading import read_parts
from citydip_rag.corpus.statute import with_articles
from citydip_rag.corpus.text import structure
from citydip_rag.errors import DocumentError
from citydip_rag.schema import Document
from corpus.pdf_file import pdf_of
from timing import quickest


def page(number: int, *texts: str) -> list[Line]:
    """Lines of a page below one another, as wide as their text."""
    return [
        Line(text, number, 100, 100 + 5 * len(text), 700 - 14 * i, 690 - 14 * i, 10)
        for i, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("before", "after", "whole"),
    [
        ("kerja sama antar", "kota", "kerja sama antar kota"),
        ("per-", "janjian", "perjanjian"),
        ("undang-", "undang baru", "undang-undang baru"),
        ("Undang-", "Undang Dasar", "Undang-Undang Dasar"),
        ("non-", "ASEAN", "non-ASEAN"),
        ("tahun 2019-", "2024", "tahun 2019-2024"),
        ("A –", "B", "A – B"),
    ],
)
def test_hyphens_at_a_line_s_end(before: str, after: str, whole: str) -> None:
    assert joined(before, after) == whole


def test_paragraphs_go_on_over_pages_and_know_where_they_turn() -> None:
    extract = read_lines(
        [
            page(1, "Kota bekerja sama dengan kota lain di seluruh dunia", "dan"),
            page(2, "berbagi pengalaman.", "(1) Ayat satu.", "(2) Ayat dua."),
        ]
    )
    lines = [extract.text[block.start : block.end] for block in extract.blocks]
    assert lines == [
        "Kota bekerja sama dengan kota lain di seluruh dunia dan berbagi pengalaman.",
        "(1) Ayat satu.",
        "(2) Ayat dua.",
    ]
    first, second = extract.pages
    assert (first.number, first.start, second.number, second.end) == (1, 0, 2, len(extract.text))
    assert extract.text[second.start :].startswith("berbagi pengalaman.")


def test_a_table_without_full_stops_is_no_endless_paragraph() -> None:
    rows = [f"Kecamatan {n} Kelurahan {n} jumlah penduduk {n * 7} jiwa" for n in range(54)]
    pages = [page(number, *rows) for number in range(1, 101)]
    extract, seconds = quickest(lambda: read_lines(pages), 10)
    assert seconds < 10
    assert len(extract.blocks) > 60
    assert len(extract.pages) == 100


def test_furniture_is_taken_off_and_the_text_is_not() -> None:
    pages = [
        page(n, "PRESIDEN", "REPUBLIK INDONESIA", f"- {n} -", f"Pasal {2 * n}", f"Isi {n * n}.")
        for n in range(1, 7)
    ]
    pages[2].append(Line("Pasal 8 . . .", 3))
    bodies = [[line.text for line in body] for body in without_furniture(pages)]
    assert bodies == [[f"Pasal {2 * n}", f"Isi {n * n}."] for n in range(1, 7)]


def test_a_short_document_has_no_furniture() -> None:
    pages = [page(1, "Judul", "Isi satu."), page(2, "Judul", "Isi dua.")]
    assert [len(body) for body in without_furniture(pages)] == [2, 2]


STATUTE = """UNDANG-UNDANG REPUBLIK INDONESIA
NOMOR 11 TAHUN 2008
TENTANG
INFORMASI DAN TRANSAKSI ELEKTRONIK
DENGAN RAHMAT TUHAN YANG MAHA ESA
BAB I
KETENTUAN UMUM
Pasal 1
Dalam undang-undang ini:
1. Kota adalah kota.
2. Desa adalah desa.
BAB II
ASAS
Bagian Kesatu
Umum
Pasal 2
(1) Asas satu.
(2) Asas dua:
a. huruf a.
Pasal 3
Ketentuan tanpa ayat sebagaimana Pasal 2.
Disahkan di Jakarta
PENJELASAN
ATAS
UNDANG-UNDANG REPUBLIK INDONESIA
I. UMUM
Uraian.
II. PASAL DEMI PASAL
Pasal 2
Ayat (1)
Cukup jelas.
"""


def places(document: Document) -> list[tuple[str, str]]:
    def count(texts: Sequence[str]) -> list[int]:
        return [5 for _ in texts]

    return [
        (passage.text[s.start - passage.start : s.end - passage.start], s.place)
        for passage in PassageMaker(count, 1, 5).passages(document)
        for s in passage.sentences
    ]


def test_a_statute_s_articles_are_its_headings(tmp_path: Path) -> None:
    path = tmp_path / "uu.txt"
    path.write_text(STATUTE, encoding="utf-8")
    document = read_file(path, "uu.txt")
    assert document.label == "UU 11/2008"
    assert document.title == "UU 11/2008 tentang Informasi dan Transaksi Elektronik"
    found = places(document)
    assert ("1. Kota adalah kota.", "Pasal 1 angka 1") in found
    assert ("(2) Asas dua:", "Pasal 2 ayat (2)") in found
    assert ("a. huruf a.", "Pasal 2 ayat (2)") in found
    assert ("Ketentuan tanpa ayat sebagaimana Pasal 2.", "Pasal 3") in found
    assert ("Disahkan di Jakarta", "") in found
    assert ("Cukup jelas.", "Penjelasan Pasal 2 ayat (1)") in found
    headings = {passage.heading for passage in PassageMaker(len_of, 1, 50).passages(document)}
    assert "UU 11/2008 › BAB II ASAS › Bagian Kesatu Umum › Pasal 2" in headings


def test_a_penalty_is_embedded_with_what_it_punishes(tmp_path: Path) -> None:
    path = tmp_path / "uu.txt"
    path.write_text(
        "Pasal 1\nSetiap orang dilarang menyadap.\nPasal 2\n(1) Satu.\n"
        "(2) Setiap orang boleh bicara.\nPasal 3\nYang melanggar Pasal 1 dipidana penjara.\n"
        "Pasal 4\nIni menurut Pasal 2 ayat (2)."
        "\nPasal 5\nSanksi menurut Pasal 2 ayat (2) dan Pasal 99.",
        encoding="utf-8",
    )
    document = read_file(path, "uu.txt")
    found = {p.sentences[0].place: p for p in PassageMaker(len_of, 1, 50).passages(document)}
    assert found["Pasal 3"].context == "Setiap orang dilarang menyadap."
    assert found["Pasal 3"].lead == "Pasal 3\nSetiap orang dilarang menyadap."
    assert found["Pasal 4"].context == found["Pasal 1"].context == ""
    assert found["Pasal 5"].context == "(2) Setiap orang boleh bicara."


def len_of(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


@pytest.mark.parametrize(
    ("opening", "label"),
    [
        ("PERATURAN PEMERINTAH REPUBLIK INDONESIA NOMOR 17 TAHUN 2015", "PP 17/2015"),
        ("PERATURAN DAERAH KOTA BANDUNG NOMOR 3 TAHUN 2020", "Perda Kota Bandung 3/2020"),
        (
            "PERATURAN MENTERI PERDAGANGAN REPUBLIK INDONESIA NOMOR 8 TAHUN 2021",
            "Permen Perdagangan 8/2021",
        ),
        ("UNDANG-UNDANG DASAR NEGARA REPUBLIK INDONESIA TAHUN 1945", "UUD 1945"),
        ("PERJANJIAN KERJA SAMA", ""),
    ],
)
def test_short_names(opening: str, label: str) -> None:
    body = "\n".join(f"Pasal {n}\nIsi pasal ini ada." for n in range(1, 5))
    assert with_articles(structure(f"{opening}\n{body}")).label == label


def test_a_text_that_only_speaks_of_articles_is_left_alone() -> None:
    extract = structure("Judul\nMenurut Pasal 5 dan Pasal 6 kota berwenang.\nPasal 5\nIsi.")
    assert with_articles(extract) is extract


def test_english_agreements_have_articles_too() -> None:
    text = "\n".join(f"ARTICLE {n}\nSCOPE\n(1) The cities cooperate." for n in ("I", "II", "III"))
    extract = with_articles(structure(text))
    titles = [" ".join(extract.text[h.start : h.end].split()) for h in extract.headings]
    assert titles == ["ARTICLE I SCOPE", "ARTICLE II SCOPE", "ARTICLE III SCOPE"]
    followed = Places()
    followed.enter([titles[0]])
    assert followed.at("(1) The cities cooperate.") == "Article I paragraph (1)"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"%PDF-1.4\nnothing", "is damaged"), (b"%PDF-1.7", "is damaged")],
)
def test_damaged_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(content)
    with pytest.raises(DocumentError, match=rf"rusak\.pdf {said}"):
        PdfLoader().load(path, "rusak.pdf")


def test_password_and_truncation(shared_data: Path, tmp_path: Path) -> None:
    documents = shared_data / "documents"
    for name in ("password.pdf", "libreoffice-writer-password.pdf"):
        with pytest.raises(DocumentError, match="protected by a password"):
            PdfLoader().load(documents / name, name)
    whole = (documents / "UU_1999_036.pdf").read_bytes()
    for share in range(1, 12):
        path = tmp_path / "cut.pdf"
        path.write_bytes(whole[: len(whole) * share // 12])
        (part,) = read_parts(path, "cut.pdf")
        assert part.extract is not None or part.reason.startswith("cut.pdf")


def test_a_damaged_page_does_not_take_the_others_with_it(tmp_path: Path) -> None:
    path = tmp_path / "x.pdf"
    path.write_bytes(pdf_of([[(50, 700, "Halaman satu.")], None, [(50, 700, "Halaman tiga.")]]))
    extract = PdfLoader().load(path, "x.pdf")
    assert [extract.text[b.start : b.end] for b in extract.blocks] == [
        "Halaman satu.",
        "Halaman tiga.",
    ]
    assert [page.number for page in extract.pages] == [1, 3]
    assert extract.notes == ("Damaged and not read: page 2.",)


def test_columns_are_read_one_after_the_other_and_late_lines_where_they_stand(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x.pdf"
    title = [(50, 700, "Judul yang panjang di atas kedua kolom itu")]
    left = [(50, 660 - 14 * i, f"Kiri {i} dari kota.") for i in range(3)]
    right = [(330, 660 - 14 * i, f"Kanan {i} dari kota.") for i in range(3)]
    path.write_bytes(pdf_of([title + left + right]))
    words = PdfLoader().load(path, "x.pdf").text.split()
    assert [w for w in words if w in {"Judul", "Kiri", "Kanan"}] == [
        "Judul",
        *["Kiri"] * 3,
        *["Kanan"] * 3,
    ]
    late = [
        (50, 640, "Baris kedua ini."),
        (50, 680, "Baris pertama ini."),
        (50, 600, "Baris ketiga ini."),
    ]
    path.write_bytes(pdf_of([late]))
    words = PdfLoader().load(path, "x.pdf").text.split()
    assert words[1::3] == ["pertama", "kedua", "ketiga"]


STATUTES = [
    ("UU-11-2008.pdf", "UU 11/2008", 54, 38),
    ("UU_1999_036.pdf", "UU 36/1999", 64, 40),
    ("PP_Nomor_17_Tahun_2015.pdf", "PP 17/2015", 90, 63),
    ("PERMENKOMINFO_2016_020.pdf", "Permenkominfo 20/2016", 39, 24),
]


@pytest.mark.parametrize(("name", "label", "articles", "pages"), STATUTES)
def test_real_statutes(shared_data: Path, name: str, label: str, articles: int, pages: int) -> None:
    document = read_file(shared_data / "documents" / name, name)
    assert document.label == label
    assert len(document.pages) == pages
    passages = PassageMaker(len_of).passages(document)
    found = {
        passage.sentences[0].place.split(" ayat")[0].split(" angka")[0] for passage in passages
    }
    assert {f"Pasal {n}" for n in range(1, articles + 1)} <= found
    assert not any("REPUBLIK INDONESIA\n-" in passage.text for passage in passages)


def test_a_page_number_is_that_of_the_printed_page(shared_data: Path) -> None:
    document = read_file(shared_data / "documents" / "UU-11-2008.pdf", "uu.pdf")
    passages = PassageMaker(len_of).passages(document)
    (where,) = {
        (sentence.page, sentence.place)
        for passage in passages
        for sentence in passage.sentences
        if document.text[sentence.start : sentence.end].startswith(
            "(1) Setiap Orang dengan sengaja dan tanpa hak menyebarkan berita bohong"
        )
    }
    assert where == (15, "Pasal 28 ayat (1)")
