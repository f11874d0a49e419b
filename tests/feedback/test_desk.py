"""A server's desk: it keeps what it can, and never lets an answer wait or fail."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from citydip_rag.errors import CitydipError, FeedbackOffError, ReceiptError, StateError
from citydip_rag.feedback import Asked, Desk, Rating, Reason, Store, today
from citydip_rag.settings import Settings, load_settings
from citydip_rag.state import State

sys.path.insert(0, str(Path(__file__).parent))
from given import answer, rated


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Settings]:
    def make(**changes: Any) -> Settings:
        return load_settings(index=tmp_path / "index", **changes)

    return make


@contextmanager
def desk_of(settings: Settings) -> Iterator[Desk]:
    desk = Desk(settings)
    yield desk
    desk.close()


def kept(settings: Settings) -> tuple[list[tuple[str, str]], list[str]]:
    """The ratings and the logged questions."""
    store = Store.open(settings)
    found = (
        [(r.question, r.rating.value) for r in store.ratings()],
        [one.question for one in store.asked()],
    )
    store.close()
    return found


def until(seen: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not seen():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.anyio
async def test_a_rating_is_kept_once_changed_and_taken_back(made: Callable[..., Settings]) -> None:
    settings = made()
    with desk_of(settings) as desk:
        given = desk.finish(answer()).receipt
        ids = {
            await desk.rate(given, Rating.BAD, [Reason.WRONG], "sal\0ah\ud800"),
            *(await asyncio.gather(*(desk.rate(given, Rating.BAD) for _ in range(5)))),
        }
        assert len(ids) == 1
        assert kept(settings)[0] == [(answer().question, "bad")]
        await desk.rate(given, Rating.GOOD)
        assert kept(settings)[0] == [(answer().question, "good")]
        await desk.rate(given, None)
        assert kept(settings)[0] == []
        with pytest.raises(ReceiptError):
            await desk.rate(given[:-4] + "AAAA", Rating.GOOD)


@pytest.mark.anyio
async def test_another_server_takes_the_rating_also_after_a_restart(
    made: Callable[..., Settings],
) -> None:
    settings = made()
    with desk_of(settings) as first, desk_of(settings) as second, desk_of(settings) as third:
        early = first.finish(answer("Sebelum basis datanya dibuka?")).receipt
        await first.rate(early, Rating.GOOD)
        receipt = first.finish(answer("Sesudahnya?")).receipt
        await second.rate(receipt, Rating.BAD)
        await third.rate(receipt, Rating.BAD)
        assert len(kept(settings)[0]) == 2


@pytest.mark.anyio
async def test_no_ratings_are_taken_where_they_are_off(made: Callable[..., Settings]) -> None:
    with desk_of(made()) as other:
        receipt = other.finish(answer()).receipt
    with desk_of(made(feedback="off")) as desk:
        assert desk.finish(answer()) == answer()
        with pytest.raises(FeedbackOffError):
            await desk.rate(receipt, Rating.GOOD)


def test_questions_are_logged_only_where_that_is_on(made: Callable[..., Settings]) -> None:
    for log in ("off", "on"):
        settings = made(question_log=log)
        desk = Desk(settings)
        with desk.working():
            desk.finish(answer("Siapa?"))
            desk.finish(answer("Apa?", abstained=True))
        assert kept(settings)[1] == (["Apa?", "Siapa?"] if log == "on" else [])


def test_what_is_too_old_is_forgotten_at_the_start_and_daily(
    made: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_BETWEEN_BATCHES", 0.02)
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_BETWEEN_SWEEPS", 0.1)
    settings = made(feedback_days=10, question_log_days=3)
    store = Store.open(settings)

    def fill() -> None:
        for days in (2, 5, 20):
            store.rate(rated(f"a{days}", today() - timedelta(days=days)))
            store.log([Asked.of(answer(), today() - timedelta(days=days))])

    def is_swept() -> bool:
        return [len(list(store.ratings())), len(list(store.asked()))] == [2, 1]

    fill()
    desk = Desk(settings)
    with desk.working():
        until(is_swept)
        store.forget_questions()
        fill()
        until(is_swept)
    store.close()


def _locked(settings: Settings) -> Iterator[None]:
    Store.open(settings).close()
    with sqlite3.connect(settings.state_address) as connection:
        connection.execute("begin immediate")
        yield
        connection.rollback()
    connection.close()


def _a_folder(settings: Settings) -> Iterator[None]:
    Path(settings.state_address).mkdir(parents=True)
    yield


def _no_database(settings: Settings) -> Iterator[None]:
    settings.index.mkdir()
    Path(settings.state_address).write_bytes(b"This is no database." * 99)
    yield


def _full_disk(settings: Settings) -> Iterator[None]:
    """SQLite is allowed no page more than it has: the very error that a full disk gives."""
    Store.open(settings).close()
    opened = State.open

    def filled(address: str | Path) -> State:
        state = opened(address)

        def fill(connection: Any, *_: object) -> None:
            connection.execute("pragma max_page_count = 1")

        state.engine.dispose()
        event.listen(state.engine, "connect", fill)
        return state

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(State, "open", filled)
        yield


@pytest.mark.parametrize("trouble", [_locked, _a_folder, _no_database, _full_disk])
@pytest.mark.anyio
async def test_whatever_befalls_the_database_answers_go_on(
    made: Callable[..., Settings],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[Settings], Iterator[None]],
) -> None:
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_BETWEEN_BATCHES", 0.02)
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_OF_REST", 0.1)
    monkeypatch.setattr("citydip_rag.state.database.SQLITE_SECONDS", 0.2)
    settings = made(question_log="on")
    with contextmanager(trouble)(settings), caplog.at_level(logging.WARNING):
        desk = Desk(settings)
        with desk.working():
            long = answer("Apa? " * 300, answer="kata " * 3_000)  # more than a page of a database
            receipt = desk.finish(long).receipt
            for _ in range(2):
                with pytest.raises(StateError):
                    await desk.rate(receipt, Rating.BAD)
            begun = time.monotonic()
            for _ in range(50):
                desk.finish(long)
            assert time.monotonic() - begun < 0.2
            await asyncio.sleep(0.5)  # it is tried several times, and told of once
    told = [record for record in caplog.records if record.name == "citydip_rag.feedback.desk"]
    assert len(told) == 1
    assert "cannot be kept" in told[0].getMessage()


@pytest.mark.anyio
async def test_a_database_that_comes_back_is_used(
    made: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_BETWEEN_BATCHES", 0.02)
    monkeypatch.setattr("citydip_rag.feedback.desk._SECONDS_OF_REST", 0.05)
    settings = made(question_log="on")
    where = Path(settings.state_address)
    where.mkdir(parents=True)
    desk = Desk(settings)
    with desk.working():
        receipt = desk.finish(answer("Saat mati?")).receipt
        with pytest.raises(CitydipError):
            await desk.rate(receipt, Rating.GOOD)
        where.rmdir()
        desk.finish(answer("Saat hidup?"))
        await desk.rate(receipt, Rating.GOOD)
        await asyncio.sleep(0.2)  # four times the rest after a failure
    ratings, questions = kept(settings)
    assert ratings == [("Saat mati?", "good")]
    assert "Saat hidup?" in questions


@pytest.mark.anyio
async def test_ratings_that_wait_are_bounded(
    made: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.state.database.SQLITE_SECONDS", 0.5)
    monkeypatch.setattr("citydip_rag.feedback.desk._MOST_WAITING", 3)
    settings = made()
    with contextmanager(_locked)(settings), desk_of(settings) as desk:
        receipt = desk.finish(answer()).receipt
        begun = time.monotonic()
        waiting = [asyncio.ensure_future(desk.rate(receipt, Rating.BAD)) for _ in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(StateError, match="Too many"):
            await desk.rate(receipt, Rating.BAD)
        assert time.monotonic() - begun < 0.4
        results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, StateError) for result in results)
