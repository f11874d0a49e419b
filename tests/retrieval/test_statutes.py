"""Questions that name articles, statutes and penalties; sentences that threaten by number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from citydip_rag import Engine, Settings
from citydip_rag.corpus.language import detect_language
from citydip_rag.indexing import index_folder
from citydip_rag.retrieval.penalties import is_threat, names_penalty, refers_to
from citydip_rag.retrieval.statutes import Asked, read_question
from citydip_rag.schema import DocumentName

if TYPE_CHECKING:
    from citydip_rag.embedding import Embedder

NAMES = {
    "ite": DocumentName(
        title="UU 11/2008 tentang Informasi dan Transaksi Elektronik",
        source="a",
        label="UU 11/2008",
    ),
    "tel": DocumentName(title="UU 36/1999 tentang Telekomunikasi", source="b", label="UU 36/1999"),
    "uud": DocumentName(title="UUD 1945", source="c", label="UUD 1945"),
    "pp": DocumentName(
        title="PP 17/2015 tentang Ketahanan Pangan dan Gizi", source="d", label="PP 17/2015"
    ),
    "plain": DocumentName(title="Diplomasi Kota", source="e"),
}


def read(question: str) -> Asked:
    return read_question(question, detect_language(question), NAMES)


@pytest.mark.parametrize(
    ("question", "documents"),
    [
        ("Kapan UU ITE mulai berlaku?", ("ite",)),
        ("Kapan UU Nomor 11 Tahun 2008 mulai berlaku?", ("ite",)),
        ("What does Law No. 36 of 1999 say about tariffs?", ("tel",)),
        ("Apa hak pengguna menurut UU Telekomunikasi?", ("tel",)),
        ("Who appoints ministers under the constitution?", ("uud",)),
        ("Apa isi PP 17/2015 tentang gizi?", ("pp",)),
        ("What does Article 45 of the ITE law say?", ("ite",)),
        ("Apa itu UU?", None),
        ("Apa peran UU dalam diplomasi kota?", None),
        ("Apakah PP ITE ada?", None),  # the kind is another
        ("Pada 12 tahun 2015 apa yang terjadi?", None),
    ],
)
def test_the_statute(question: str, documents: tuple[str, ...] | None) -> None:
    assert read(question).documents == documents


def test_a_statute_is_searched_for_as_it_calls_itself() -> None:
    assert read("Kapan UU ITE mulai berlaku?").search == "Kapan Undang-Undang ini mulai berlaku?"
    asked = read("When did Government Regulation 17 of 2015 take effect?")
    assert asked.search == "When did this government regulation take effect?"


@pytest.mark.parametrize(
    ("question", "search", "documents"),
    [
        ("Apa itu Krisis Pangan menurut PP 17/2015?", "Apa itu Krisis Pangan?", ("pp",)),
        ("Dalam UU 36/1999, siapa yang berwenang?", "siapa yang berwenang?", ("tel",)),
        ("What is a food crisis under PP 17/2015?", "What is a food crisis?", ("pp",)),
        (
            "Apa itu gizi menurut Peraturan Pemerintah tentang Ketahanan Pangan dan Gizi?",
            "Apa itu gizi?",
            ("pp",),
        ),
        ("Apa isi UU 36/1999?", "Apa isi Undang-Undang ini?", ("tel",)),
    ],
)
def test_where_to_look_is_not_searched_for(
    question: str, search: str, documents: tuple[str, ...]
) -> None:
    """ "… menurut UU ini" stands in a hundred articles and in no definition."""
    asked = read(question)
    assert (asked.search, asked.documents) == (search, documents)


def test_a_statute_that_is_not_held_is_known_as_such() -> None:
    assert read("Apa isi Pasal 5 UU 27/2022?").unknown == "27/2022"
    only = {"plain": NAMES["plain"]}
    question = "Apa isi UU 27/2022?"
    assert not read_question(question, detect_language(question), only).unknown


@pytest.mark.parametrize(
    ("question", "place", "lookup"),
    [
        ("Apa isi Pasal 45 UU ITE?", "Pasal 45 ayat (1)", True),
        ("Pasal 45", "Pasal 45 ayat (3)", True),
        ("Apa bunyi pasal 28 ayat 2?", "Pasal 28 ayat (2)", True),
        ("What does article 5 paragraph (1) say?", "Article 5 paragraph (1)", True),
        ("Apa bunyi Penjelasan Pasal 40?", "Penjelasan Pasal 40", True),
        ("Apa isi Pasal 28A UUD 1945?", "Perubahan Kedua, Pasal 28A", True),
        ("Siapa yang disebut dalam Pasal 6 UUD 1945?", "Pasal 6 ayat (1)", False),
    ],
)
def test_the_article(question: str, place: str, *, lookup: bool) -> None:
    asked = read(question)
    assert asked.is_place(place)
    assert asked.lookup is lookup


@pytest.mark.parametrize(
    ("question", "place"),
    [
        ("Apa isi Pasal 4?", "Pasal 45"),
        ("Apa isi Pasal 45?", "Penjelasan Pasal 45"),
        ("Apa bunyi Penjelasan Pasal 45?", "Pasal 45"),
        ("Apa isi Pasal 45 ayat (1)?", "Pasal 45 ayat (2)"),
        ("Apa isi Pasal 28?", "Perubahan Kedua, Pasal 28A"),
        ("Apa isi pasal itu?", ""),
    ],
)
def test_another_article(question: str, place: str) -> None:
    assert not read(question).is_place(place)


@pytest.mark.parametrize(
    "question",
    [
        "Apa isi Pasal 7 UU Nomor 5 Tahun 1999?",
        "Apa isi Pasal 36 UU Hak Cipta?",
        "Apa bunyi pasal 7 KUHAP?",
        "What does Article 7 of the GDPR say?",
        "What does article 4 of the Health Act say?",
    ],
)
def test_an_article_of_a_statute_that_is_not_held(question: str) -> None:
    assert read(question).unknown


@pytest.mark.parametrize(
    "question",
    [
        "Apa isi Pasal 7 undang-undang ini?",
        "What does Article 7 of this law say?",
        "Apa isi Pasal 7?",
    ],
)
def test_an_article_of_no_statute_in_particular(question: str) -> None:
    assert not read(question).unknown


def test_a_paragraph_apart_from_its_article() -> None:
    asked = read("Ayat (3) tentang isi Pasal 27 UU ITE?")
    assert (asked.article, asked.paragraph, asked.documents) == ("27", "3", ("ite",))
    assert asked.lookup


def test_what_a_penalty_is_for() -> None:
    asked = read("Berapa lama pidana penjara bagi orang yang menyebarkan kebencian?")
    assert asked.penalty
    assert "menyebarkan kebencian" in asked.conduct
    assert not read("Berapa dendanya?").conduct
    assert not read("Siapa yang menyebarkan kebencian?").penalty
    question = "What is the punishment for wiretapping?"
    only = {"plain": NAMES["plain"]}
    assert not read_question(question, detect_language(question), only).penalty


BY_NUMBER = (
    "Setiap Orang yang memenuhi unsur sebagaimana dimaksud dalam Pasal 28 ayat (1) atau ayat (2)\n"
    "dipidana dengan pidana penjara paling lama 6 (enam) tahun."
)


def test_a_threat_by_number() -> None:
    assert is_threat(BY_NUMBER)
    assert refers_to(BY_NUMBER, "Pasal 28 ayat (2)")
    assert refers_to(BY_NUMBER, "Pasal 28")
    assert not refers_to(BY_NUMBER, "Pasal 28 ayat (3)")
    assert not refers_to(BY_NUMBER, "Pasal 2")
    assert refers_to("Barang siapa melanggar Pasal 40 dipidana.", "Pasal 40 ayat (1)")
    assert not is_threat("Barang siapa mencuri dipidana dengan pidana penjara lima tahun.")
    assert names_penalty("Barang siapa mencuri dipidana dengan pidana penjara lima tahun.")
    assert not is_threat("Ketentuan sebagaimana dimaksud dalam Pasal 5 berlaku juga untuk kota.")


LAW = """UNDANG-UNDANG REPUBLIK INDONESIA
NOMOR 3 TAHUN 2011
TENTANG
KEBERSIHAN SUNGAI KOTA

BAB I
KETENTUAN UMUM
Pasal 1
Dalam Undang-Undang ini yang dimaksud dengan sungai adalah aliran air di dalam kota.
Pasal 2
Setiap orang dilarang membuang sampah rumah tangga ke sungai.
Pasal 3
Setiap orang dilarang menangkap ikan dengan racun atau aliran listrik.
BAB II
KETENTUAN PIDANA
Pasal 4
Barang siapa yang melanggar ketentuan sebagaimana dimaksud dalam Pasal 2 \
dipidana dengan pidana denda paling banyak dua juta rupiah.
Pasal 5
Barang siapa yang melanggar ketentuan sebagaimana dimaksud dalam Pasal 3 \
dipidana dengan pidana kurungan paling lama enam bulan.
BAB III
KETENTUAN PENUTUP
Pasal 6
Undang-Undang ini mulai berlaku pada tanggal 1 Juni 2011.
"""


@pytest.fixture(scope="module")
def law(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Engine:
    home = tmp_path_factory.mktemp("law")
    seeds = home / "seeds"
    seeds.mkdir()
    Path(seeds / "sungai.txt").write_text(LAW, encoding="utf-8")
    settings = Settings(seeds=seeds, index=home / "index")
    index_folder(settings, embedder)
    return Engine.open(settings, embedder)


@pytest.mark.parametrize(
    ("question", "places"),
    [
        ("Apa isi Pasal 3?", ["Pasal 3"]),
        ("Apa bunyi Pasal 4 UU 3/2011?", ["Pasal 4"]),
        ("Berapa denda bagi orang yang membuang sampah ke sungai?", ["Pasal 2", "Pasal 4"]),
        ("Apa hukuman bagi orang yang menangkap ikan dengan racun?", ["Pasal 3", "Pasal 5"]),
        ("What is the penalty for catching fish with poison?", ["Pasal 3", "Pasal 5"]),
        ("Apa sanksi bagi pelanggaran Pasal 3?", ["Pasal 3", "Pasal 5"]),
        ("Berapa denda dalam Pasal 4?", ["Pasal 4"]),
        ("Apa isi Pasal 3 UU 99/2019?", []),
        ("Apa yang dimaksud dengan sungai?", ["Pasal 1"]),
        ("Menurut UU 3/2011, apa itu sungai?", ["Pasal 1"]),
        ("Apa hukuman bagi orang yang memalsukan uang kertas?", []),
    ],
)
async def test_answers_by_number(law: Engine, question: str, places: list[str]) -> None:
    answer = await law.ask(question)
    assert [citation.place for citation in answer.citations] == [
        f"UU 3/2011, {place}" for place in places
    ]
    assert answer.abstained is (not places)
    for citation in answer.citations:
        document = law.document(citation.document_id)
        assert document.text[citation.start : citation.end] == citation.quote
