"""How much a key and an address may ask."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from citydip_rag import Settings
from citydip_rag.access import Limits, Principal, limits
from citydip_rag.access.addresses import comes_from_here, counted_as
from citydip_rag.access.limits import Buckets
from citydip_rag.errors import TooManyRequestsError


class Clock:
    """Seconds that pass when told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_fills_up_again_in_a_minute() -> None:
    clock = Clock()
    buckets = Buckets(6, clock)
    for _ in range(6):
        assert buckets.wait("a") == 0
        buckets.take("a")
    assert buckets.wait("a") == 10
    assert buckets.wait("b") == 0
    clock.now += 9.9
    assert buckets.wait("a") == 1
    clock.now += 0.1
    assert buckets.wait("a") == 0
    clock.now += 3600
    for _ in range(6):
        buckets.take("a")
    assert buckets.wait("a") == 10, "no more than a minute's is saved up"


def test_no_number_of_addresses_fills_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    buckets = Buckets(1)
    for number in range(1000):
        buckets.take(str(number))
    assert len(buckets) == 10
    assert buckets.wait("999") > 0
    without_end = Buckets(0)
    without_end.take("a")
    assert (len(without_end), without_end.wait("a")) == (0, 0)


RINI, ADI = Principal("1", "Rini"), Principal("2", "Adi")


@pytest.mark.parametrize(
    ("settings", "first", "second", "said"),
    [
        ({"key_questions_per_minute": 1}, (RINI, "1.1.1.1"), (RINI, "2.2.2.2"), "key may ask 1 "),
        ({"key_questions_per_minute": 1}, (RINI, "1.1.1.1"), (ADI, "1.1.1.1"), ""),
        (
            {"address_questions_per_minute": 1},
            (RINI, "1.1.1.1"),
            (ADI, "1.1.1.1"),
            "address may ask 1 questions a minute",
        ),
        ({"address_questions_per_minute": 1}, (RINI, "1.1.1.1"), (RINI, "2.2.2.2"), ""),
        (
            {"address_questions_per_minute": 1},
            (Principal(), "2001:db8:1:2::3"),
            (Principal(), "2001:db8:1:2:ffff::4"),
            "address",
        ),
        (
            {"address_questions_per_minute": 1},
            (Principal(), "2001:db8:1:2::3"),
            (Principal(), "2001:db8:1:3::3"),
            "",
        ),
        ({"key_questions_per_minute": 1}, (Principal(), "1.1.1.1"), (Principal(), "1.1.1.1"), ""),
    ],
)
def test_each_has_a_share_of_its_own(
    settings: dict[str, int],
    first: tuple[Principal, str],
    second: tuple[Principal, str],
    said: str,
) -> None:
    granted = Limits(Settings(**settings))
    with granted.asking(*first):
        pass
    if not said:
        with granted.asking(*second):
            return
    with pytest.raises(TooManyRequestsError, match=said) as refused, granted.asking(*second):
        pass
    assert 1 <= int(refused.value.headers["Retry-After"]) <= 60


def test_what_goes_on_at_once_is_free_again_when_it_ends() -> None:
    granted = Limits(Settings(key_questions_at_once=2, address_questions_at_once=3))
    with ExitStack() as going_on:
        for _ in range(2):
            going_on.enter_context(granted.asking(RINI, "1.1.1.1"))
        with pytest.raises(TooManyRequestsError, match="key may ask 2 questions at once"):
            going_on.enter_context(granted.asking(RINI, "1.1.1.1"))
        going_on.enter_context(granted.asking(ADI, "1.1.1.1"))
        with pytest.raises(TooManyRequestsError, match="address may ask 3 questions at once"):
            going_on.enter_context(granted.asking(ADI, "1.1.1.1"))
    with pytest.raises(RuntimeError), granted.asking(RINI, "1.1.1.1"):
        raise RuntimeError("a question that fails")
    for _ in range(3):
        with granted.asking(RINI, "1.1.1.1"), granted.asking(RINI, "1.1.1.1"):
            pass


def test_a_refused_question_costs_nothing() -> None:
    granted = Limits(Settings(key_questions_at_once=1, key_questions_per_minute=2))
    with granted.asking(RINI, "1.1.1.1"):
        for _ in range(5):
            with pytest.raises(TooManyRequestsError), granted.asking(RINI, "1.1.1.1"):
                pass
    with granted.asking(RINI, "1.1.1.1"):
        pass


@pytest.mark.parametrize(
    ("address", "here", "counted"),
    [
        ("127.0.0.1", True, "127.0.0.1"),
        ("127.8.8.8", True, "127.8.8.8"),
        ("::1", True, "::/64"),
        ("::ffff:127.0.0.1", True, "127.0.0.1"),
        ("::ffff:10.1.2.3", False, "10.1.2.3"),
        ("10.1.2.3", False, "10.1.2.3"),
        ("2001:db8::1", False, "2001:db8::/64"),
        ("", True, ""),
    ],
)
def test_which_client_an_address_is(address: str, *, here: bool, counted: str) -> None:
    assert comes_from_here(address) is here
    assert counted_as(address) == counted
