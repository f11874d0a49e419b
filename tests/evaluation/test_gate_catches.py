"""Three ways to break the system, and the gate that goes red for each, by name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.corpus.passages import PassageMaker
from citydip_rag.embedding import SentenceTransformersEmbedder
from citydip_rag.evaluation import evaluate_suite, load_gates
from citydip_rag.grounding import Calibration
from citydip_rag.schema import Document, Passage, Policy
from servers import running

ROOT = Path(__file__).resolve().parents[2]
ASKED = "dk-002 dk-012 dk-013 dk-017 dk-021 dk-055 dk-057 dk-060 dk-066".split()
GATES = """
[at_least]
exact_citations = 1.0
groundedness = 1.0
language_match = 1.0
citation_recall = 0.9
abstention_recall = 0.9
"""
TRUE = "Walikota seringkali dapat bertindak lebih cepat dan lebih fleksibel."
INVENTED = "Anggaran diplomasi kota Bandung mencapai 900 miliar rupiah pada tahun 2031."


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A few questions of the suite, which an unbroken system gets right."""
    file = ROOT / "eval" / "questions" / "diplomasi-kota.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines()
    few = [line for line in lines if json.loads(line)["id"] in ASKED]
    assert len(few) == len(ASKED)
    (tmp_path / "few.jsonl").write_text("\n".join(few), encoding="utf-8")
    (tmp_path / "gates.toml").write_text(GATES, encoding="utf-8")
    return tmp_path / "few.jsonl"


def broken_metrics(engine: Engine, questions: Path) -> set[str]:
    """The metrics whose gates do not hold."""
    try:
        report = evaluate_suite(engine, [questions])
    finally:
        engine.close()
    judged = load_gates(questions.with_name("gates.toml")).judged(report)
    return {gate.metric for gate in judged.broken}


def opened(settings: Settings, embedder: SentenceTransformersEmbedder, **changes: Any) -> Engine:
    return Engine.open(settings.model_copy(update=changes), embedder)


def test_unbroken_all_gates_hold(
    article_settings: Settings, embedder: SentenceTransformersEmbedder, questions: Path
) -> None:
    for _ in range(2):  # and they do again
        assert broken_metrics(opened(article_settings, embedder), questions) == set()


def test_passages_at_wrong_offsets(
    article_settings: Settings,
    embedder: SentenceTransformersEmbedder,
    questions: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cut = PassageMaker.passages

    def shifted(self: PassageMaker, document: Document) -> Iterator[Passage]:
        for passage in cut(self, document):
            sentences = tuple(
                replace(s, start=s.start + 3, end=s.end + 3) for s in passage.sentences
            )
            yield passage.model_copy(
                update={
                    "start": passage.start + 3,
                    "end": passage.end + 3,
                    "sentences": sentences,
                }
            )

    monkeypatch.setattr(PassageMaker, "passages", lambda *of: list(shifted(*of)))
    settings = article_settings.model_copy(update={"index": tmp_path / "index"})
    index_folder(settings, embedder)
    assert "exact_citations" in broken_metrics(opened(settings, embedder), questions)


def test_a_threshold_of_zero(
    article_settings: Settings,
    embedder: SentenceTransformersEmbedder,
    questions: Path,
    tmp_path: Path,
) -> None:
    shipped = Calibration.load(None)
    (tmp_path / "zero.json").write_text(
        shipped.model_copy(update={"threshold": 0.0}).model_dump_json(), encoding="utf-8"
    )
    engine = opened(article_settings, embedder, calibration=tmp_path / "zero.json")
    assert broken_metrics(engine, questions) == {"abstention_recall"}


@pytest.fixture(scope="module")
def inventor() -> Iterator[str]:
    """A chat server that says one thing of the documents and adds a fact of its own."""
    with running(saying(f"{TRUE} [1] {INVENTED} [2]")) as address:
        yield f"{address}/v1"


def saying(text: str) -> FastAPI:
    """A chat server that always says the same."""
    api = FastAPI()

    @api.post("/v1/chat/completions")
    async def complete() -> StreamingResponse:
        return StreamingResponse(_spoken(text), media_type="text/event-stream")

    return api


async def _spoken(text: str) -> AsyncIterator[str]:
    for piece, finish in ((text, None), ("", "stop")):
        choice = {"index": 0, "delta": {"content": piece}, "finish_reason": finish}
        yield f"data: {json.dumps({'choices': [choice]})}\n\n"
    yield "data: [DONE]\n\n"


@pytest.mark.parametrize(
    ("policy", "ungrounded"), [(Policy.OFF, True), (Policy.MARK, True), (Policy.STRICT, False)]
)
def test_a_model_that_adds_facts(
    article_settings: Settings,
    embedder: SentenceTransformersEmbedder,
    questions: Path,
    inventor: str,
    policy: Policy,
    *,
    ungrounded: bool,
) -> None:
    engine = opened(
        article_settings,
        embedder,
        generator="openai",
        llm_base_url=inventor,
        llm_model="inventor",
        policy=policy,
    )
    assert ("groundedness" in broken_metrics(engine, questions)) is ungrounded


@pytest.mark.parametrize("language", ["en", "id"])
def test_a_model_that_answers_in_indonesian_only(
    article_settings: Settings,
    embedder: SentenceTransformersEmbedder,
    questions: Path,
    inventor: str,
    language: str,
) -> None:
    file = ROOT / "eval" / "questions" / "diplomasi-kota.jsonl"
    few = {"en": "dk-036", "id": "dk-012"}
    lines = file.read_text(encoding="utf-8").splitlines()
    asked = next(line for line in lines if json.loads(line)["id"] == few[language])
    assert json.loads(asked)["language"] == language
    questions.write_text(asked, encoding="utf-8")
    (questions.parent / "gates.toml").write_text(
        "[at_least]\nlanguage_match = 1\n", encoding="utf-8"
    )
    model = {"generator": "openai", "llm_base_url": inventor, "llm_model": "inventor"}
    engine = opened(article_settings, embedder, policy=Policy.OFF, **model)
    assert broken_metrics(engine, questions) == ({"language_match"} if language == "en" else set())
