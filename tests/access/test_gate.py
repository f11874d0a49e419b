"""Who asks and what they may, by key, cookie and address."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from citydip_rag import Settings
from citydip_rag.access import Access, Keys, Scope, Sent, claimed_id, recent
from citydip_rag.access.limits import FAILURES_A_MINUTE
from citydip_rag.access.recent import MOST, SECONDS, Recent
from citydip_rag.errors import StateError, TooManyRequestsError, UnauthenticatedError

HERE, THERE = "127.0.0.1", "192.0.2.7"
OWN = "made-up-by-a-person"
EVERYTHING = set(Scope)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(index=tmp_path)


@pytest.fixture
def access(settings: Settings) -> Iterator[Access]:
    opened = Access(settings)
    yield opened
    opened.close()


def on_network(settings: Settings, **values: Any) -> Settings:
    return settings.model_copy(update={"host": "0.0.0.0", **values})  # noqa: S104


async def test_with_no_key_this_machine_s_user_may_everything_and_others_nothing(
    access: Access, settings: Settings
) -> None:
    mine = await access.visitor(Sent(), HERE)
    assert mine.principal.scopes == EVERYTHING
    assert mine.limits is None
    assert (await access.visitor(Sent(), THERE)).principal.scopes == set()
    assert list(settings.index.iterdir()) == [], "who has no keys has no database"


@pytest.mark.parametrize(
    ("values", "address", "scopes"),
    [
        ({"api_key": OWN}, HERE, {Scope.ASK}),
        ({"api_key": OWN}, THERE, set()),
        ({"host": "0.0.0.0"}, HERE, set()),  # noqa: S104
        ({"host": "0.0.0.0", "api_key": OWN}, HERE, set()),  # noqa: S104
        ({"host": "0.0.0.0", "auth": "none"}, THERE, {Scope.ASK, Scope.DOCUMENTS}),  # noqa: S104
        ({"host": "0.0.0.0", "auth": "none", "api_key": OWN}, THERE, {Scope.ASK}),  # noqa: S104
        ({"auth": "none"}, HERE, EVERYTHING),
    ],
)
async def test_what_a_stranger_may(
    tmp_path: Path, values: dict[str, Any], address: str, scopes: set[Scope]
) -> None:
    access = Access(Settings(index=tmp_path, **values))
    visitor = await access.visitor(Sent(), address)
    assert visitor.principal.scopes == scopes
    assert visitor.principal.id == ""
    assert (visitor.limits is None) is ("auth" not in values and bool(scopes))
    access.close()


async def test_the_first_key_closes_a_running_server_and_the_last_does_not_open_it(
    access: Access, settings: Settings
) -> None:
    assert not await access.is_closed()
    kept = Keys.open(settings)
    kept.add("Rini", [Scope.ASK])
    await asyncio.sleep(SECONDS)
    assert await access.is_closed()
    assert (await access.visitor(Sent(), HERE)).principal.scopes == set()
    kept.revoke("Rini")
    await asyncio.sleep(SECONDS)
    assert await access.is_closed()


async def test_a_revoked_key_and_its_sign_ins_end_within_a_second(
    access: Access, settings: Settings
) -> None:
    kept = Keys.open(settings)
    key = kept.add("Rini", [Scope.ASK])
    other_server = Access(settings)
    token = await access.sign_in(key, HERE)
    for server in (access, other_server):
        known = await server.known(Sent(key=key), HERE)
        signed_in = await server.known(Sent(token=token), HERE)
        assert known is not None
        assert signed_in is not None
        assert (known.name, known.signed_in) == ("Rini", False)
        assert (signed_in.id, signed_in.signed_in) == (known.id, True)
    kept.revoke("Rini")
    await asyncio.sleep(SECONDS)
    for server in (access, other_server):
        with pytest.raises(UnauthenticatedError, match="revoked"):
            await server.known(Sent(key=key), HERE)
        assert await server.known(Sent(token=token), HERE) is None
        assert (await server.visitor(Sent(token=token), HERE)).principal.scopes == set()
    other_server.close()


async def test_who_signs_out_is_out(access: Access, settings: Settings) -> None:
    key = Keys.open(settings).add("Rini", [Scope.ASK])
    token, other = await access.sign_in(key, HERE), await access.sign_in(key, HERE)
    assert await access.known(Sent(token=token), HERE)
    await access.sign_out(token)
    await access.sign_out("")
    await access.sign_out("x" * 1_000_000)
    assert await access.known(Sent(token=token), HERE) is None
    assert await access.known(Sent(token=other), HERE)


async def test_the_setting_s_key_asks_and_changes_documents_until_it_is_another(
    settings: Settings,
) -> None:
    access = Access(on_network(settings, api_key=Settings(api_key=OWN).api_key))
    known = await access.known(Sent(key=OWN), THERE)
    assert known is not None
    assert known.scopes == {Scope.ASK, Scope.DOCUMENTS}
    assert OWN not in repr(known)
    token = await access.sign_in(OWN, THERE)
    assert await access.known(Sent(token=token), THERE)
    another = Access(on_network(settings, api_key=Settings(api_key=OWN + "2").api_key))
    assert await another.known(Sent(token=token), THERE) is None
    none = Access(on_network(settings))
    assert await none.known(Sent(token=token), THERE) is None
    for server in (access, another, none):
        server.close()


async def test_use_is_noted_for_who_has_the_key_and_not_for_who_knows_its_id(
    access: Access, settings: Settings
) -> None:
    kept = Keys.open(settings)
    key = kept.add("Rini", [Scope.ASK])
    with pytest.raises(UnauthenticatedError):
        await access.known(Sent(key=f"cdk_{claimed_id(key)}_{'a' * 43}"), HERE)
    assert kept.all()[0].last_used is None
    await access.known(Sent(key=key), HERE)
    assert kept.all()[0].last_used is not None


async def test_where_there_is_no_key_none_is_wrong(access: Access) -> None:
    """OpenAI's clients, for one, do not start without a key."""
    for _ in range(30):
        assert (await access.visitor(Sent(key="none"), HERE)).principal.may(Scope.ASK)


@pytest.mark.parametrize("wrong", ["", "x", "kunci ☃", "x" * 1_000_000, "\0", OWN[:-1], OWN + "x"])
async def test_many_wrong_keys_from_one_address_are_looked_at_no_more(
    tmp_path: Path, wrong: str
) -> None:
    settings = Settings(index=tmp_path, api_key=OWN)
    key = Keys.open(settings).add("Rini", [Scope.ASK])
    access = Access(settings)
    for _ in range(FAILURES_A_MINUTE):
        with pytest.raises(UnauthenticatedError, match="not valid"):
            await access.visitor(Sent(key=wrong), THERE)
    for guess in (wrong, OWN):
        with pytest.raises(TooManyRequestsError):
            await access.visitor(Sent(key=guess), THERE)
    assert (await access.visitor(Sent(key=key), THERE)).principal.name == "Rini", "none guesses it"
    assert (await access.visitor(Sent(key=OWN), HERE)).principal.id
    access.close()


async def test_a_database_that_does_not_answer_lets_nobody_in(settings: Settings) -> None:
    (settings.index / "state.sqlite").write_bytes(b"no database at all" * 100)
    access = Access(settings)
    for sent in (Sent(), Sent(key="cdk_" + "0" * 12 + "_" + "a" * 43), Sent(token="t" * 43)):
        with pytest.raises(StateError):
            await access.visitor(sent, HERE)
    access.close()


async def test_a_database_that_takes_too_long_is_not_waited_for(
    access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent, "PATIENCE", 0.05)
    slow: Recent[None] = Recent(lambda _: time.sleep(0.3), access._threads)
    with pytest.raises(StateError, match="does not answer"):
        await slow.get("a")


async def test_what_was_looked_up_is_remembered_for_a_second_and_never_too_much(
    access: Access,
) -> None:
    looked_up = []

    def look_up(name: str) -> str:
        looked_up.append(name)
        return name.upper()

    kept = Recent(look_up, access._threads)
    assert [await kept.get("a") for _ in range(3)] == ["A"] * 3
    assert looked_up == ["a"]
    kept.forget("a")
    await kept.get("a")
    assert looked_up == ["a", "a"]
    for number in range(2 * MOST):
        await kept.get(str(number))
    assert len(kept._held) == MOST
