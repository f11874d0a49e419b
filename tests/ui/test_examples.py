"""The questions a visitor can begin with are about documents that are there, and are answered."""

from __future__ import annotations

from html import unescape
from pathlib import Path

import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import Embedder
from citydip_rag.schema import Document, DocumentName, Language
from citydip_rag.texts import catalogue
from citydip_rag.ui import render
from citydip_rag.ui.examples import Offers, examples

TWINS = (
    "# Kota kembar Bandung\n\nKota kembar Bandung adalah Braunschweig di Jerman, yang bersahabat"
    " dengan Bandung sejak tahun 1960. Kedua kota bertukar pelajar dan guru setiap tahun.\n"
)
STATUTE = (
    "UNDANG-UNDANG TENTANG TRANSAKSI\n\nDalam Undang-Undang ini yang dimaksud dengan:\n\n"
    "1. Transaksi Elektronik adalah perbuatan hukum yang dilakukan dengan menggunakan komputer,"
    " jaringan komputer, atau media elektronik lainnya.\n"
)


class Knowing:
    """Documents with these titles, all of which it can answer about."""

    def __init__(self, *titles: str, knows: bool = True) -> None:
        self._knows = knows
        self.asked: list[str] = []
        self._documents = {
            title: Document(
                id=title,
                title=title,
                source=f"{title}.txt" if title == "berkas" else "isi.txt",
                sha256="0" * 64,
                text="Isi.",
                language="id",
            )
            for title in titles
        }

    def document_names(self) -> dict[str, DocumentName]:
        return {
            name: DocumentName(title=one.title, source=one.source)
            for name, one in self._documents.items()
        }

    def document(self, document_id: str) -> Document:
        return self._documents[document_id]

    def can_answer(self, question: str) -> bool:
        self.asked.append(question)
        return self._knows


def test_the_shipped_articles_examples_are_offered_in_both_languages(engine: Engine) -> None:
    html = unescape(render.welcome(examples(engine)))

    for language in Language:
        lines = [line for key, line in catalogue(language).items() if key.startswith("example.")]
        assert len(lines) >= 4
        assert all(f'lang="{language}" data-ask="{line}"' in html for line in lines)


@pytest.mark.anyio
async def test_other_documents_are_asked_about_by_what_is_in_them_and_answer(
    tmp_path: Path, embedder: Embedder, article_settings: Settings
) -> None:
    settings = article_settings.model_copy(
        update={"seeds": tmp_path / "seeds", "index": tmp_path / "index"}
    )
    settings.seeds.mkdir()
    (settings.seeds / "uu.txt").write_text(STATUTE, encoding="utf-8")
    (settings.seeds / "kembar.md").write_text(TWINS, encoding="utf-8")
    index_folder(settings, embedder)
    opened = Engine.open(settings, embedder)
    offered = examples(opened)

    assert (Language.INDONESIAN, "Apa yang dimaksud dengan Transaksi Elektronik?") in offered
    assert (Language.INDONESIAN, "Apa kata dokumen tentang Kota kembar Bandung?") in offered
    for _, question in offered:
        assert not (await opened.ask(question)).abstained
    opened.close()


def test_three_are_offered_in_each_language_and_none_twice() -> None:
    offered = examples(Knowing("Kota A", "Kota B", "Kota C", "Kota D"))

    assert len(offered) == len(set(offered)) == 6


def test_what_would_not_be_answered_is_not_offered() -> None:
    engine = Knowing("Kota Kembar", knows=False)

    assert examples(engine) == ()
    assert len(engine.asked) == 2


def test_the_same_documents_are_asked_about_once() -> None:
    engine, offers = Knowing("Kota Kembar"), Offers()

    assert offers.of(engine) == offers.of(engine) != ()
    assert len(engine.asked) == 2
    assert offers.of(Knowing("Kota Lain")) != offers.of(engine)


@pytest.mark.parametrize(
    "title",
    ["berkas", "12 30 45", "scan_0012 final_v2", "Kota kembar. Tahun 1960.", "K " * 60, "a"],
)
def test_a_title_that_would_read_badly_is_not_asked_about(title: str) -> None:
    html = render.welcome(examples(Knowing(title)))

    assert "data-ask" not in html
    assert catalogue(Language.ENGLISH)["ui.examples"] not in html


def test_a_title_is_escaped() -> None:
    html = render.welcome(examples(Knowing("Kota & Desa's")))

    assert "Kota &amp; Desa&#x27;s" in html
