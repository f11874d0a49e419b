"""Real servers take ratings of what they have answered, and of nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from citydip_rag import Answer, Engine
from citydip_rag.feedback import MAX_RECEIPT_CHARACTERS, Rated, Store
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from citydip_rag.settings import Settings
from servers import running

QUESTION = "Apa tantangan terbesar diplomasi kota?"
PROBLEM = "application/problem+json"


@pytest.fixture
def settings(engine: Engine, tmp_path: Path) -> Settings:
    return engine.settings.model_copy(update={"state": str(tmp_path / "state.sqlite")})


@pytest.fixture
def serve(engine: Engine, settings: Settings) -> Iterator[Callable[..., httpx.Client]]:
    """Starts servers, each with an engine of its own."""
    with ExitStack() as stack:

        def start(**changes: Any) -> httpx.Client:
            told = settings.model_copy(update=changes)
            own = Engine(told, engine.embedder, engine.index, engine.generators)
            address = stack.enter_context(running(create_app(Library(LiveEngine(own)))))
            return stack.enter_context(httpx.Client(base_url=address, timeout=30))

        yield start


def ratings(settings: Settings) -> list[Rated]:
    store = Store.open(settings)
    found = list(store.ratings())
    store.close()
    return found


def asked(client: httpx.Client, question: str = QUESTION) -> Answer:
    return Answer.model_validate(client.post("/ask", json={"question": question}).json())


def test_an_answer_is_rated_at_either_of_two_servers(
    serve: Callable[..., httpx.Client], settings: Settings
) -> None:
    first, second = serve(), serve()
    answer = asked(first)
    bad = {
        "receipt": answer.receipt,
        "rating": "bad",
        "reasons": ["wrong", "wrong", "quotation"],
        "comment": " Bukan itu. ",
    }
    response = second.post("/feedback", json=bad)
    assert response.status_code == 200, response.text
    (kept,) = ratings(settings)
    assert response.json() == {"id": kept.id, "rating": "bad"}
    assert (kept.question, kept.answer) == (QUESTION, answer.answer)
    assert [c.quote for c in kept.citations] == [c.quote for c in answer.citations]
    assert (kept.reasons, kept.comment) == (("wrong", "quotation"), "Bukan itu.")
    assert first.post("/feedback", json={"receipt": answer.receipt, "rating": "good"}).is_success
    assert [(r.rating, r.reasons) for r in ratings(settings)] == [("good", ())]
    assert first.post("/feedback", json={"receipt": answer.receipt, "rating": None}).is_success
    assert ratings(settings) == []


def test_a_streamed_answer_and_an_abstention_have_receipts_too(
    serve: Callable[..., httpx.Client], settings: Settings
) -> None:
    client = serve()
    streamed = client.post("/ask/stream", json={"question": "Berapa gram tepung untuk donat?"})
    last = [line for line in streamed.text.splitlines() if line.startswith("data:")][-1]
    declined = Answer.model_validate(json.loads(last.removeprefix("data:")))
    assert declined.abstained
    body = {
        "receipt": declined.receipt,
        "rating": "bad",
        "reasons": ["should-have-answered"],
    }
    assert client.post("/feedback", json=body).is_success
    (kept,) = ratings(settings)
    assert kept.abstained
    assert kept.citations == ()


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"rating": "good"}, 422, "receipt"),
        ({"receipt": "a"}, 422, "rating"),
        ({"receipt": "a", "rating": "so-so"}, 422, "rating"),
        ({"receipt": "", "rating": "good"}, 422, "receipt"),
        ({"receipt": "a" * (MAX_RECEIPT_CHARACTERS + 1), "rating": "good"}, 422, "receipt"),
        ({"receipt": "a", "rating": "good", "reasons": ["wrong"]}, 422, "body"),
        ({"receipt": "a", "rating": "bad", "reasons": ["rude"]}, 422, "reasons.0"),
        ({"receipt": "a", "rating": "bad", "comment": "x" * 1_001}, 422, "comment"),
        ({"receipt": "a", "rating": "bad", "answer": "mine"}, 422, "answer"),
        ({"receipt": "a", "rating": "good"}, 404, None),
    ],
)
def test_what_cannot_be_kept_is_said(
    client_of_all: httpx.Client, body: dict[str, Any], status: int, field: str | None
) -> None:
    response = client_of_all.post("/feedback", json=body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == PROBLEM
    fields = [error["field"] for error in response.json().get("errors", ())]
    assert fields == ([field] if field else [])
    assert (
        str(status)
        in client_of_all.get("/openapi.json").json()["paths"]["/feedback"]["post"]["responses"]
    )


@pytest.fixture(scope="module")
def client_of_all(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    state = str(tmp_path_factory.mktemp("feedback") / "state.sqlite")
    told = engine.settings.model_copy(update={"state": state})
    own = Engine(told, engine.embedder, engine.index, engine.generators)
    with (
        running(create_app(Library(LiveEngine(own)))) as address,
        httpx.Client(base_url=address, timeout=30) as client,
    ):
        yield client


def test_where_ratings_are_off(serve: Callable[..., httpx.Client]) -> None:
    receipt = asked(serve()).receipt
    client = serve(feedback="off")
    assert asked(client).receipt == ""
    response = client.post("/feedback", json={"receipt": receipt, "rating": "good"})
    assert response.status_code == 403
    assert response.json()["type"] == "urn:citydip-rag:feedback-off"


def test_without_a_database_questions_are_answered_and_a_rating_is_not_kept(
    serve: Callable[..., httpx.Client], tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    client = serve(state=str(tmp_path / "folder"), question_log="on")
    answer = asked(client)
    assert answer.citations
    response = client.post("/feedback", json={"receipt": answer.receipt, "rating": "good"})
    assert response.status_code == 503
    assert response.headers["retry-after"] == "5"
    assert str(tmp_path) not in response.text


def test_questions_are_logged_where_that_is_on(
    serve: Callable[..., httpx.Client], settings: Settings
) -> None:
    client = serve(question_log="on")
    asked(client, "Siapa namamu, walikota?")
    asked(client)
    store = Store.open(settings)
    deadline = time.monotonic() + 10
    while len(found := list(store.asked())) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    store.close()
    assert found[0].question == QUESTION
    assert found[0].timings_ms["total"] > 0
    assert set(found[0].model_dump()) == {
        *("day", "question", "standalone", "language", "abstained", "confidence"),
        *("generator", "model", "generation", "timings_ms"),
    }
