"""What earlier answers said, and which of it is meant by its number."""

from __future__ import annotations

import pytest

from citydip_rag.generation.earlier import (
    LAST,
    item_asked_for,
    item_named,
    item_of,
    known_sentences,
    sentences_said,
)
from citydip_rag.schema import Turn

NUMBERED = "Ada dua faktor. [1] Pertama, isu di kota. [2] Kedua, globalisasi. [1, 3]"
PLAIN = "The documents say:\n\nKota tumbuh. [1] Kota [sic] bersih. [2]"


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Kalau yang kedua?", 1),
        ("Ceritakan contoh pertama", 0),
        ("alasan ketiganya?", 2),
        ("poin 2?", 1),
        ("Yang terakhir?", LAST),
        ("Tell me more about the second one.", 1),
        ("the third?", 2),
        ("And the last reason?", LAST),
        ("Apa kedua kota itu?", None),
        ("Kapan itu dimulai untuk pertama kali?", None),
        ("Siapa presiden pertama Indonesia?", None),
        ("Who was the first president?", None),
        ("When was it first held?", None),
    ],
)
def test_an_item_is_asked_for_by_its_number(question: str, wanted: int | None) -> None:
    assert item_asked_for(question) == wanted


def test_sentences_of_an_answer() -> None:
    assert sentences_said(PLAIN) == ["Kota tumbuh.", "Kota [sic] bersih."]
    assert sentences_said("") == []
    assert known_sentences([Turn(question="a", answer="A. [1]"), Turn(question="b")]) == {"A."}


@pytest.mark.parametrize(
    ("answer", "wanted", "item"),
    [
        (NUMBERED, 0, "Pertama, isu di kota."),
        (NUMBERED, 1, "Kedua, globalisasi."),
        (NUMBERED, 2, ""),
        (NUMBERED, LAST, "Kedua, globalisasi."),
        (PLAIN, 1, "Kota [sic] bersih."),
        (PLAIN, 5, ""),
        ("Banyak contoh. [1] Salah satu yang menonjol adalah A. [2] Juga B. [3]", 1, "Juga B."),
        ("Hanya satu. [1]", 0, ""),
        ("", 0, ""),
    ],
)
def test_the_item_of_an_answer(answer: str, wanted: int, item: str) -> None:
    assert item_of(answer, wanted) == item


def test_items_asked_for_in_a_row_are_those_of_one_answer() -> None:
    turns = [
        Turn(question="Faktor apa saja?", answer=NUMBERED),
        Turn(question="Jelaskan yang kedua.", answer="Kedua, globalisasi. [1] Kota terhubung. [2]"),
    ]
    assert item_named("Dan yang pertama?", turns) == "Pertama, isu di kota."
    assert item_named("Kenapa?", turns) == ""
    assert item_named("Dan yang pertama?", turns[1:]) == ""
