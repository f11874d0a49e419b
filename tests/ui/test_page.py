"""What the page does with a question, without a browser."""

from __future__ import annotations

import logging

import pytest
from fastapi import FastAPI
from httpx import ASGITransport, AsyncClient

from citydip_rag.errors import IndexMissingError
from citydip_rag.schema import MAX_QUESTION_CHARACTERS, Answer, Document, DocumentName, Language
from citydip_rag.texts import text
from citydip_rag.ui import page


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Refusing:
    """An engine that only fails; what it was asked is kept."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []

    @property
    def current(self) -> Refusing:
        return self

    async def ask(self, question: str, language: Language | None = None) -> Answer:
        self.asked.append(question)
        raise self.error

    def document(self, document_id: str) -> Document:
        raise self.error

    def document_names(self) -> dict[str, DocumentName]:
        return {"kembar": DocumentName(title="Kota Kembar", source="kembar.md")}

    def can_answer(self, question: str) -> bool:
        raise self.error


async def steps(engine: page.EngineSource, question: str) -> list[page.Shown]:
    return [shown async for shown in page._ask(engine, question, ())]


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
    [(box, turns, _, hint)] = await steps(engine, question)

    assert box != ""
    assert turns == ()
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
    async with AsyncClient(transport=transport, base_url="http://citydip") as client:
        assert (await client.get("/health/live")).json() == {"live": True}
        paths = (await client.get("/openapi.json")).json()["paths"]
        assert paths.keys() == {"/health/live"}
        icon = await client.get("/favicon.ico")
        assert icon.headers["content-type"] == "image/svg+xml"
        html = (await client.get("/")).text
    assert "citydip" in html
    assert "fonts.googleapis" not in html
    assert '"analytics_enabled":false' in html.replace(" ", "")
