"""Malformed input that is easily overlooked is refused too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import load_gates, load_report
from citydip_rag.evaluation.datasets import load_beir, load_nli, load_squad
from citydip_rag.evaluation.questions import load_questions
from citydip_rag.evaluation.training import train_head
from citydip_rag.settings import load_settings
from evaluation.questions import ANSWERED, write_questions

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
        (entry("Kereta", float("inf")), "not a SQuAD file"),
        (entry("Kereta", 0.5), r"not a SQuAD file: .*0\.5 is no int"),
        ({"id": "7", "question": 7, "answers": []}, "not a SQuAD file: .*7 is no str"),
        ({"id": "7", "question": "Apa?", "answers": [{"text": 3, "answer_start": 0}]}, "not a SQ"),
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


DIGITS = "9" * 5000
DEEP = "[" * 100_000


@pytest.mark.parametrize("hostile", [DIGITS, DEEP, '"\\ud800"'])
def test_numbers_and_nesting_that_nobody_means(tmp_path: Path, hostile: str) -> None:
    path = tmp_path / "f.json"
    line = f'{{"id": {hostile}}}' if hostile != DEEP else f'{{"id": {hostile}'
    path.write_text(line, encoding="utf-8")
    for load in (load_questions, load_nli):
        with pytest.raises(EvaluationError, match=r"f\.json, line 1: not valid JSON: .{9,30}\.$"):
            load(path)
    with pytest.raises(EvaluationError, match=r"f\.json is not "):
        load_squad(path)
    with pytest.raises(EvaluationError, match=r"f\.json is no report"):
        load_report(path)


@pytest.mark.parametrize(
    ("bound", "said"),
    [
        (DIGITS, "cannot be read"),
        (DEEP, "cannot be read"),
        ("9" * 400, "line 2: no latency_p50_ms is so far from 0"),
        ("-" + "9" * 400, "line 2: no latency_p50_ms is so far from 0"),
        ("inf", "line 2: the gate 'latency_p50_ms' is not a number"),
    ],
)
def test_bounds_that_nobody_means(tmp_path: Path, bound: str, said: str) -> None:
    gates = tmp_path / "gates.toml"
    gates.write_text(f"[at_most]\nlatency_p50_ms = {bound}\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load_gates(gates)
    gates.write_text('[no_worse_than]\nbaseline = "\\u0000"\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match="cannot be read"):
        load_gates(gates)


def test_evidence_has_an_end(tmp_path: Path) -> None:
    endless = {**ANSWERED, "evidence": ["kota " * 1_000_000]}
    said = r"q\.jsonl, line 1: evidence\.0\.text: is longer than 10,000 characters"
    with pytest.raises(EvaluationError, match=said):
        load_questions(write_questions(tmp_path / "q.jsonl", endless))


@pytest.mark.parametrize(
    ("qrels", "said"),
    [
        ("q\tc\t1\nq\td\t2\n", None),
        ("query-id\tcorpus-id\tscore\r\nq\tc\t1\r\nq\td\t2\r\n", None),
        ("q\tc\t1\nq\td\t" + DIGITS, "line 2: expected query, text and grade"),
        ("q\tc\t1\nq\td\t99999", "line 2: the grade is above 1000"),
        ('q\tc\t1\nq\t"' + "d" * 200_000 + "\t1", "line 2: names a query or a text"),
        ("q 0 c 1\nq 0 d 1", "line 2: expected query, text and grade"),
    ],
)
def test_judgements_with_and_without_a_header(tmp_path: Path, qrels: str, said: str | None) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text(qrels, encoding="utf-8", newline="")
    texts = "".join(json.dumps({"_id": i, "text": "Kota."}) + "\n" for i in "cd")
    (tmp_path / "corpus.jsonl").write_text(texts, encoding="utf-8")
    (tmp_path / "queries.jsonl").write_text('{"_id": "q", "text": "Apa?"}', encoding="utf-8")
    if said is None:
        assert load_beir(tmp_path).qrels == {"q": {"c": 1, "d": 2}}
    else:
        with pytest.raises(EvaluationError, match=rf"test\.tsv, {said}"):
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
