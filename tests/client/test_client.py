"""The typed client, against the real server."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from citydip_rag import Engine, Settings
from citydip_rag.client import (
    AsyncClient,
    Client,
    JobState,
    ProblemError,
    calls,
    models,
)
from citydip_rag.embedding import Embedder
from citydip_rag.events import Answered, Checked, Retrieved, Written
from citydip_rag.library import Job, Library
from citydip_rag.listing import DocumentInfo
from citydip_rag.live import LiveEngine
from citydip_rag.schema import Language, Policy, Turn
from citydip_rag.server.app import create_app
from citydip_rag.server.routes import documents, health
from servers import running

QUESTION = "Dengan siapa kota ini bekerja sama?"
UNKNOWN = "Berapa gram tepung untuk membuat donat?"


@pytest.fixture
def address(own_settings: Settings, embedder: Embedder) -> Iterator[str]:
    with running(create_app(Library(LiveEngine(Engine.open(own_settings, embedder))))) as served:
        yield served


def test_the_whole_way(address: str, tmp_path: Path) -> None:
    file = tmp_path / "kembar.md"
    file.write_text("# Kembar\n\nBandung dan Braunschweig bersahabat sejak 1960.", "utf-8")
    with Client(address) as client:
        assert client.ready().generators[0] == "extractive"
        assert [d.source for d in client.documents().documents] == ["awal.txt"]
        accepted = client.add(file, ("lain.txt", b"Kota lain bekerja."))
        assert sorted(accepted.sources) == ["kembar.md", "lain.txt"]
        assert client.wait(timeout=60, every=0.05).state is JobState.DONE
        listed = {d.source: d.id for d in client.documents().documents}
        assert listed.keys() == {"awal.txt", "kembar.md", "lain.txt"}
        identity = listed["kembar.md"]
        answer = client.ask("Sejak kapan Bandung dan Braunschweig bersahabat?")
        (citation,) = answer.citations
        text = client.text(citation.document_id)
        assert text[citation.start : citation.end] == citation.quote
        assert client.document(identity).characters == len(text)
        assert client.text(identity, 2, 8) == text[2:8]
        assert client.search("Bandung", top_k=1, documents=[identity]).passages[0].page is None
        with pytest.raises(ProblemError) as caught:
            client.add(("lain.txt", b"anders"))
        assert caught.value.status == 409
        client.add(("lain.txt", b"Lain sekali."), replace=True)
        assert client.remove(identity).sources == ("kembar.md",)
        client.wait(timeout=60, every=0.05)
        assert client.indexing().state is JobState.DONE


async def test_the_whole_way_without_waiting(address: str) -> None:
    async with AsyncClient(address) as client:
        assert (await client.ready()).documents == 1
        accepted = await client.add(("lain.txt", b"Jakarta bersahabat dengan Tokyo."))
        assert accepted.job.state is models.JobState.RUNNING
        assert (await client.wait(timeout=60, every=0.05)).state is JobState.DONE
        listed = {d.source: d.id for d in (await client.documents()).documents}
        identity = listed["lain.txt"]
        assert (await client.document(identity)).source == "lain.txt"
        assert await client.text(identity) == "Jakarta bersahabat dengan Tokyo."
        found = await client.search("Jakarta", documents=[identity])
        assert found.passages
        answer = await client.ask("Dengan kota mana Jakarta bersahabat?")
        events = [e async for e in client.stream("Dengan kota mana Jakarta bersahabat?")]
        last = events[-1]
        assert isinstance(last, Answered)
        assert last.answer.citations == answer.citations
        assert (await client.indexing()).state is JobState.DONE
        assert (await client.remove(identity)).sources == ("lain.txt",)
        await client.wait(timeout=60, every=0.05)


@pytest.fixture
async def asked(library: Library) -> AsyncIterator[AsyncClient]:
    transport = httpx.ASGITransport(create_app(library))
    async with AsyncClient("http://127.0.0.1", transport=transport) as client:
        yield client


async def test_events_are_typed(asked: AsyncClient) -> None:
    question = "Apa tantangan terbesar diplomasi kota?"
    events = [event async for event in asked.stream(question, top_k=2)]
    kinds = [type(event) for event in events]
    assert kinds[0] is Retrieved
    assert kinds[-1] is Answered
    assert set(kinds[1:-1]) == {Written, Checked}
    said = "".join(event.says for event in events if isinstance(event, Checked))
    assert isinstance(events[-1], Answered)
    assert events[-1].answer.answer == said


async def test_every_option_is_sent(asked: AsyncClient) -> None:
    answer = await asked.ask(
        "Kenapa?",
        language=Language.ENGLISH,
        top_k=2,
        documents=None,
        history=[Turn(question="Apa itu diplomasi kota?", answer="Kerja sama.")],
        generator="extractive",
        policy=Policy.MARK,
    )
    assert (answer.language, answer.generator) == (Language.ENGLISH, "extractive")
    assert answer.standalone


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_refusal_says_which_field(asked: AsyncClient, *, streamed: bool) -> None:
    given = {"question": "kota", "documents": ["nowhere"]}
    refused: Any = anext(asked.stream(**given)) if streamed else asked.ask(**given)
    with pytest.raises(ProblemError) as caught:
        await refused
    problem = caught.value
    assert (problem.status, problem.type) == (422, "urn:citydip-rag:invalid-question")
    assert [error.field for error in problem.errors] == ["documents"]
    assert "nowhere" in problem.detail
    assert str(problem) == problem.detail
    assert problem.retry_after is None


async def test_what_is_not_there(asked: AsyncClient) -> None:
    with pytest.raises(ProblemError, match="no document"):
        await asked.text("a b?c#d")


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(calls.KEY_VARIABLE, "of the environment")
    assert calls.headers(None) == {"Authorization": "Bearer of the environment"}
    assert calls.headers("mine") == {"Authorization": "Bearer mine"}
    monkeypatch.delenv(calls.KEY_VARIABLE)
    assert calls.headers(None) == {}
    assert calls.timeouts(httpx.Timeout(3)).connect == 3


def test_both_clients_do_the_same() -> None:
    def offered(client: type) -> dict[str, list[str]]:
        return {
            name.removeprefix("a") if name == "aclose" else name: list(
                inspect.signature(value).parameters
            )
            for name, value in vars(client).items()
            if inspect.isfunction(value) and not name.startswith("_")
        }

    assert offered(Client) == offered(AsyncClient)


@pytest.mark.parametrize(
    ("mine", "servers"),
    [
        (models.Accepted, documents.Accepted),
        (models.DocumentDetail, documents.DocumentDetail),
        (models.DocumentInfo, DocumentInfo),
        (models.DocumentList, documents.DocumentList),
        (models.DocumentText, documents.DocumentText),
        (models.Job, Job),
    ],
)
def test_what_comes_is_what_the_server_sends(mine: Any, servers: Any) -> None:
    assert fields(mine) == fields(servers)


def test_a_stranger_is_told_less_of_what_is_ready() -> None:
    assert models.Ready.model_fields.keys() == health.ReadyDetail.model_fields.keys()
    assert models.Ready.model_validate(health.Ready().model_dump()).status == "ready"


def fields(model: Any) -> Any:
    """A model's fields and types, without what is said about them."""

    def bare(part: Any) -> Any:
        if isinstance(part, dict):
            return {k: bare(v) for k, v in part.items() if k not in {"description", "title"}}
        return [bare(item) for item in part] if isinstance(part, list) else part

    return bare(model.model_json_schema())


def test_the_client_starts_without_the_server() -> None:
    code = (
        "import sys, citydip_rag.client;"
        "print([m for m in ('torch','transformers','faiss','fastapi','gradio','sklearn','mcp')"
        " if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"
