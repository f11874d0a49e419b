"""Data sets, figures computed by hand, calibration and training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from citydip_rag import Engine
from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.errors import EvaluationError
from citydip_rag.evaluation import (
    Report,
    calibration,
    evaluate_qa,
    evaluate_retrieval,
    training,
)
from citydip_rag.evaluation.datasets import load_beir, load_squad
from citydip_rag.evaluation.questions import load_questions
from citydip_rag.grounding import FEATURES
from citydip_rag.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
CONTEXTS = [
    "Kereta api pertama di Jawa berjalan pada tahun 1867. Jalurnya dari Semarang ke Tanggung.",
    "Donat dibuat dari tepung, gula, dan ragi. Adonan digoreng sampai kuning keemasan.",
    "Walikota Bandung memimpin misi dagang. Ia bertemu investor di Tokyo.",
]
QUESTIONS = [
    ("Tahun berapa kereta api pertama di Jawa berjalan?", 0, "1867"),
    ("Donat dibuat dari apa?", 1, "tepung, gula, dan ragi"),
    ("Siapa yang memimpin misi dagang?", 2, "Walikota Bandung"),
    ("Berapa jumlah penduduk Antartika?", 2, None),
]


def squad_file(path: Path, repeat: int = 1) -> Path:
    paragraphs = []
    for number, context in enumerate(CONTEXTS):
        entries = [
            {
                "id": f"{i}-{n}",
                "question": question,
                "is_impossible": answer is None,
                "answers": [{"text": answer, "answer_start": context.index(answer)}]
                if answer
                else [],
            }
            for i, (question, place, answer) in enumerate(QUESTIONS)
            for n in range(repeat)
            if place == number
        ]
        paragraphs.append({"context": context, "qas": entries})
    content = {"version": "2.0", "data": [{"title": "t", "paragraphs": paragraphs}]}
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def beir_folder(folder: Path) -> Path:
    (folder / "qrels").mkdir(parents=True)
    corpus = [{"_id": f"p{i}", "title": "", "text": text} for i, text in enumerate(CONTEXTS)]
    queries = [{"_id": f"q{i}", "text": question} for i, (question, _, _) in enumerate(QUESTIONS)]
    for name, rows in (("corpus", corpus), ("queries", queries)):
        lines = "\n".join(json.dumps(row) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines + "\n", encoding="utf-8")
    # The second query's judgement is false on purpose: its text can be at best second.
    rows = ["query-id\tcorpus-id\tscore", "q0\tp0\t1", "q1\tp2\t1", "q2\tp2\t1", "q3\tp1\t0"]
    (folder / "qrels" / "test.tsv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_retrieval_figures(tmp_path: Path, embedder: SentenceTransformersEmbedder) -> None:
    report = evaluate_retrieval(load_beir(beir_folder(tmp_path / "b")), load_settings(), embedder)
    assert report.n == 3
    assert report.metrics["recall@1"] == pytest.approx(2 / 3)
    assert report.metrics["recall@5"] == 1
    second = pytest.approx((2 + 1 / 2) / 3), pytest.approx((2 + 1 / 3) / 3)
    assert report.metrics["mrr@10"] in second


def test_qa_figures(tmp_path: Path, embedder: SentenceTransformersEmbedder) -> None:
    report = evaluate_qa(load_squad(squad_file(tmp_path / "s.json")), load_settings(), embedder)
    rows = {row["id"]: row for row in report.rows}
    answered = [not rows[f"{i}-0"]["abstained"] for i in range(3)]
    assert report.metrics["passage_recall@5"] == 1
    assert report.metrics["abstained_answerable"] == pytest.approx(1 - sum(answered) / 3)
    assert rows["0-0"]["answer_cited"] is True
    assert rows["3-0"]["abstained"] is True
    assert report.metrics["abstained_unanswerable"] == 1
    assert report.metrics["balanced_accuracy"] == pytest.approx((sum(answered) / 3 + 1) / 2)


def write_questions(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text("\n".join(json.dumps(entry) for entry in entries), encoding="utf-8")
    return path


EVIDENCE = "Salah satu yang terbesar adalah potensi benturan dengan kebijakan luar negeri"
GOOD = {
    "id": "1",
    "question": "Apa tantangan terbesar diplomasi kota?",
    "language": "id",
    "answerable": True,
    "evidence": [EVIDENCE],
}


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["{"], "line 1: not valid JSON"),
        (["[]"], "line 1: not a JSON object"),
        ([json.dumps(GOOD), json.dumps({**GOOD, "language": "fr"})], "line 2: language"),
        (
            [json.dumps({**GOOD, "evidence": []})],
            "line 1: question .* is answerable and has no evidence",
        ),
        ([json.dumps({**GOOD, "answerable": False})], "line 1: question .* is not answerable and"),
        ([json.dumps(GOOD), "", json.dumps(GOOD)], "line 3: id '1' is used twice"),
        ([json.dumps({**GOOD, "colour": 1})], "line 1: colour"),
        ([""], "holds no questions"),
    ],
)
def test_malformed_question_files(tmp_path: Path, lines: list[str], said: str) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load_questions(path)


def test_malformed_beir_folders(tmp_path: Path) -> None:
    with pytest.raises(EvaluationError, match=r"corpus\.jsonl cannot be read"):
        load_beir(tmp_path)
    folder = beir_folder(tmp_path / "b")
    qrels = folder / "qrels" / "test.tsv"
    for row, said in (
        ("q0\tp0\tx", "line 2: expected"),
        ("q0\tnowhere\t1", "line 2: names"),
        ("", "no judged queries"),
    ):
        qrels.write_text(f"query-id\tcorpus-id\tscore\n{row}\n", encoding="utf-8")
        with pytest.raises(EvaluationError, match=said):
            load_beir(folder)
    (folder / "corpus.jsonl").write_text('{"_id": "a", "text": " "}\n', encoding="utf-8")
    with pytest.raises(EvaluationError, match=r"corpus\.jsonl, line 1: text"):
        load_beir(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "not a SQuAD file"),
        ("{}", "not a SQuAD file"),
        ('{"data": []}', "no questions"),
        (
            (
                '{"data": [{"paragraphs": [{"context": "abc", "qas": [{"id": "7", "question": "q",'
                ' "answers": [{"text": "c", "answer_start": 0}]}]}]}]}'
            ),
            "question '7'.*character 0",
        ),
    ],
)
def test_malformed_squad_files(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "s.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(EvaluationError, match=said):
        load_squad(path)


def test_calibration_finds_the_gap() -> None:
    random = np.random.default_rng(0)

    def example(centre: float, *, answerable: bool) -> calibration.Example:
        values = {name: float(random.normal(centre, 0.3)) for name in FEATURES}
        return calibration.Example(values, answerable)

    examples = [example(1, answerable=True) for _ in range(40)]
    examples += [example(-1, answerable=False) for _ in range(20)]
    fitted = calibration.fit({"made": examples}, "head")
    assert fitted.cross_validated == {"made: auc": 1, "made: answered": 1, "made: declined": 1}
    assert all(fitted.answers(fitted.confidence(e.values)) == e.answerable for e in examples)
    with pytest.raises(EvaluationError, match="at least 8"):
        calibration.fit({"made": examples[:40]}, "head")


def test_calibration_examples(
    tmp_path: Path, engine: Engine, embedder: SentenceTransformersEmbedder
) -> None:
    file = write_questions(tmp_path / "q.jsonl", GOOD)
    (example,) = calibration.examples_from_questions(engine, file)
    assert example.answerable
    dataset = load_squad(squad_file(tmp_path / "s.json", repeat=2))
    made = calibration.examples_from_squad(dataset, load_settings(), embedder, limit=10)
    assert [e.answerable for e in made].count(True) == 3
    whole = [e for e in made if e.answerable]
    without = [e for e in made if not e.answerable]
    assert min(e.values["alignment"] for e in whole) > max(e.values["alignment"] for e in without)


def test_training_runs(
    tmp_path: Path, embedder: SentenceTransformersEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "EPOCHS", 1)
    dataset = load_squad(squad_file(tmp_path / "s.json", repeat=4))
    head = training.train_head(dataset, load_settings(), embedder, limit=50)
    assert np.isfinite(head.output).all()
    assert np.abs(head.query_up).max() > 0
    projection = training.fit_projection(dataset, load_settings(), embedder)
    assert projection.matrix.shape == (embedder.dimension, embedder.dimension)


def test_report_without_rows_has_the_three_fields(tmp_path: Path) -> None:
    Report(name="x", metrics={"a": 1}, n=2, settings={}).write(tmp_path / "r.json")
    content = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert content == {"metrics": {"a": 1}, "n": 2, "settings": {}}


def test_our_own_questions(article: str) -> None:
    folder = ROOT / "eval" / "questions"
    suite = load_questions(folder / "diplomasi-kota.jsonl")
    answerable = [question for question in suite if question.answerable]
    assert len(answerable) >= 40
    assert len(suite) - len(answerable) >= 30
    for kind in (answerable, [q for q in suite if not q.answerable]):
        assert sum(q.language == "en" for q in kind) * 2 == len(kind)
    texts: list[str] = []
    for path in sorted(folder.glob("*.jsonl")):
        for question in load_questions(path):
            texts.append(question.question.lower())
            assert all(evidence in article for evidence in question.evidence)
    assert len(set(texts)) == len(texts)
