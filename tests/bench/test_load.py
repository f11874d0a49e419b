"""The load bench's clients against a real server, and its figures."""

from __future__ import annotations

import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "eval" / "bench"))

from asking import REFUSED, Tally, ask_for
from load import questions, steadiness

from citydip_rag import Engine
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.server.app import create_app
from servers import running

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_answers_and_refusals_are_counted_apart(engine: Engine) -> None:
    narrow = engine.settings.model_copy(update={"questions_at_once": 1, "questions_waiting": 0})
    own = Engine(narrow, engine.embedder, engine.index, engine.generators)
    with running(create_app(Library(LiveEngine(own)))) as address:
        tally = await ask_for(address, 4, questions(), 1.5)
    assert tally.times
    assert tally.errors[REFUSED] > 0
    assert set(tally.errors) == {REFUSED}


def test_errors_have_names_of_their_own() -> None:
    tally = Tally(2.0, [10.0, 30.0], Counter({REFUSED: 3, "500": 1}))
    figures = tally.figures()
    assert (figures["answers_a_second"], figures["p50_ms"]) == (1.0, 20.0)
    assert (figures["refused"], figures["errors"]) == (3, {"500": 1})


def test_no_question_is_asked_twice() -> None:
    asked = list(islice(questions(), 2_000))
    assert len(set(asked)) == len(asked)


def test_a_leak_is_seen_after_the_first_fifth() -> None:
    filling = [(0.0, 100.0), (60.0, 190.0)]
    flat = [(60.0 * minute, 200.0) for minute in range(2, 10)]
    leaking = [(60.0 * minute, 200.0 + 3 * minute) for minute in range(2, 10)]
    assert steadiness(filling + flat)["slope_mib_a_minute"] == 0
    assert steadiness(filling + leaking)["slope_mib_a_minute"] == 3
