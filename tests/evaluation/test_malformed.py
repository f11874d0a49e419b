"""Malformed input that is easily overlooked is refused too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import load_gates
from citydip_rag.evaluation.datasets import load_beir, load_squad
from citydip_rag.evaluation.questions import load_questions
from citydip_rag.evaluation.training import train_head
from citydip_rag.settings import load_settings

CONTEXT = "Kereta api berjalan. Jalurnya pendek."


def squad(path: Path, *entries: Any) -> Path:
    content = {"data": [{"paragraphs": [{"context": CONTEXT, "qas": list(entries)}]}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def entry(text: str, start: object) -> dict[str, Any]:
    return {"id": "7", "question": "Apa?", "answers": [{"text": text, "answer_start": start}]}


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (entry("Kereta", "nought"), "not a SQuAD file"),
        (entry("Kereta", None), "not a SQuAD file"),
        (entry("", 0), "question '7'"),
        (entry("pendek.", -7), "question '7'"),
        ({"id": "7", "question": "Apa?"}, "not a SQuAD file"),
        ("Apa?", "not a SQuAD file"),
    ],
)
def test_squad_answers(tmp_path: Path, bad: Any, said: str) -> None:
    with pytest.raises(EvaluationError, match=said):
        load_squad(squad(tmp_path / "s.json", bad))


@pytest.mark.parametrize(
    ("change", "said"), [({"question": " "}, "question"), ({"evidence": ["Kota.", ""]}, "evidence")]
)
def test_blank_questions_and_evidence(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    good = {"id": "1", "question": "Apa?", "language": "id", "answerable": True}
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({**good, "evidence": ["Kota."], **change}), encoding="utf-8")
    with pytest.raises(EvaluationError, match=rf"q\.jsonl, line 1: {said}"):
        load_questions(path)


@pytest.mark.parametrize("name", ["corpus", "queries"])
def test_ids_used_twice_in_a_beir_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("q\tc\ts\na\ta\t1\n", encoding="utf-8")
    line = json.dumps({"_id": "a", "text": "Kota."}) + "\n"
    for each in ("corpus", "queries"):
        (tmp_path / f"{each}.jsonl").write_text(line * (1 + (each == name)), encoding="utf-8")
    with pytest.raises(EvaluationError, match=rf"{name}\.jsonl, line 2: _id 'a' is used twice"):
        load_beir(tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [("at_least = 3", "at_least is not a table"), ("[at_most]\nx = nan", "'x' is not a number")],
)
def test_gates(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "gates.toml").write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load_gates(tmp_path / "gates.toml")


def test_training_without_examples(tmp_path: Path, embedder: SentenceTransformersEmbedder) -> None:
    impossible = {"id": "1", "question": "Apa?", "is_impossible": True, "answers": []}
    dataset = load_squad(squad(tmp_path / "empty.json", impossible))
    with pytest.raises(EvaluationError, match="empty has no question to train on"):
        train_head(dataset, load_settings(), embedder, limit=50)
