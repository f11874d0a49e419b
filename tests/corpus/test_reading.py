"""Files become documents; what cannot is named."""

from __future__ import annotations

import codecs
import os
import random
from pathlib import Path

import pytest

from citydip_rag.corpus import FileFailure, read_file, read_folder
from citydip_rag.corpus import reading as reading_module
from citydip_rag.corpus.encoding import decode
from citydip_rag.corpus.language import detect_language
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.corpus.text import structure
from citydip_rag.errors import DocumentError, NothingToIndexError
from citydip_rag.schema import Document

TEXT = "Judul\nKota-kota besar “bekerja sama” di Eropa – café, naïve.\nBaris ketiga ada di sini."


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        TEXT.encode("cp1252"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
    ],
)
def test_encodings(data: bytes) -> None:
    assert decode(data, "a.txt") == TEXT


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t \r\n", "white space"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 30, "binary"),
        (random.Random(1).randbytes(20_000), "(binary|encoding|valid)"),  # noqa: S311
        (b"\x00" * 1000, "binary"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8\x41", "UTF-16"),
    ],
)
def test_what_is_no_text_is_named(tmp_path: Path, data: bytes, reason: str) -> None:
    path = tmp_path / "strange.txt"
    path.write_bytes(data)
    with pytest.raises(DocumentError, match=rf"strange\.txt.*{reason}|{reason}.*strange\.txt"):
        read_file(path, "strange.txt")


def test_control_characters_become_spaces_one_for_one() -> None:
    assert decode(b"kota\x07besar dan seterusnya", "a.txt") == "kota besar dan seterusnya"


def test_large_unknown_and_unreadable_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, film, gone = (tmp_path / name for name in ("good.txt", "film.mp4", "gone.txt"))
    good.write_text(TEXT, encoding="utf-8")
    film.write_bytes(b"x")
    with pytest.raises(DocumentError, match=r"film\.mp4.*\.md, \.text, \.txt|film\.mp4"):
        read_file(film, "film.mp4")
    with pytest.raises(DocumentError, match=r"gone\.txt cannot be read"):
        read_file(gone, "gone.txt")
    monkeypatch.setattr(reading_module, "MAX_FILE_BYTES", 10)
    with pytest.raises(DocumentError, match="larger than"):
        read_file(good, "good.txt")


def test_folder_goes_on_after_a_bad_file_and_stays_inside(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds"
    (seeds / "sub" / ".hidden").mkdir(parents=True)
    (seeds / "b.txt").write_text(TEXT, encoding="utf-8")
    (seeds / "sub" / "c.md").write_text("# Kota\n\nIsi kota.", encoding="utf-8")
    (seeds / "a.txt").write_bytes(b"")
    (seeds / "sub" / ".hidden" / "d.txt").write_text(TEXT, encoding="utf-8")
    (seeds / "x.txt").mkdir()
    outside = tmp_path / "outside.txt"
    outside.write_text(TEXT, encoding="utf-8")
    (seeds / "link.txt").symlink_to(outside)
    (seeds / "dangling.txt").symlink_to(tmp_path / "nowhere")
    os.mkfifo(seeds / "pipe.txt")
    items = list(read_folder(seeds))
    assert [item.source for item in items] == ["a.txt", "b.txt", "link.txt", "pipe.txt", "sub/c.md"]
    empty, link, pipe = (item for item in items if isinstance(item, FileFailure))
    assert (empty.skipped, link.skipped, pipe.skipped) == (False, True, True)
    assert "leads out of the folder" in link.reason
    assert "a pipe" in pipe.reason
    assert [item.title for item in items if isinstance(item, Document)] == ["Judul", "Kota"]


def test_missing_and_empty_folders(tmp_path: Path) -> None:
    with pytest.raises(NothingToIndexError, match="no folder 'nowhere'"):
        list(read_folder(tmp_path / "nowhere"))
    with pytest.raises(NothingToIndexError, match="holds no documents"):
        list(read_folder(tmp_path))


def test_the_article(article: str) -> None:
    found = structure(article)
    headings = [article[h.start : h.end] for h in found.headings]
    assert headings == [
        "Diplomasi Kota: Walikota di Panggung Global",
        "Mengapa Walikota Menjadi Penting dalam Diplomasi?",
        "Contoh Nyata Peran Diplomatik Walikota",
        "Tantangan dan Peluang di Depan",
    ]
    assert len(found.blocks) == 8


def test_wrapped_text_is_joined_and_lists_are_no_headings() -> None:
    wrapped = (
        "Chapter One\n\nThis is a line that goes on\nto the next one and ends\nhere.\n\n"
        "Next\nlines."
    )
    found = structure(wrapped)
    assert [wrapped[b.start : b.end][:4] for b in found.blocks] == ["This", "Next"]
    listed = "Bahan\n- Tepung\n- Gula\n1. Aduk rata\na) Panggang\nSelesai sudah."
    found = structure(listed)
    assert [listed[h.start : h.end] for h in found.headings] == ["Bahan"]
    assert len(found.blocks) == 5
    short = structure("Satu\nDua\nTiga")
    assert (len(short.headings), len(short.blocks)) == (0, 3)


WRAPPED = """\
Kerja Sama Antarkota
Kerja sama kota dengan kota di luar negeri sudah lama dijalankan oleh pemerintah daerah di
Indonesia, baik untuk perdagangan maupun untuk pendidikan. Menurut Prof. Siti dari Univ.
Padjadjaran, yang meneliti hal itu sejak tahun 2003, manfaatnya baru terasa sesudah beberapa
tahun.
Kota Kembar
Bandung dan Braunschweig menandatangani piagam persahabatan mereka pada tahun 1960, dan sejak
itu kedua kota saling mengunjungi. Yang paling sering datang adalah para pelajar dan guru
sekolah menengah.
- Braunschweig, sejak tahun 1960 dan masih berjalan sampai hari ini tanpa pernah terputus
- Fort Worth, sejak tahun 1990
1. Suwon
2. Liuzhou
No   Kota               Negara            Tahun ditandatangani      Masih berlaku sampai
1    Braunschweig       Jerman            1960                      sekarang
"""


def test_lines_that_a_column_cut_off_are_one_paragraph() -> None:
    found = structure(WRAPPED)
    assert [WRAPPED[h.start : h.end] for h in found.headings] == [
        "Kerja Sama Antarkota",
        "Kota Kembar",
    ]
    blocks = [WRAPPED[b.start : b.end] for b in found.blocks]
    assert [block.count("\n") for block in blocks] == [3, 2, 0, 0, 0, 0, 0, 0]
    sentences = [
        WRAPPED[s.start : s.end]
        for b in found.blocks
        for s in sentence_spans(WRAPPED, b.start, b.end)
    ]
    assert sentences[1].endswith(
        "dari Univ.\nPadjadjaran, yang meneliti hal itu sejak tahun 2003,"
        " manfaatnya baru terasa sesudah beberapa\ntahun."
    )


@pytest.mark.parametrize(
    "kept",
    [
        "Aku ini binatang jalang\nDari kumpulannya terbuang\n\nBiar peluru menembus kulitku\nAku",
        "Yth. Wali Kota\nJalan Wastukencana 2\nBandung 40117\n\nHormat kami\nRini",
        "def kota(nama):\n    return nama.title()\n\n\nfor nama in semua:\n    cetak(kota(nama))",
        "1  Bandung     Braunschweig         Jerman   1960\n2  surabaya      kochi    jepang   97",
        "Beli:\n- tepung\n- gula\n\nlalu:\n1. aduk\n2. panggang",
    ],
    ids=["poem", "address", "code", "table", "list"],
)
def test_lines_that_are_meant_as_lines_stay_so(kept: str) -> None:
    found = structure(kept)
    spans = sorted((item.start, item.end) for item in [*found.headings, *found.blocks])
    lines = [line.strip() for line in kept.split("\n") if line.strip()]
    assert [kept[start:end] for start, end in spans] == lines


def test_a_real_wrapped_text_is_read_in_sentences(shared_data: Path) -> None:
    path = shared_data / "documents" / "norwich-city.txt"
    document = read_file(path, path.name)
    headings = [document.text[h.start : h.end] for h in document.headings]
    assert "Barmouth, on the west coast of Wales as a Liverpool fan.[2]" not in headings
    assert len(headings) < 50  # of 99 when every line stood alone
    sentences = [
        " ".join(document.text[s.start : s.end].split())
        for b in document.blocks
        for s in sentence_spans(document.text, b.start, b.end)
    ]
    assert (
        "He moved to Huddersfield Town in 1990 where he remained for three seasons before"
        " transferring to Leicester City." in sentences
    )
    within = [s for s in sentences if len(s) > 60 and s[0].islower()]
    assert len(within) < 0.02 * len(sentences)


def test_markdown(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "Panduan *Kota*\n===\n\nKalimat **penting** dengan [tautan](http://x).\n\n## Tabel\n\n"
        "| Kota | Tahun |\n|---|---|\n| Bandung | 2015 |\n\n- satu\n- dua\n\n```\nkode = 1\n```\n"
        "\n<script>alert(1)</script>\n",
        encoding="utf-8",
    )
    document = read_file(path, "a.md")
    lines = [document.text[b.start : b.end] for b in document.blocks]
    assert document.title == "Panduan Kota"
    assert lines[:4] == [
        "Kalimat penting dengan tautan.",
        "Kota: Bandung | Tahun: 2015",
        "satu",
        "dua",
    ]
    assert "kode = 1" in lines
    assert "**" not in document.text
    assert [h.level for h in document.headings] == [1, 2]


def test_real_files_load_or_are_named(shared_data: Path) -> None:
    items = {item.source: item for item in read_folder(shared_data / "documents")}
    assert isinstance(items["norwich-city.txt"], Document)
    assert isinstance(items["book-war-and-peace-1p.txt"], Document)
    sixteen = items["fake-text-utf-16-le.txt"]
    assert isinstance(sixteen, Document)
    assert "\x00" not in sixteen.text
    for name in ("empty.txt", "fake-text-all-whitespace.txt", "password.pdf"):
        failure = items[name]
        assert isinstance(failure, FileFailure)
        assert name in failure.reason


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Apa itu diplomasi kota?", "id"),
        ("Siapa walikota London?", "id"),
        ("Berapa anggarannya?", "id"),
        ("jelaskan peran walikota", "id"),
        ("kapan ditandatangani", "id"),
        ("What is city diplomacy?", "en"),
        ("Who is the mayor of Jakarta?", "en"),
        ("list the factors", "en"),
        ("How many members does it have?", "en"),
        ("climate change and migration", "en"),
        ("perubahan iklim dan migrasi", "id"),
        ("??", "id"),
    ],
)
def test_language(text: str, language: str) -> None:
    assert detect_language(text) == language


def test_the_head_of_a_letter_is_text_and_not_headings() -> None:
    letter = (
        "Notulen Rapat\nTanggal : 14 Mei 2024\nTempat   Ruang Sidang\nKetua: Siti\n"
        "Wakil Ketua Budi\nPembukaan\nRapat dibuka pukul sembilan pagi."
    )
    found = structure(letter)
    assert [letter[h.start : h.end] for h in found.headings] == ["Notulen Rapat", "Pembukaan"]
    blocks = [letter[b.start : b.end] for b in found.blocks]
    assert "Tanggal : 14 Mei 2024" in blocks
    assert "Wakil Ketua Budi" in blocks


def test_hidden_markup_of_markdown_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("Bu Rini punya <b>dua</b> kucing <!-- rahasia --> di rumah.", encoding="utf-8")
    text = read_file(path, "a.md").text
    assert " ".join(text.split()) == "Bu Rini punya dua kucing di rumah."
