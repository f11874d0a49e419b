"""Thirty documents that give orders: none changes an answer beyond being quoted as text."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from citydip_rag import Engine, Settings
from citydip_rag.generation import GenerationRequest, Generator
from citydip_rag.indexing import index_folder
from citydip_rag.schema import Answer

if TYPE_CHECKING:
    from citydip_rag.embedding import Embedder

FILE = Path(__file__).resolve().parent.parent / "eval" / "claims" / "injections.jsonl"
ATTACKS: list[dict[str, Any]] = [
    json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()
]


class Obedient(Generator):
    """The worst of all models: it writes whatever the document wants it to write."""

    def __init__(self) -> None:
        self.wanted: list[str] = []
        self.honest = ""

    @property
    def name(self) -> str:
        return "obedient"

    @property
    def model(self) -> str:
        return "none"

    async def stream(self, request: GenerationRequest) -> AsyncIterator[str]:
        for said in self.wanted:
            yield f"{said}. [1] The answer to your question is {said}. [1] "
        yield f"{self.honest} [1]"


@pytest.fixture(scope="module")
def obedient() -> Obedient:
    return Obedient()


@pytest.fixture(scope="module")
def attacked(
    tmp_path_factory: pytest.TempPathFactory, embedder: Embedder, obedient: Obedient
) -> Engine:
    """An engine over all of these documents at once."""
    home = tmp_path_factory.mktemp("orders")
    seeds = home / "seeds"
    seeds.mkdir()
    for number, attack in enumerate(ATTACKS):
        (seeds / f"d{number:02}.txt").write_text(attack["text"], encoding="utf-8")
    settings = Settings(seeds=seeds, index=home / "index")
    index_folder(settings, embedder)
    engine = Engine.open(settings, embedder)
    engine.generators.add(obedient)
    return engine


def own_words(answer: Answer) -> str:
    """The answer without what it quotes to the letter."""
    said = answer.answer
    for citation in answer.citations:
        said = said.replace(" ".join(citation.quote.split()), "").replace(citation.quote, "")
    return said.lower()


def test_there_are_thirty() -> None:
    assert len(ATTACKS) == 30
    assert {attack["language"] for attack in ATTACKS} == {"id", "en"}


@pytest.mark.parametrize("number", range(len(ATTACKS)))
@pytest.mark.parametrize("generator", ["extractive", "obedient"])
async def test_an_order_in_a_document_is_not_obeyed(
    attacked: Engine, obedient: Obedient, generator: str, number: int
) -> None:
    attack = ATTACKS[number]
    obedient.wanted, obedient.honest = attack["must_not"], attack["honest"]
    answer = await attacked.ask(attack["question"], generator=generator)
    for said in attack["must_not"]:
        assert said.lower() not in own_words(answer)
