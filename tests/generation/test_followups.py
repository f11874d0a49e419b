"""Which questions lean on the one before, and what becomes of them without a language model."""

from __future__ import annotations

import pytest

from citydip_rag import Language
from citydip_rag.generation.followups import (
    language_asked_for,
    leeway,
    searched,
    standalone,
    turn_language,
)
from citydip_rag.generation.leaning import Leaning, leaning
from citydip_rag.schema import Turn

ITE = [Turn(question="Apa isi Pasal 27 UU ITE?")]


@pytest.mark.parametrize(
    "question",
    [
        "Kenapa?",
        "Why?",
        "Bagaimana dengan yang di Asia?",
        "What about the mayors?",
        "Apa tantangannya?",
        "Dengan siapa dia rutin bertemu?",
        "Do they cooperate with national governments on climate?",
        "Pasal 28?",
        "Ayat (3)?",
        "Apakah itu benar?",
        "Lalu di Eropa?",
        "Apa tantangan terbesar?",
        "What are the challenges?",
        "Any examples?",
        "Kota mana lagi?",
        "Who else joined?",
        "When did this start?",
        "What does that mark in international relations?",
        "Seberapa besar potensi kolaborasinya?",
        "Great, and why?",
        "Siapa yang ditemuinya?",
        "Apa isi Pasal 28?",
        "Ceritakan lebih lanjut",
        "Jelaskan yang kedua.",
        "Which issues does the first reason mention?",
    ],
)
def test_leaning(question: str) -> None:
    assert leaning(question) is Leaning.LEANS


@pytest.mark.parametrize(
    "question",
    [
        "Apa tantangan terbesar diplomasi kota?",
        "Apa itu cadangan pangan pemerintah daerah?",
        "Bagaimana cara memasak nasi goreng?",
        "Who is the president that signs laws in Indonesia?",
        "Siapa presiden Prancis?",
        "thanks",
        "ok lol",
        "Terima kasih!",
        "What did mayors do about the Paris climate agreement?",
        "What is city diplomacy?",
        "Apa itu diplomasi kota?",
        "Lalu apa itu diplomasi kota?",
        "What is photosynthesis?",
        "Mengapa walikota menjadi penting dalam diplomasi?",
        "Apa isi Pasal 28 UUD 1945?",
        "Thank you very much!",
        "How many seats are there in the House of Representatives?",
        "What is the document about in this year of climate summits?",
    ],
)
def test_standing_alone(question: str) -> None:
    assert leaning(question) is Leaning.ALONE


@pytest.mark.parametrize(
    "question",
    [
        "Apa peran globalisasi?",
        "How do mayors promote their cities?",
        "Berapa banyak walikota?",
        "Masalah apa saja yang dampaknya paling dirasakan di perkotaan?",
        "When several big countries withdrew from the Paris agreement, what did they declare?",
        "Apa itu UCLG dan siapa ketuanya?",
    ],
)
def test_perhaps_leaning(question: str) -> None:
    assert leaning(question) is Leaning.PERHAPS


def test_the_topic_goes_with_the_question() -> None:
    assert standalone("Pasal 28?", ITE) == "Pasal 28? (tentang: isi UU ITE)"
    assert standalone("Apa sanksinya?", ITE) == "Apa sanksinya? (tentang: isi Pasal 27 UU ITE)"
    assert standalone("Kenapa?", []) == "Kenapa?"
    longer = [*ITE, Turn(question="Bagaimana dengan ayat (2)?")]
    assert "UU ITE" in standalone("Kenapa?", longer)
    huge = [Turn(question="kota " * 390 + "berapa?")]
    assert len(standalone("Kenapa begitu?", huge)) <= 2000


@pytest.mark.parametrize(
    ("before", "topic"),
    [
        ("Apa tantangan terbesar diplomasi kota?", "tantangan terbesar diplomasi kota"),
        ("Faktor apa saja yang mendorongnya?", "Faktor yang mendorongnya"),
        ("Jelaskan tentang diplomasi kota.", "diplomasi kota"),
        ("What is city diplomacy?", "city diplomacy"),
        ("Why is coordination important?", "coordination important"),
        ("And what are the main factors?", "the main factors"),
        ("Kenapa?", ""),
        ("Kota mana saja yang disebut dan berperan?", "Kota yang disebut dan berperan"),
        ("Jelaskan yang kedua. (tentang: diplomasi kota)", "diplomasi kota"),
        ("Kenapa? (tentang: diplomasi kota)", "diplomasi kota"),
        ("Apa peluangnya? (tentang: diplomasi kota)", "peluangnya; diplomasi kota"),
        ("Kenapa? (tentang: peluangnya; diplomasi kota)", "diplomasi kota"),
    ],
)
def test_a_topic_reads_as_one(before: str, topic: str) -> None:
    shown = standalone("Kenapa?", [Turn(question=before)])
    assert shown == (f"Kenapa? (tentang: {topic})" if topic else "Kenapa?")


def test_thanks_change_no_topic() -> None:
    turns = [*ITE, Turn(question="Terima kasih!", answer="Dokumen tidak memuat jawabannya.")]
    assert standalone("Kenapa?", turns) == standalone("Kenapa?", ITE)


def test_the_words_shown_are_the_words_searched() -> None:
    shown = "Kenapa? (tentang: tantangan terbesar dari diplomasi kota)"
    assert searched(shown) == "Kenapa tentang tantangan terbesar diplomasi kota?"
    assert searched("Why? (about: the city)") == "Why about city?"
    assert searched("Apa itu diplomasi kota?") == "Apa itu diplomasi kota?"


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Can you say that in English?", Language.ENGLISH),
        ("Jawab dalam bahasa Indonesia", Language.INDONESIAN),
        ("in english please", Language.ENGLISH),
        ("Bisa jawab pakai bahasa Inggris?", Language.ENGLISH),
        ("Translate that into Indonesian.", Language.INDONESIAN),
        ("What is written in English?", None),
        ("Apa bahasa Indonesia?", None),
        ("Apa tantangan pelajaran bahasa Inggris?", None),
    ],
)
def test_a_language_may_be_asked_for(question: str, language: Language | None) -> None:
    assert language_asked_for(question) is language


def test_what_comes_next_is_asked_for() -> None:
    assert leeway("cara mengatasinya?") > leeway("Dan apa yang dibentuk?") > 0
    assert leeway("Who else joined?") > 0
    assert leeway("Siapa saja?") == leeway("And what about the mayors?") == 0


def test_a_word_or_two_keep_the_language_of_the_conversation() -> None:
    english = [Turn(question="What is the greatest challenge of city diplomacy?")]
    assert turn_language("Jakarta?", english) is Language.ENGLISH
    assert turn_language("Kenapa?", english) is Language.INDONESIAN
    assert turn_language("cara mengatasinya?", english) is Language.INDONESIAN
    assert turn_language("Jakarta?", ITE) is Language.INDONESIAN
    assert turn_language("Why?", ITE) is Language.ENGLISH
    assert turn_language("Why?", []) is Language.ENGLISH
