"""Questions drafted from documents: of which sentences which questions, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import evaluate_suite
from citydip_rag.evaluation.drafting import draft_questions, drafted, english, indonesian
from citydip_rag.evaluation.drafting.absent import altered, apart
from citydip_rag.evaluation.drafting.rules import apply
from citydip_rag.evaluation.drafting.statements import Casing, Statement
from citydip_rag.evaluation.drafting.unanswerable import is_term
from citydip_rag.evaluation.questions import read_questions
from citydip_rag.schema import Language

RULES = {Language.INDONESIAN: indonesian.RULES, Language.ENGLISH: english.RULES}
SMALL = Casing(["x diplomasi kota globalisasi telekomunikasi kereta library lake kantor penduduk"])


def question(text: str, language: Language, label: str = "", following: str = "") -> str | None:
    statement = Statement(
        text, text, following, "d", label, "Pasal 1" if label else "", None, "", language
    )
    draft = apply(RULES[language], statement, SMALL)
    return draft.question if draft else None


@pytest.mark.parametrize(
    ("label", "text", "asked"),
    [
        (
            "",
            "Diplomasi kota adalah kerja sama antara kota di seluruh dunia.",
            "Apa itu diplomasi kota?",
        ),
        (
            "UU 36/1999",
            "Telekomunikasi adalah setiap pemancaran dan penerimaan informasi;",
            "Apa yang dimaksud dengan telekomunikasi menurut UU 36/1999?",
        ),
        (
            "UU 1/2000",
            "Setiap Orang yang memenuhi unsur sebagaimana dimaksud dalam Pasal 29 dipidana.",
            "Apa ancaman pidana bagi orang yang melanggar Pasal 29 UU 1/2000?",
        ),
        (
            "UUD 1945",
            "Presiden memegang jabatan selama lima tahun, dan sesudahnya dapat dipilih kembali.",
            "Presiden memegang jabatan selama berapa tahun menurut UUD 1945?",
        ),
        (
            "",
            "Kereta pertama di Jawa berjalan pada tahun 1867.",
            "Kapan kereta pertama di Jawa berjalan?",
        ),
        (
            "",
            "Kantor dinas pindah ke gedung baru karena gedung yang lama rusak parah.",
            "Mengapa kantor dinas pindah ke gedung baru?",
        ),
        (
            "UU 1/2000",
            "Menteri menetapkan tarif jasa pelabuhan setiap tahun.",
            "Siapa yang menetapkan tarif jasa pelabuhan setiap tahun menurut UU 1/2000?",
        ),
        (
            "",
            "Kedua, globalisasi telah menciptakan jaringan yang melampaui batas negara.",
            "Apa yang telah menciptakan jaringan yang melampaui batas negara?",
        ),
        ("", "Mereka dapat menjalin kerja sama langsung dengan kota lain di Asia.", None),
        ("UU 1/2000", "Ketentuan tersebut adalah ketentuan yang berlaku bagi semua orang.", None),
    ],
)
def test_indonesian(label: str, text: str, asked: str | None) -> None:
    assert question(text, Language.INDONESIAN, label) == asked


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("The library is a building in which many books are kept.", "What is the library?"),
        (
            "Iwan Roberts (born 26 June 1968) is a Welsh former professional footballer.",
            "Who is Iwan Roberts?",
        ),
        (
            "The stadium was opened by the mayor in 1935.",
            "When was the stadium opened by the mayor?",
        ),
        (
            "Roberts scored 61 goals for Norwich in four seasons.",
            "Who scored 61 goals for Norwich in four seasons?",
        ),
        ("The lake was closed because the water had become too warm.", "Why was the lake closed?"),
        (
            "The tenant must pay the rent on the first day of May.",
            "Who must pay the rent on the first day of May?",
        ),
        (
            "Roberts scored just 7 goals in 47 games.",
            "How many goals did Roberts score in 47 games?",
        ),
        ("In all, Roberts won two medals for Wales.", "How many medals did Roberts win for Wales?"),
        ("Iwan Roberts joined Norwich City in 1997.", "When did Iwan Roberts join Norwich City?"),
        (
            "Norwich finished in the top half and the Canaries fans voted Roberts the best player.",
            None,
        ),
        ("It is a building in which many old books are kept.", None),
        ("However, this was followed by another change of plan.", None),
    ],
)
def test_english(text: str, asked: str | None) -> None:
    assert question(text, Language.ENGLISH) == asked


def test_a_list_is_evidence_with_its_items() -> None:
    lead = "Laporan tahunan lembaga penyelenggara meliputi:"
    items = "a. neraca; dan b. laporan kegiatan."
    statement = Statement(
        lead, lead, items, "d", "UU 1/2000", "Pasal 1", 3, "", Language.INDONESIAN
    )
    draft = apply(indonesian.RULES, statement, SMALL)
    assert draft is not None
    assert (
        draft.question
        == "Laporan tahunan lembaga penyelenggara meliputi apa saja menurut UU 1/2000?"
    )
    assert draft.statement.evidence == f"{lead} {items}"


def test_drafts_of_the_article_can_be_asked(tmp_path: Path, engine: Engine) -> None:
    drafts = draft_questions(engine, 40)
    assert all(draft.id.startswith("draft-") for draft in drafts)
    assert len({draft.id for draft in drafts}) == len(drafts)
    answerable = [draft for draft in drafts if draft.answerable]
    assert len(answerable) >= 5
    assert len(answerable) < len(drafts)
    assert "Mengapa Walikota Menjadi Penting dalam Diplomasi?" in {d.question for d in drafts}
    assert drafts == draft_questions(engine, 40)
    file = tmp_path / "drafts.jsonl"
    file.write_text("".join(draft.json_line() for draft in drafts), encoding="utf-8")
    assert [entry.question for entry in read_questions(file)] == drafts
    report = evaluate_suite(engine, [file])
    assert report.drafts == len(drafts)
    assert report.metrics["recall@5"] == 1


def test_what_the_unanswerable_ask_for_is_in_no_document(engine: Engine, article: str) -> None:
    for draft in draft_questions(engine, 40):
        if not draft.answerable:
            words = draft.note.rpartition(": ")[2].split(", ")
            assert words
            assert not any(f" {word}" in article.lower() for word in words)


def test_a_sentence_is_no_term() -> None:
    assert is_term("city diplomacy", Language.ENGLISH)
    assert not is_term("these are a few of my favorite things", Language.ENGLISH)
    assert not is_term("kota ini adalah kota kita", Language.INDONESIAN)


def test_hard_ones_are_of_the_documents_own_words() -> None:
    english_ = Language.ENGLISH
    terms = [("sea wall", english_, "a"), ("salt marsh", english_, "b"), ("tide", english_, "b")]
    texts = {"a": "the sea wall and the tide", "b": "a salt marsh, and the tide"}
    (asked,) = apart(terms, texts)
    assert asked.question == "How does sea wall affect salt marsh?"
    known = [("How many goals did Roberts score in 47 games?", english_), ("Who is he?", english_)]
    (changed,) = altered(known, "47 games, 48 matches", "UU 11/2008")
    assert changed.question == "How many goals did Roberts score in 49 games?"
    assert not list(altered([("Apa isi UUD 1945 itu?", Language.INDONESIAN)], "1945", "UUD 1945"))


def test_drafts_are_spread_and_every_document_is_accounted_for(
    own_settings: Settings, embedder: SentenceTransformersEmbedder
) -> None:
    penalties = [
        f"Setiap Orang yang memenuhi unsur sebagaimana dimaksud dalam Pasal {n} dipidana berat."
        for n in range(30, 50)
    ]
    harbour = [
        "Pelabuhan laut adalah tempat kapal berlabuh dan barang dibongkar setiap hari.",
        "Kantor dinas pindah ke gedung baru karena gedung yang lama rusak parah.",
        "Kereta pertama di Jawa berjalan pada tahun 1867.",
    ]
    (own_settings.seeds / "pidana.txt").write_text("\n\n".join(penalties), encoding="utf-8")
    (own_settings.seeds / "pelabuhan.txt").write_text("\n\n".join(harbour), encoding="utf-8")
    (own_settings.seeds / "daftar.txt").write_text("satu\ndua\ntiga\n", encoding="utf-8")
    index_folder(own_settings, embedder)
    opened = Engine.open(own_settings, embedder)
    try:
        made = drafted(opened, 8)
        few = drafted(opened, 2)
    finally:
        opened.close()
    given = {share.source: share for share in made.shares}
    assert given["pelabuhan.txt"].drafts == len(harbour)
    assert given["pidana.txt"].drafts == 3
    assert given["awal.txt"].why == "no sentence has a form that a question can be made of"
    assert given["daftar.txt"].why == "no sentence of it was read that is whole and is prose"
    assert made.shares[0].source == "awal.txt"
    assert "other drafts were better" in {share.why for share in few.shares}
    assert [question.answerable for question in few.questions] == [True, False]
    assert all(" " not in q.note.split("; ")[1] for q in made.questions if q.answerable)
    assert len(made.questions) == 8


def test_documents_without_sentences(
    own_settings: Settings, embedder: SentenceTransformersEmbedder
) -> None:
    (own_settings.seeds / "awal.txt").write_text("satu\ndua\ntiga\n", encoding="utf-8")
    index_folder(own_settings, embedder)
    bare = Engine.open(own_settings, embedder)
    try:
        with pytest.raises(EvaluationError, match="No sentence of the documents"):
            draft_questions(bare, 10)
    finally:
        bare.close()
