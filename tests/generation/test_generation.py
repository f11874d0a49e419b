"""The extractive generator, the registry and the prompts."""

from __future__ import annotations

from importlib.metadata import EntryPoint
from typing import Any

import pytest

from citydip_rag import Engine, Language
from citydip_rag.errors import SettingsError
from citydip_rag.evaluation.collection import engine_over, whole_passage
from citydip_rag.generation import ExtractiveGenerator, GenerationRequest, registry
from citydip_rag.generation.extractive import MAX_SENTENCES, choose_sentences
from citydip_rag.generation.registry import make_generator
from citydip_rag.settings import Settings, load_settings


def quoted(engine: Engine, question: str) -> list[str]:
    found = engine.find(question)
    passages = [c.passage for c in found.candidates]
    request = GenerationRequest(question, found.language, passages, found.evidence)
    texts = []
    for chosen in choose_sentences(request):
        passage = passages[chosen.passage]
        span = passage.sentences[chosen.index]
        texts.append(passage.text[span.start - passage.start : span.end - passage.start])
    return texts


def test_a_leaning_sentence_brings_the_one_before(engine: Engine) -> None:
    said = quoted(engine, "Apa yang berpotensi berbenturan dengan kebijakan luar negeri?")
    at = next(i for i, text in enumerate(said) if text.startswith("Salah satu yang terbesar"))
    assert said[at - 1].endswith("menghadapi tantangan.")


@pytest.mark.parametrize(
    ("question", "opening"),
    [
        ("Apa faktor kedua munculnya diplomasi kota?", "Kedua,"),
        ("What is the first factor behind city diplomacy?", "Pertama,"),
    ],
)
def test_ordinals(engine: Engine, question: str, opening: str) -> None:
    (said,) = quoted(engine, question)
    assert said.startswith(opening)


@pytest.mark.parametrize(
    "question", ["Apa peran walikota?", "Why do mayors matter?", "diplomasi", "Walikota London?"]
)
def test_one_to_three_sentences_in_reading_order(
    engine: Engine, article: str, question: str
) -> None:
    said = quoted(engine, question)
    assert 1 <= len(said) <= MAX_SENTENCES
    places = [article.index(text) for text in said]
    assert places == sorted(places)


async def test_brackets_of_a_document_are_not_markers(engine: Engine) -> None:
    text = "Sistem GPS [1] dipakai kapal [2] di laut. Radio dipakai di darat."
    document, passage = whole_passage("gps", "", text)
    with engine_over([document], [passage], load_settings(), engine.embedder) as small:
        answer = await small.ask("Apa yang dipakai kapal di laut?")
    assert answer.citations[0].quote == "Sistem GPS [1] dipakai kapal [2] di laut."
    assert answer.claims[0].text == "Sistem GPS [1] dipakai kapal [2] di laut."


async def test_a_question_in_a_document_is_no_answer(engine: Engine) -> None:
    text = "May I work during my studies? Yes, up to 15 hours a week. Bring your permit."
    document, passage = whole_passage("faq", "", text)
    with engine_over([document], [passage], load_settings(), engine.embedder) as small:
        answer = await small.ask("Can I work during my studies?")
    quotes = [citation.quote for citation in answer.citations]
    assert "Yes, up to 15 hours a week." in quotes
    assert "May I work during my studies?" not in quotes


async def test_nothing_found_gives_nothing() -> None:
    request = GenerationRequest("Apa?", Language.INDONESIAN, [], [])
    assert [piece async for piece in ExtractiveGenerator().stream(request)] == []


def test_generators_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert make_generator("extractive", Settings()).model == "none"
    with pytest.raises(SettingsError, match=r"'gpt'.*extractive"):
        make_generator("gpt", Settings())

    class Found(tuple[Any, ...]):
        names = frozenset({"theirs"})

    def entries(**_: str) -> Found:
        return Found([EntryPoint("theirs", "collections:OrderedDict", registry.GROUP)])

    monkeypatch.setattr(registry, "entry_points", entries)
    with pytest.raises(SettingsError, match="does not make a Generator"):
        make_generator("theirs", Settings())
