"""Which rewritten follow-ups are asked in the asker's place."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from citydip_rag import Language, Settings
from citydip_rag.embedding import Embedder
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.generation.rewrites import is_faithful
from citydip_rag.questions import understood
from citydip_rag.schema import Turn

KOTA = [Turn(question="Apa itu diplomasi kota?", answer="Kota berdiplomasi. [1]")]
LINES = (Path(__file__).parent / "rewrites.jsonl").read_text(encoding="utf-8").splitlines()


def test_good_rewrites_are_told_from_bad_ones(embedder: Embedder) -> None:
    """The bounds were chosen on these 60."""
    wrong = []
    for line in LINES:
        case = json.loads(line)
        question, answer = case["earlier"]
        turns = [Turn(question=question, answer=answer)]
        if is_faithful(case["rewritten"], case["question"], turns, embedder) != case["good"]:
            wrong.append(case["rewritten"])
    assert len(LINES) == 60
    assert wrong == []


@pytest.mark.parametrize(
    ("question", "rewritten"),
    [
        ("Apa tantangannya?", "Apa tantangan diplomasi kota?"),
        ("Apa tantangannya?", "Apa tantangan kota?"),
        ("Apa tantangannya?", "What are the challenges of city diplomacy?"),
        ("Kapan dimulai?", "Kapan diplomasi kota dimulai?"),
        ("Apa peran globalisasi?", "Apa peran globalisasi?"),
    ],
)
def test_a_follow_up_may_be_put_in_the_conversations_words(
    embedder: Embedder, question: str, rewritten: str
) -> None:
    assert is_faithful(rewritten, question, KOTA, embedder)


@pytest.mark.parametrize(
    ("question", "rewritten"),
    [
        ("Apa tantangannya?", "What is the capital city of France?"),
        ("Apa tantangannya?", "Apa itu diplomasi kota?"),
        ("Apa tantangannya?", "Bagaimana kota berdiplomasi?"),
        ("Apa tantangannya?", "Apa tantangannya?"),
        ("Apa tantangannya?", "Apakah tantangannnya?"),
        ("Apa tantangannya?", "Siapa yang menulis lagu kebangsaan Prancis?"),
        ("Apa tantangannya?", "Apa tantangan diplomasi kota? Dan apa peluangnya?"),
        ("Apa tantangannya?", "Apa tantangan " + "diplomasi kota " * 40 + "?"),
        ("Apa tantangannya?", "Apa tantangan diplomasi kota pada tahun 2030?"),
        ("Apa tantangannya?", "Apa tantangan diplomasi kota Bandung?"),
        ("Kapan dimulai?", "Mengapa diplomasi kota dimulai?"),
    ],
)
def test_a_follow_up_may_not_become_another_question(
    embedder: Embedder, question: str, rewritten: str
) -> None:
    assert not is_faithful(rewritten, question, KOTA, embedder)


async def test_a_small_models_nonsense_is_not_asked(embedder: Embedder, chat_server: str) -> None:
    """It is asked for a rewrite, and what comes is either of the conversation or not taken."""
    question = "Lalu bagaimana cara mengatasinya?"
    written: list[str | None] = []

    class Noting(OpenAIGenerator):
        async def rewrite(
            self, question: str, turns: Sequence[Turn], language: Language
        ) -> str | None:
            written.append(await super().rewrite(question, turns, language))
            return written[-1]

    generator = Noting(Settings(llm_base_url=chat_server))
    asked = await understood(question, KOTA, generator, embedder)
    await generator.aclose()
    assert "diplomasi kota" in asked.alone
    assert asked.alone == f"{question} (tentang: diplomasi kota)" or asked.alone in written
