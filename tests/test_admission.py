"""Turns: so many at once, so many waiting, and the others refused at once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from citydip_rag.admission import LONGEST_WAIT, Admission
from citydip_rag.errors import OverloadedError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_turns_are_had_in_the_order_of_coming() -> None:
    admission = Admission(at_once=2, waiting=3)
    begun: list[int] = []
    done = [asyncio.Event() for _ in range(5)]

    async def work(number: int) -> None:
        async with admission.turn():
            begun.append(number)
            await done[number].wait()

    tasks = []
    for number in range(5):
        tasks.append(asyncio.create_task(work(number)))
        await asyncio.sleep(0)
    assert begun == [0, 1]
    with pytest.raises(OverloadedError):
        async with admission.turn():
            pytest.fail("there was no room")
    for number in (1, 0, 2, 3, 4):
        done[number].set()
        await asyncio.wait({tasks[number]})
        await asyncio.sleep(0)
    assert begun == [0, 1, 2, 3, 4]
    assert admission.present == 0


async def test_a_turn_ends_however_its_work_does() -> None:
    admission = Admission(at_once=1, waiting=0)
    with pytest.raises(ZeroDivisionError):
        async with admission.turn():
            raise ZeroDivisionError
    assert admission.present == 0
    async with admission.turn():
        assert admission.present == 1


async def test_who_stops_waiting_leaves_room() -> None:
    admission = Admission(at_once=1, waiting=1)
    async with admission.turn():
        waiting = asyncio.create_task(admission.turn().__aenter__())
        await asyncio.sleep(0)
        assert admission.present == 2
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert admission.present == 1


@pytest.mark.parametrize(
    ("taken", "at_once", "seconds"),
    [(0.0, 4, 1), (20.0, 4, 2), (20.0, 1, 8), (1e6, 4, LONGEST_WAIT)],
)
async def test_the_time_to_ask_again_is_what_turns_took(
    taken: float, at_once: int, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("citydip_rag.admission.monotonic", lambda: now)
    admission = Admission(at_once=at_once, waiting=4 - at_once)
    async with admission.turn():
        now = taken
    async with AsyncExitStack() as held:
        turns = [asyncio.create_task(held.enter_async_context(admission.turn())) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError) as refused:
            await admission.turn().__aenter__()
        assert refused.value.seconds == seconds
        assert refused.value.headers == {"Retry-After": str(seconds), "Connection": "close"}
        for turn in turns:
            turn.cancel()
        await asyncio.gather(*turns, return_exceptions=True)
