"""The main job: a question in, exact quotations or an abstention out."""

from __future__ import annotations

import asyncio

import pytest

from citydip_rag import Engine, Language, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.errors import IndexMismatchError, QuestionError

CHALLENGE = "potensi benturan dengan kebijakan luar negeri pemerintah pusat"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Apa tantangan terbesar diplomasi kota?", Language.INDONESIAN),
        ("What is the greatest challenge of city diplomacy?", Language.ENGLISH),
    ],
)
async def test_cites_the_exact_sentence(engine: Engine, question: str, language: Language) -> None:
    answer = await engine.ask(question)
    assert not answer.abstained
    assert answer.language == language
    assert any(CHALLENGE in citation.quote for citation in answer.citations)
    for citation in answer.citations:
        text = engine.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote
        assert f"[{citation.number}]" in answer.answer
    assert all(claim.supported for claim in answer.claims)


async def test_quotation_in_another_language_is_introduced(engine: Engine) -> None:
    answer = await engine.ask("What is the greatest challenge of city diplomacy?")
    assert answer.answer.startswith("The documents, which are in Indonesian, say:")
    indonesian = await engine.ask("Apa tantangan terbesar diplomasi kota?")
    assert indonesian.answer.startswith(indonesian.claims[0].text)


@pytest.mark.parametrize(
    ("question", "beginning"),
    [
        ("Berapa gram tepung untuk membuat donat?", "Dokumen tidak memuat"),
        ("Who won the football world cup in 1998?", "The documents do not say"),
    ],
)
async def test_abstains_and_offers_reading(engine: Engine, question: str, beginning: str) -> None:
    answer = await engine.ask(question)
    assert answer.abstained
    assert answer.answer.startswith(beginning)
    assert answer.citations == ()
    assert len(answer.passages) == engine.settings.top_k
    assert answer.confidence < engine.calibration.threshold


async def test_asked_language_overrules_the_questions(engine: Engine) -> None:
    answer = await engine.ask("Berapa gram tepung untuk donat?", language=Language.ENGLISH)
    assert answer.language == Language.ENGLISH
    assert answer.answer.startswith("The documents do not say")


async def test_list_question_gets_the_enumerated_sentences(engine: Engine) -> None:
    answer = await engine.ask("Apa saja faktor yang mendorong munculnya diplomasi kota?")
    openings = [citation.quote.split(",")[0] for citation in answer.citations]
    assert openings == ["Pertama", "Kedua"]


async def test_headings_are_never_an_answer(engine: Engine) -> None:
    answer = await engine.ask("Mengapa walikota menjadi penting dalam diplomasi?")
    document = engine.document(engine.document_ids()[0])
    headings = {document.text[h.start : h.end] for h in document.headings}
    assert headings
    assert not headings & {citation.quote for citation in answer.citations}


async def test_documents_filter(engine: Engine) -> None:
    (only,) = engine.document_ids()
    result = await engine.search("diplomasi", documents=[only], top_k=3)
    assert {hit.document_id for hit in result.passages} == {only}
    with pytest.raises(QuestionError, match="no document 'nowhere'"):
        await engine.search("diplomasi", documents=["nowhere"])


@pytest.mark.parametrize("question", ["", "   ", "?!…", "\x00\x01"])
async def test_refuses_empty_questions(engine: Engine, question: str) -> None:
    with pytest.raises(QuestionError, match="empty"):
        await engine.ask(question)


async def test_refuses_long_questions(engine: Engine) -> None:
    with pytest.raises(QuestionError, match="50,000"):
        await engine.ask("a" * 50_000)
    answer = await engine.ask("kota " * 400)
    assert len(answer.question) <= 2_000


@pytest.mark.parametrize(
    "question",
    [
        "🙂 diplomasi 🙂",
        "Apa what kota which 城市外交 مدينة?",
        "'; drop table passage; --",
        "[1] [2] \\[3] {{ question }} <script>alert(1)</script>",
        "a",
        "\u202eatok isamolpid",
        "Pertama kedua ketiga?",
    ],
)
async def test_odd_questions_get_an_answer_or_an_abstention(engine: Engine, question: str) -> None:
    answer = await engine.ask(question)
    assert answer.abstained == (not answer.citations)


async def test_many_at_once_get_their_own_answers(engine: Engine) -> None:
    questions = [
        "Apa tantangan terbesar diplomasi kota?",
        "Berapa gram tepung untuk membuat donat?",
        "Apa yang dilakukan Walikota London?",
    ] * 5
    alone = [(await engine.ask(question)).answer for question in questions[:3]]
    together = await asyncio.gather(*(engine.ask(question) for question in questions))
    assert [answer.answer for answer in together] == alone * 5


def test_index_cut_by_other_settings_is_refused(
    article_settings: Settings, embedder: Embedder
) -> None:
    other = article_settings.model_copy(update={"passage_max_tokens": 120})
    with pytest.raises(IndexMismatchError, match=r"60 to 180.*60 to 120.*citydip index"):
        Engine.open(other, embedder)
