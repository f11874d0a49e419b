"""A real language model, small enough to make things up: over HTTP and in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from citydip_rag import Engine, Settings
from citydip_rag.errors import GenerationError, MissingDependencyError, SettingsError
from citydip_rag.events import Checked, Written
from citydip_rag.generation import ExtractiveGenerator, Generator, Generators
from citydip_rag.generation.chat import Message
from citydip_rag.generation.llamacpp import LlamaCppGenerator
from citydip_rag.generation.openai import OpenAIGenerator
from citydip_rag.schema import Policy

QUESTION = "What is the greatest challenge of city diplomacy?"


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=["extractive", "openai", "llamacpp"])
async def own(
    request: pytest.FixtureRequest, engine: Engine, chat_server: str, small_model: Path
) -> AsyncIterator[Engine]:
    """An engine over the article for each generator."""
    changed = engine.settings.model_copy(
        update={
            "generator": request.param,
            "llm_base_url": chat_server,
            "llm_gguf": small_model,
            "llm_max_tokens": 60,
            "llm_passages": 2,
        }
    )
    generators = Generators(changed)
    yield Engine(changed, engine.embedder, engine.index, generators)
    await generators.aclose()


async def test_every_generator_keeps_the_contract(own: Engine) -> None:
    answer = await own.ask(QUESTION)
    assert not answer.abstained
    assert answer.citations
    for citation in answer.citations:
        text = own.document(citation.document_id).text
        assert text[citation.start : citation.end] == citation.quote
        assert f"[{citation.number}]" in answer.answer
    shown = [claim for claim in answer.claims if claim.citations]
    assert all(claim.supported and claim.text in answer.answer for claim in shown)
    left = [claim for claim in answer.claims if not claim.supported]
    assert not any(claim.text in answer.answer for claim in left)
    if own.generator.quotes:
        assert answer.written == answer.notice == ""
    else:
        assert answer.written
        assert answer.failure in {"", "answer-cut"}


async def test_an_answer_comes_piece_by_piece(own: Engine) -> None:
    events = [event async for event in own.stream(QUESTION, policy=Policy.OFF)]
    assert sum(isinstance(event, Written) for event in events) > 1
    assert any(isinstance(event, Checked) for event in events)


async def test_leaving_ends_the_work(own: Engine) -> None:
    events = own.stream(QUESTION)
    async for event in events:
        if isinstance(event, Written):
            break
    begun = time.monotonic()
    await events.aclose()
    assert time.monotonic() - begun < 2
    answer = await asyncio.wait_for(own.ask(QUESTION), 60)
    assert answer.failure in {"", "answer-cut"}


def named_like(generator: Generator) -> tuple[str, bool]:
    return generator.name, generator.quotes


def test_only_the_extractive_one_quotes(small_model: Path) -> None:
    assert named_like(ExtractiveGenerator()) == ("extractive", True)
    local = LlamaCppGenerator(Settings(llm_gguf=small_model))
    assert named_like(local) == ("llamacpp", False)
    assert local.model.startswith("SmolLM2")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda _: None, "needs a model"),
        (lambda folder: folder / "absent.gguf", "cannot be read"),
        (lambda folder: folder, "cannot be read"),
    ],
)
def test_a_model_file_must_be_there(
    tmp_path: Path, make: Callable[[Path], Path | None], told: str
) -> None:
    pytest.importorskip("xllamacpp")
    with pytest.raises(SettingsError, match=told):
        LlamaCppGenerator(Settings(llm_gguf=make(tmp_path)))


async def test_a_damaged_model_file_is_told(tmp_path: Path, small_model: Path) -> None:
    page = tmp_path / "page.gguf"
    page.write_text("<html>", encoding="utf-8")
    with pytest.raises(SettingsError, match="no GGUF file"):
        LlamaCppGenerator(Settings(llm_gguf=page))
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(small_model.read_bytes()[:100_000])
    generator = LlamaCppGenerator(Settings(llm_gguf=cut))
    with pytest.raises(GenerationError, match="cannot be loaded"):
        async for _ in generator.chat([], 5):
            pass


async def test_who_leaves_while_the_model_loads_leaves_it_to_the_next(
    small_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = LlamaCppGenerator(Settings(llm_gguf=small_model, llm_max_tokens=16))
    loads: list[float] = []
    load = generator._loaded

    def slowly() -> OpenAIGenerator:
        loads.append(time.monotonic())
        time.sleep(0.5)
        return load()

    monkeypatch.setattr(generator, "_loaded", slowly)
    asked = [Message(role="user", content="Hello?")]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(generator.chat(asked, 5)), 0.1)
    async for _ in generator.chat(asked, 5):
        break
    assert len(loads) == 1
    await generator.aclose()


def test_without_the_library_the_install_line_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "xllamacpp", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'citydip-rag\[llamacpp\]'"):
        LlamaCppGenerator(Settings())
