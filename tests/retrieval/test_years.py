"""Questions about a year, and evidence of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from citydip_rag import Engine, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.indexing import index_folder
from citydip_rag.retrieval.years import speaks_of_another_year

BALANCE = "Saldo rekening desa pada tahun 2019 adalah 8 miliar."


@pytest.mark.parametrize(
    ("question", "sentence", "around", "other"),
    [
        ("Berapa saldo desa pada tahun 2021?", BALANCE, "", True),
        ("Berapa saldo desa pada tahun 2019?", BALANCE, "", False),
        ("Berapa saldo desa?", BALANCE, "", False),
        ("Berapa saldo desa pada tahun 2021?", BALANCE, "Laporan 2021", False),
        ("Berapa saldo desa pada tahun 2021?", "Saldonya 8 miliar.", "", False),
        ("Apa yang terjadi setelah 2018?", BALANCE, "", False),
        ("Siapa walikota tahun 2017?", "Ia menjabat sejak 2016.", "", False),
        ("Siapa presiden tahun 2005?", "S. B. Yudhoyono (2004–2014)", "", False),
        ("What was the budget of 2021?", "The budget of 2019 was 8 million.", "", True),
        ("Apa isi UU 12/2021?", "UU 12/2019 berlaku.", "", False),
    ],
)
def test_another_year(
    question: str,
    sentence: str,
    around: str,
    *,
    other: bool,
) -> None:
    assert speaks_of_another_year(question, sentence, around) is other


async def test_a_figure_of_another_year_is_no_answer(tmp_path: Path, embedder: Embedder) -> None:
    (tmp_path / "seeds").mkdir()
    (tmp_path / "seeds" / "desa.txt").write_text(
        f"Keuangan desa\n\n{BALANCE} Desa itu membeli traktor.", encoding="utf-8"
    )
    settings = Settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    index_folder(settings, embedder)
    engine = Engine.open(settings, embedder)
    right = await engine.ask("Berapa saldo rekening desa pada tahun 2019?")
    wrong = await engine.ask("Berapa saldo rekening desa pada tahun 2021?")
    engine.close()
    assert "8 miliar" in right.answer
    assert wrong.abstained
