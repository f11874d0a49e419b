"""Questions for the meaning of a term, and the sentences that give it."""

from __future__ import annotations

from pathlib import Path

import pytest

from citydip_rag import Engine, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.indexing import index_folder
from citydip_rag.retrieval.definitions import asked_term, defines
from timing import quickest


@pytest.mark.parametrize(
    ("question", "term"),
    [
        ("Apa itu Nama Domain?", "nama domain"),
        ("Apa yang dimaksud dengan “Krisis Pangan”?", "krisis pangan"),
        ("Apa arti dari paradiplomasi?", "paradiplomasi"),
        ("Apa definisi Setiap Orang?", "setiap orang"),
        ("What is a domain name?", "domain name"),
        ("What is meant by “penduduk”?", "penduduk"),
        ("What does force majeure mean?", "force majeure"),
        ("Apa tantangan terbesar diplomasi kota?", ""),
        ("Apa itu kota? Siapa walikotanya?", ""),
        ("What is the reason that so many mayors of large cities travel abroad?", ""),
        ("Kapan UU ini mulai berlaku?", ""),
        ("Apa itu " + "kota " * 10_000, ""),
    ],
)
def test_the_term(question: str, term: str) -> None:
    assert asked_term(question) == term


@pytest.mark.parametrize(
    ("sentence", "term", "does"),
    [
        ("20. Nama Domain adalah alamat internet.", "nama domain", True),
        ("(2) Penduduk ialah warga negara Indonesia.", "penduduk", True),
        ("Dalam undang-undang ini yang dimaksud dengan sungai adalah air.", "sungai", True),
        (
            "Badan Siber, yang selanjutnya disebut dengan Badan, adalah lembaga negara.",
            "badan",
            True,
        ),
        ("Teknologi Informasi (TI) adalah suatu teknik.", "ti", True),
        ("A trustee is a person who holds property.", "trustee", True),
        ("“Force majeure” means an event beyond control.", "force majeure", True),
        ("Pengelola Nama Domain adalah badan usaha.", "nama domain", False),
        ("Nama Domain dikelola oleh Pemerintah.", "nama domain", False),
        ("Nama Domain yang didaftarkan adalah milik pendaftar.", "nama domain", False),
        ("The trustee is paid.", "trustee", False),
    ],
)
def test_the_sentence(sentence: str, term: str, *, does: bool) -> None:
    assert defines(sentence, term) is does


def test_no_sentence_takes_long() -> None:
    hard = ["yang dimaksud dengan " * 5_000, "(" * 50_000, "a, " * 30_000, " " * 100_000]
    _, seconds = quickest(lambda: [defines(text, "kota") for text in hard], 1)
    assert seconds < 1


async def test_the_definition_alone_is_quoted_wherever_it_stands(
    tmp_path: Path, embedder: Embedder
) -> None:
    """Others define in the same breath, and many sentences use the word more."""
    (tmp_path / "seeds").mkdir()
    terms = {"Sungai": "aliran air", "Nama Domain": "alamat internet", "Kota": "tempat tinggal"}
    listed = "".join(
        f"{number}. {term} adalah {what} yang diatur di sini.\n"
        for number, (term, what) in enumerate(terms.items(), 1)
    )
    uses = "".join(
        f"Pengelola Nama Domain mendaftarkan Nama Domain baru setiap tahun {year}.\n"
        for year in range(1990, 2020)
    )
    (tmp_path / "seeds" / "a.txt").write_text(f"Istilah\n\n{listed}\n\n{uses}", encoding="utf-8")
    settings = Settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    index_folder(settings, embedder)
    engine = Engine.open(settings, embedder)
    answer = await engine.ask("Apa itu Nama Domain?")
    engine.close()
    (citation,) = answer.citations
    assert "Nama Domain adalah alamat internet" in citation.quote
    assert "Sungai" not in answer.answer
