"""What is kept, in both databases."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from threading import Barrier

import pytest

from citydip_rag.feedback import Asked, Rating, Reason, Store
from citydip_rag.feedback.nouns import Quoted
from citydip_rag.feedback.receipts import KEY_BYTES
from citydip_rag.state import State

sys.path.insert(0, str(Path(__file__).parent))
from given import answer, rated

DAY = date(2026, 3, 9)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "state.sqlite")
    address: str = request.getfixturevalue("postgres_server").create()
    return address


@pytest.fixture
def store(database: str) -> Iterator[Store]:
    opened = Store(State.open(database))
    yield opened
    opened.close()


def test_a_rating_is_kept_as_it_was_given(store: Store) -> None:
    given = rated(
        "a1",
        DAY,
        reasons=(Reason.WRONG, Reason.QUOTATION),
        comment="Angkanya “keliru” 🙁\nsungguh",
        of=answer(standalone="Apa kerja kota?", citations=answer().citations * 2),
    )
    store.rate(given)
    assert list(store.ratings()) == [given]


def test_the_last_rating_of_an_answer_counts_and_can_be_taken_back(store: Store) -> None:
    store.rate(rated("a1", DAY, reasons=(Reason.WRONG,), comment="salah"))
    store.rate(rated("a1", DAY + timedelta(days=1), Rating.GOOD))
    store.rate(rated("b2", DAY))
    assert [(r.id, r.rating, r.comment) for r in store.ratings()] == [
        ("a1", "good", ""),
        ("b2", "bad", ""),
    ]
    assert [r.id for r in store.ratings(Rating.BAD)] == ["b2"]
    store.take_back("a1")
    store.take_back("a1")
    assert [r.id for r in store.ratings()] == ["b2"]


def test_what_no_text_of_postgresql_may_hold_is_kept_in_a_quotation(store: Store) -> None:
    odd = rated("a1", DAY).model_copy(
        update={"citations": (Quoted(document_id="a", start=0, end=2, quote="a\0"),)}
    )
    store.rate(odd)
    assert list(store.ratings()) == [odd]


def test_questions_are_logged(store: Store) -> None:
    logged = [Asked.of(answer(f"Pertanyaan {n}?"), DAY + timedelta(days=n)) for n in range(3)]
    store.log(logged[:2])
    store.log(logged[2:])
    assert list(store.asked()) == logged[::-1]


def test_what_is_too_old_is_forgotten(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citydip_rag.feedback.store._AT_ONCE", 2)  # so that it takes several goes
    for n in range(7):
        store.rate(rated(f"a{n}", DAY + timedelta(days=n)))
        store.log([Asked.of(answer(), DAY + timedelta(days=n))])
    assert store.forget_ratings(DAY + timedelta(days=5)) == 5
    assert [r.id for r in store.ratings()] == ["a6", "a5"]
    assert store.forget_questions(DAY + timedelta(days=1)) == 1
    assert store.forget_questions() == 6
    assert store.forget_questions() == 0
    assert store.forget_ratings() == 2
    assert list(store.ratings()) == []


def test_all_servers_sign_with_one_key_and_share_what_is_kept(database: str, store: Store) -> None:
    other = Store(State.open(database))
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda n: (store, other)[n % 2].key(), range(16)))
        list(pool.map(lambda n: (store, other)[n % 2].rate(rated("a1", DAY)), range(40)))
    assert len(keys) == 1
    assert len(keys.pop()) == KEY_BYTES
    assert len(list(other.ratings())) == 1
    other.close()


def test_many_open_a_new_database_at_the_same_moment(database: str) -> None:
    together = Barrier(8)

    def opened(_: int) -> bytes:
        together.wait(timeout=20)
        store = Store(State.open(database))
        key = store.key()
        store.close()
        return key

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(opened, range(8)))) == 1


def test_what_is_forgotten_is_not_left_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    store = Store(State.open(file))
    store.rate(rated("a1", DAY, comment="rahasia-sekali"))
    store.close()
    assert b"rahasia-sekali" in file.read_bytes()
    store = Store(State.open(file))
    store.forget_ratings()
    store.close()
    left = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"rahasia-sekali" not in left
