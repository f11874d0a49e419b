"""Keys and sign-ins in a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from citydip_rag.access import Key, Keys, Scope, Sessions, claimed_id, keys, sessions
from citydip_rag.access.keys import digest, fits, parted
from citydip_rag.errors import AccessKeyError
from citydip_rag.state import State
from postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[State]:
    if request.param == "sqlite":
        address: str | Path = tmp_path / "state.sqlite"
    else:
        server: Postgres = request.getfixturevalue("postgres_server")
        address = server.create()
    opened = State.open(address)
    yield opened
    opened.close()


def found(kept: Keys, key: str) -> Key:
    one = kept.find(claimed_id(key))
    assert one is not None
    return one


def test_a_key_is_made_found_and_revoked(state: State) -> None:
    kept = Keys(state)
    assert not kept.any()
    key = kept.add(" Rini ", [Scope.DOCUMENTS, Scope.ASK, Scope.ASK])
    one = found(kept, key)
    assert (one.name, one.scopes) == ("Rini", (Scope.ASK, Scope.DOCUMENTS))
    assert abs(one.created - datetime.now(UTC)) < timedelta(minutes=1)
    assert (one.expires, one.revoked, one.last_used, one.why_over()) == (None, None, None, "")
    assert kept.all() == [one]
    assert kept.revoke("Rini").id == one.id
    assert found(kept, key).why_over() == "revoked"
    assert kept.any(), "a server does not open because its last key is revoked"


def test_a_key_has_256_random_bits_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "state.sqlite"
    kept = Keys(State.open(file))
    made = [kept.add(f"k{number}", [Scope.ASK]) for number in range(20)]
    secrets = [parted(key)[1] for key in made]
    assert all(re.fullmatch(r"cdk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", key) for key in made)
    assert len(set(secrets)) == 20
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for key, secret in zip(made, secrets, strict=True):
        assert secret.encode() not in written
        assert digest(secret).encode() in written
        assert digest(secret) not in repr(found(kept, key))
        assert "digest" not in found(kept, key).model_dump_json()
    assert file.stat().st_mode & 0o077 == 0


def test_a_secret_fits_its_own_key_alone(state: State) -> None:
    kept = Keys(state)
    one, other = kept.add("satu", [Scope.ASK]), kept.add("dua", [Scope.ASK])
    assert fits(found(kept, one), parted(one)[1])
    assert not fits(found(kept, one), parted(other)[1])
    assert not fits(None, parted(one)[1])
    assert not fits(None, "")


def test_a_name_is_taken_until_its_key_is_revoked(state: State) -> None:
    kept = Keys(state)
    first = kept.add("portal", [Scope.ASK])
    with pytest.raises(AccessKeyError, match="already"):
        kept.add("portal", [Scope.ASK])
    kept.revoke(claimed_id(first))
    second = kept.add("portal", [Scope.ASK])
    assert kept.revoke("portal").id == claimed_id(second)
    with pytest.raises(AccessKeyError, match="no key 'portal'"):
        kept.revoke("portal")


@pytest.mark.parametrize("name", ["", "   ", "x" * 65, "a\nb", "a\x1b[31m"])
def test_what_is_no_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(AccessKeyError, match="printable"):
        Keys(State.open(tmp_path / "s")).add(name, [Scope.ASK])


def test_a_key_expires(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Keys(state)
    key = kept.add("tamu", [Scope.ASK], 2)
    assert found(kept, key).why_over() == ""
    monkeypatch.setattr(keys, "_now", lambda: datetime.now(UTC) + timedelta(days=2, seconds=1))
    assert found(kept, key).why_over() == "expired"


def test_use_is_noted_now_and_then(state: State) -> None:
    kept = Keys(state)
    key = kept.add("tamu", [Scope.ASK])
    assert found(kept, key).is_use_due()
    kept.note_use(found(kept, key))
    noted = found(kept, key)
    assert noted.last_used is not None
    assert not noted.is_use_due()


@pytest.mark.parametrize(
    "text",
    ["", "cdk_", "cdk_0_0", "cdk_" + "0" * 12 + "_" + "a" * 44, "x" * 1_000_000, "kunci ☃", "\0"],
)
def test_what_is_no_key_names_none(text: str) -> None:
    assert parted(text) == ("", "")


def test_a_sign_in_begins_and_ends(state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Sessions(state)
    token, other = kept.begin("a", 1), kept.begin("b", 1)
    assert (kept.key_of(digest(token)), kept.key_of(digest(other))) == ("a", "b")
    assert kept.key_of(token) == "", "only the hash is kept"
    kept.end(token)
    assert (kept.key_of(digest(token)), kept.key_of(digest(other))) == ("", "b")
    now = sessions.time.time_ns()
    monkeypatch.setattr(sessions.time, "time_ns", lambda: now + 3_600_000_000_000)
    assert kept.key_of(digest(other)) == ""


def test_a_key_has_so_many_sign_ins_and_no_more(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_OF_A_KEY", 3)
    ticks = iter(range(10**15, 10**17, 10**9))
    monkeypatch.setattr(sessions.time, "time_ns", lambda: next(ticks))
    kept = Sessions(state)
    tokens = [kept.begin("a", 1) for _ in range(5)]
    assert [kept.key_of(digest(token)) for token in tokens] == ["", "", "a", "a", "a"]
