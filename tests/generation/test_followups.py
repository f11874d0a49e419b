"""Which questions lean on the one before, and what becomes of them without a language model."""

from __future__ import annotations

import pytest

from citydip_rag import Language
from citydip_rag.generation.followups import leans_on_earlier, standalone, turn_language
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
    ],
)
def test_leaning(question: str) -> None:
    assert leans_on_earlier(question)


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
    ],
)
def test_standing_alone(question: str) -> None:
    assert not leans_on_earlier(question)
    assert standalone(question, ITE) == question


def test_the_topic_goes_with_the_question() -> None:
    assert standalone("Pasal 28?", ITE) == "Pasal 28 tentang isi Pasal 27 UU ITE?"
    assert standalone("Apa sanksinya?", ITE) == "Apa sanksinya tentang isi Pasal 27 UU ITE?"
    assert standalone("Kenapa?", []) == "Kenapa?"
    longer = [*ITE, Turn(question="Bagaimana dengan ayat (2)?")]
    assert "UU ITE" in standalone("Kenapa?", longer)
    huge = [Turn(question="kota " * 390 + "berapa?")]
    assert len(standalone("Kenapa begitu?", huge)) <= 2000


def test_a_word_or_two_keep_the_language_of_the_conversation() -> None:
    english = [Turn(question="What is the greatest challenge of city diplomacy?")]
    assert turn_language("Jakarta?", english) is Language.ENGLISH
    assert turn_language("Kenapa?", english) is Language.INDONESIAN
    assert turn_language("Jakarta?", ITE) is Language.INDONESIAN
    assert turn_language("Why?", ITE) is Language.ENGLISH
    assert turn_language("Why?", []) is Language.ENGLISH
