"""Follow-ups by rules alone: the second turn finds its own evidence."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from citydip_rag import Engine
from citydip_rag.schema import Turn

FOLDER = Path(__file__).resolve().parent.parent / "eval" / "conversations"


@pytest.mark.parametrize(
    ("name", "conversations", "right"),
    [("conversations.dev.jsonl", 15, 13), ("conversations.jsonl", 20, 12)],
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
