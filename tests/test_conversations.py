"""Follow-ups by rules alone: the second turn finds its own evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citydip_rag import Engine
from citydip_rag.generation.followups import searched
from citydip_rag.schema import Answer, Language, Turn

FOLDER = Path(__file__).resolve().parent.parent / "eval" / "conversations"


@pytest.mark.parametrize(
    ("name", "conversations", "right"),
    [
        ("conversations.dev.jsonl", 15, 14),
        ("conversations.dev2.jsonl", 24, 17),
        ("conversations.jsonl", 20, 12),
    ],
)
async def test_the_second_turn_finds_its_evidence(
    engine: Engine, name: str, conversations: int, right: int
) -> None:
    lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
    assert len(lines) == conversations
    found = 0
    for line in lines:
        asked = json.loads(line)
        first, second = (turn["question"] for turn in asked["turns"])
        before = await engine.ask(first)
        turn = Turn(question=first, answer=before.answer)
        answer = await engine.ask(second, history=[turn])
        found += any(
            evidence in citation.quote or citation.quote in evidence
            for evidence in asked["evidence"]
            for citation in answer.citations
        )
    assert found >= right


async def talk(engine: Engine, *questions: str) -> list[Answer]:
    """The answers of one conversation, kept as the page keeps them."""
    turns: list[Turn] = []
    answers = []
    for question in questions:
        answer = await engine.ask(question, history=turns)
        turns.append(Turn(question=answer.standalone or question, answer=answer.answer))
        answers.append(answer)
    return answers


@pytest.mark.parametrize(
    ("first", "second", "evidence"),
    [
        (
            "What did mayors do about the Paris climate agreement?",
            "What is city diplomacy?",
            "munculnya diplomasi kota (city diplomacy)",
        ),
        (
            "Apa tantangan terbesar diplomasi kota?",
            "Mengapa walikota menjadi penting dalam diplomasi?",
            "Beberapa faktor utama",
        ),
        (
            "Apa yang dilakukan walikota soal perjanjian iklim Paris?",
            "Apa itu diplomasi kota?",
            "munculnya diplomasi kota",
        ),
        ("Apa peluangnya?", "What is city diplomacy?", "munculnya diplomasi kota"),
        ("Apa tantangan diplomasi kota?", "Ok, dan apa itu paradiplomasi?", "atau paradiplomasi"),
    ],
)
async def test_a_question_that_stands_alone_is_taken_as_asked(
    engine: Engine, first: str, second: str, evidence: str
) -> None:
    _, answer = await talk(engine, first, second)
    assert answer.standalone == ""
    assert any(evidence in citation.quote for citation in answer.citations)


@pytest.mark.parametrize("second", ["What is photosynthesis?", "Berapa harga beras?"])
async def test_what_the_documents_do_not_know_is_not_answered_about_the_topic(
    engine: Engine, second: str
) -> None:
    _, answer = await talk(engine, "Apa tantangan diplomasi kota?", second)
    assert answer.abstained
    assert answer.standalone == ""


async def test_a_doubtful_question_gets_its_topic_where_it_alone_is_not_answered(
    engine: Engine,
) -> None:
    first = "Apa yang dilakukan walikota soal perjanjian iklim Paris?"
    _, answer = await talk(engine, first, "Berapa banyak walikota?")
    assert answer.standalone.endswith(
        "(tentang: yang dilakukan walikota soal perjanjian iklim Paris)"
    )
    assert "ratusan walikota" in answer.answer


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Apa tantangan terbesar diplomasi kota?", "cara mengatasinya?"),
        ("Apa tantangan terbesar diplomasi kota?", "Lalu bagaimana cara mengatasinya?"),
        ("What is the greatest challenge of city diplomacy?", "And what can be done about it?"),
        ("What challenges does city diplomacy face?", "How can they be avoided?"),
    ],
)
async def test_what_comes_next_is_not_what_was_said(
    engine: Engine, first: str, second: str
) -> None:
    before, after = await talk(engine, first, second)
    assert any("koordinasi yang kuat" in citation.quote for citation in after.citations)
    shown = {citation.quote for citation in before.citations}
    assert {citation.quote for citation in after.citations} - shown


async def test_a_sentence_shown_before_is_quoted_again_where_it_is_asked_for(
    engine: Engine,
) -> None:
    first = "Apakah solusi masalah global lebih efektif jika dimulai dari akar rumput?"
    before, after = await talk(engine, first, "Kenapa?")
    assert {c.quote for c in after.citations} & {c.quote for c in before.citations}


@pytest.mark.parametrize(
    ("first", "second", "opening"),
    [
        ("Faktor apa saja yang mendorong munculnya diplomasi kota?", "Kalau yang kedua?", "Kedua,"),
        (
            "What are the main factors behind the rise of city diplomacy?",
            "Can you explain the second one?",
            "Kedua,",
        ),
        (
            "What are the main factors behind the rise of city diplomacy?",
            "Jelaskan alasan pertama.",
            "Pertama,",
        ),
        (
            "Apa contoh nyata peran diplomatik walikota?",
            "Ceritakan lebih rinci contoh pertama.",
            "Salah satu yang paling menonjol",
        ),
    ],
)
async def test_one_of_the_things_just_named_is_meant_by_its_number(
    engine: Engine, first: str, second: str, opening: str
) -> None:
    before, after = await talk(engine, first, second)
    assert opening in before.answer
    assert after.citations[0].quote.startswith(opening)
    assert len(after.citations) > 1, "and what is said of it"
    assert opening in after.standalone
    others = {c.quote for c in before.citations} - {after.citations[0].quote}
    assert not others & {c.quote for c in after.citations}


async def test_an_answer_is_framed_in_the_language_of_the_question_it_answers(
    engine: Engine,
) -> None:
    question = "What challenges does city diplomacy face?"
    english, other, short, back = await talk(
        engine, question, "Jawab dalam bahasa Indonesia", "Apa contohnya?", "In English, please"
    )
    assert english.answer.startswith("The documents, which are in Indonesian, say:")
    assert other.language is short.language is Language.INDONESIAN
    assert other.standalone == question
    assert other.citations == english.citations
    assert not other.answer.startswith("The documents")
    assert back.language is Language.ENGLISH
    assert back.standalone == short.standalone
    assert back.citations == short.citations


async def test_what_is_shown_is_found_again_when_it_is_asked_itself(engine: Engine) -> None:
    _, answer = await talk(engine, "Apa tantangan terbesar diplomasi kota?", "Kenapa?")
    assert answer.standalone == "Kenapa? (tentang: tantangan terbesar diplomasi kota)"
    again = await engine.ask(answer.standalone, history=[Turn(question="Apa itu inflasi?")])
    assert again.standalone == ""
    assert again.confidence == answer.confidence
    found = engine.find(answer.standalone)
    assert found.confidence == engine.find(searched(answer.standalone)).confidence
