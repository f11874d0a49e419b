"""The questions a visitor can begin with are about documents that are there."""

from __future__ import annotations

from html import unescape

import pytest

from citydip_rag.engine import Engine
from citydip_rag.schema import DocumentName, Language
from citydip_rag.texts import catalogue
from citydip_rag.ui import render
from citydip_rag.ui.examples import examples

STATUTE = DocumentName(
    title="UNDANG-UNDANG REPUBLIK INDONESIA NOMOR 11 TAHUN 2008",
    source="UU-11-2008.pdf",
    label="UU 11/2008",
)
TWINS = DocumentName(title="Kota Kembar", source="kembar.md")


def asked(language: Language, *names: DocumentName) -> list[str]:
    return [question for other, question in examples(names) if other is language]


def test_the_shipped_articles_examples_are_offered_in_both_languages(engine: Engine) -> None:
    html = unescape(render.welcome(examples([*engine.document_names(), TWINS])))

    for language in Language:
        lines = [line for key, line in catalogue(language).items() if key.startswith("example.")]
        assert len(lines) >= 4
        assert all(f'lang="{language}" data-ask="{line}"' in html for line in lines)
    assert TWINS.title not in html


def test_other_documents_are_asked_about_by_their_own_names() -> None:
    assert asked(Language.INDONESIAN, TWINS, STATUTE) == [
        "Apa isi UU 11/2008?",
        "Apa kata dokumen tentang “Kota Kembar”?",
    ]
    assert asked(Language.ENGLISH, TWINS, STATUTE) == [
        "What does UU 11/2008 say?",
        "What do the documents say about “Kota Kembar”?",
    ]


def test_three_are_offered_and_none_twice() -> None:
    many = [DocumentName(title=f"Kota {name}", source=f"{name}.md") for name in "AABCDE"]

    assert len(asked(Language.ENGLISH, *many)) == len(set(asked(Language.ENGLISH, *many))) == 3


@pytest.mark.parametrize(
    "title",
    ["berkas", "12 30 45", "scan_0012 final_v2", "Kota kembar. Tahun 1960.", "K " * 60, "a"],
)
def test_a_title_that_would_read_badly_is_not_asked_about(title: str) -> None:
    html = render.welcome(examples([DocumentName(title=title, source="x.txt")]))

    assert "data-ask" not in html
    assert "ui.examples" not in html
    assert catalogue(Language.ENGLISH)["ui.examples"] not in html


def test_a_title_is_escaped() -> None:
    html = render.welcome(examples([DocumentName(title="Kota & Desa's", source="x.txt")]))

    assert "Kota &amp; Desa&#x27;s" in html
