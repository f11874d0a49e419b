"""What the page does with a question, without a browser."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from citydip_rag import Engine
from citydip_rag.admission import Admission
from citydip_rag.errors import IndexMissingError
from citydip_rag.events import Event
from citydip_rag.live import LiveEngine
from citydip_rag.schema import (
    MAX_QUESTION_CHARACTERS,
    Document,
    DocumentName,
    Language,
    Turn,
)
from citydip_rag.texts import text
from citydip_rag.ui import page
from citydip_rag.ui.asking import EngineSource, Kept, Shown, ask


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Refusing:
    """An engine that only fails; what it was asked is kept."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []
        self.admission = Admission(1, 0)

    @property
    def current(self) -> Refusing:
        return self

    async def stream(
        self, question: str, *, history: Sequence[Turn] = (), generator: str | None = None
    ) -> AsyncGenerator[Event]:
        self.asked.append(question)
        raise self.error
        yield

    def document(self, document_id: str) -> Document:
        raise self.error

    def document_names(self) -> dict[str, DocumentName]:
        return {"kembar": DocumentName(title="Kota Kembar", source="kembar.md")}

    def can_answer(self, question: str) -> bool:
        raise self.error


NOTHING = Kept()


async def steps(engine: EngineSource, question: str, kept: Kept = NOTHING) -> list[Shown]:
    return [shown async for shown in ask(engine, question, kept)]


@pytest.mark.parametrize(
    ("question", "key", "values"),
    [
        (" \n ", "ui.empty", {}),
        (
            "x" * (MAX_QUESTION_CHARACTERS + 1),
            "ui.too_long",
            {"count": "2,001", "limit": "2,000"},
        ),
    ],
)
@pytest.mark.anyio
async def test_a_question_that_cannot_be_sent_stays_in_the_box(
    question: str, key: str, values: dict[str, str]
) -> None:
    engine = Refusing(RuntimeError())
    [(box, kept, _, hint)] = await steps(engine, question)

    assert box != ""
    assert kept == Kept()
    assert text(Language.ENGLISH, key, **values) in hint
    assert engine.asked == []


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (IndexMissingError("No index at /srv/secret."), "failure.index-missing"),
        (RuntimeError("/srv/secret"), "failure.general"),
    ],
)
@pytest.mark.anyio
async def test_an_error_is_told_in_words_and_never_as_a_trace(
    error: Exception, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.CRITICAL):
        waiting, done = await steps(Refusing(error), "Apa?")

    assert "reply-waiting" in str(waiting[2])
    assert text(Language.INDONESIAN, key) in str(done[2])
    assert "secret" not in str(done[2])


@pytest.mark.anyio
async def test_the_page_leaves_the_routes_before_it_alone_and_names_no_other_host() -> None:
    app = FastAPI()

    @app.get("/health/live")
    def live() -> dict[str, bool]:
        return {"live": True}

    page.mount_page(app, Refusing(IndexMissingError("There is no index.")))
    transport = ASGITransport(app)
    async with AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/health/live")).json() == {"live": True}
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert paths.keys() == {"/health/live"}
        icon = await client.get("/favicon.ico")
        assert icon.headers["content-type"] == "image/svg+xml"
        html = (await client.get("/")).text
    assert "citydip" in html
    assert "fonts.googleapis" not in html
    assert '"analytics_enabled":false' in html.replace(" ", "")


@pytest.mark.anyio
async def test_the_next_question_knows_the_conversation(engine: Engine) -> None:
    *_, (_, kept, _, _) = await steps(LiveEngine(engine), "Apa tantangan terbesar diplomasi kota?")
    assert [turn.question for turn in kept.history] == ["Apa tantangan terbesar diplomasi kota?"]
    *_, (_, after, html, _) = await steps(LiveEngine(engine), "Kenapa begitu?", kept)
    assert len(after.turns) == 2
    assert text(Language.ENGLISH, "ui.understood") in str(html)
    assert len(after.history) == 2


@pytest.mark.anyio
async def test_a_question_that_is_stopped_leaves_a_turn(engine: Engine) -> None:
    asking = ask(LiveEngine(engine), "Apa tantangan terbesar diplomasi kota?", Kept())
    _, begun, _, _ = await anext(asking)
    await asking.aclose()
    kept = begun.settled(LiveEngine(engine))
    assert kept.unfinished is None
    assert len(kept.turns) == 1
    assert "reply-stopped" in kept.turns[0]
    assert kept.history == ()
