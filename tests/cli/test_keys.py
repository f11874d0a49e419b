"""`citydip keys`, and where a server may listen."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from citydip_rag import Settings
from citydip_rag.access import Keys, Scope, check_listening
from citydip_rag.cli.keys import ScopeName
from citydip_rag.cli.main import app
from citydip_rag.errors import AccessKeyError, AddressError
from citydip_rag.values import index_address
from postgres import Postgres


@pytest.fixture(autouse=True)
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["keys", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_key_is_printed_once_and_listed_without_it(workplace: Path) -> None:
    key = run("add", "Rini [bold]", "--scope", "ask", "--scope", "documents", "--expires", "30")
    assert re.fullmatch(r"cdk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", key), "and nothing besides"
    run("add", "portal")
    listed = run("list")
    assert key.strip() not in listed
    assert key.split("_")[2].strip() not in listed
    assert key.split("_")[1] in listed
    assert "Rini [bold]" in listed
    assert "ask documents" in listed
    (rini, portal) = json.loads(run("list", "--json"))
    assert (rini["name"], rini["scopes"]) == ("Rini [bold]", ["ask", "documents"])
    assert portal["scopes"] == ["ask"]
    assert rini["expires"] > rini["created"]
    assert rini.keys() == {
        *("id", "name", "scopes", "created", "expires", "revoked", "last_used"),
    }
    assert (workplace / "index" / "state.sqlite").is_file()


def test_the_list_fits_a_narrow_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run("add", "Rini", "--scope", "ask", "--scope", "documents", "--expires", "30")
    keys = Keys.open(Settings())
    keys.note_use(keys.all()[0])
    used = keys.all()[0].last_used
    keys.close()
    assert used is not None
    heading, row = run("list").splitlines()
    assert "last used" in heading
    assert f"{used.astimezone():%Y-%m-%d}" in row


def test_it_is_said_which_servers_a_key_is_for(
    workplace: Path, monkeypatch: pytest.MonkeyPatch, article_settings: Settings
) -> None:
    def said(name: str, *options: str) -> str:
        done = CliRunner().invoke(app, ["keys", "add", name, *options], catch_exceptions=False)
        assert re.fullmatch(r"cdk_\S+\n", done.stdout)
        return done.stderr

    nowhere = said("satu")
    assert str(workplace / "index" / "state.sqlite") in nowhere
    assert "no index in index" in nowhere
    assert "--index" in nowhere
    index = shutil.copytree(str(article_settings.index), workplace / "kota")
    there = said("dua", "--index", str(index))
    assert str(index / "state.sqlite") in there
    assert "no index" not in there
    monkeypatch.setenv("CITYDIP_STATE", "kunci.sqlite")
    named = said("tiga")
    assert str(workplace / "kunci.sqlite") in named
    assert "no index" not in named


def test_a_key_in_postgresql_is_said_to_be_there_without_the_password(
    workplace: Path, postgres_server: Postgres
) -> None:
    address = postgres_server.create()
    secret = address + ("&" if "?" in address else "?") + "application_name=geheim"
    done = CliRunner().invoke(app, ["keys", "add", "Rini", "--index", secret])
    assert done.exit_code == 0, done.output
    assert f"kept in {index_address(secret)}" in done.stderr
    assert "no index" in done.stderr
    assert "geheim" not in done.output
    assert list(workplace.iterdir()) == []


def test_a_key_is_revoked_by_name_or_id() -> None:
    first, second = run("add", "satu"), run("add", "dua")
    assert "satu" in run("revoke", "satu")
    assert "dua" in run("revoke", second.split("_")[1])
    assert run("list").count("revoked") == 2
    assert first.split("_")[1] in run("list")
    for named in ("satu", "niemand"):
        with pytest.raises(AccessKeyError, match="citydip keys list"):
            run("revoke", named)


def test_what_cannot_be_made_is_said() -> None:
    run("add", "satu")
    with pytest.raises(AccessKeyError, match="citydip keys revoke"):
        run("add", "satu")
    for wrong in (["--scope", "everything"], ["--expires", "0"]):
        assert CliRunner().invoke(app, ["keys", "add", "dua", *wrong]).exit_code == 2
    assert CliRunner().invoke(app, ["keys", "list", "--index", "elsewhere"]).exit_code == 0


def test_there_may_be_no_keys() -> None:
    assert json.loads(run("list", "--json")) == []
    assert "citydip keys add" in CliRunner().invoke(app, ["keys", "list"]).output


def test_the_scopes_are_those_of_the_server() -> None:
    assert {scope.value for scope in ScopeName} == {scope.value for scope in Scope}


@pytest.mark.parametrize(
    ("settings", "free"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),  # noqa: S104
        ({"host": "::"}, False),
        ({"host": "192.168.1.9"}, False),
        ({"host": "kota.example"}, False),
        ({"host": "0.0.0.0", "auth": "none"}, True),  # noqa: S104
        ({"host": "0.0.0.0", "api_key": "0123456789abcdef"}, True),  # noqa: S104
    ],
)
def test_without_a_key_a_server_is_for_this_machine_alone(
    settings: dict[str, Any],
    *,
    free: bool,
) -> None:
    made = Settings(**settings)
    if free:
        check_listening(made)
        return
    with pytest.raises(AddressError, match=r"No key is configured.*citydip keys add NAME"):
        check_listening(made)
    Keys.open(made).add("Rini", [Scope.ASK])
    check_listening(made)
    Keys.open(made).revoke("Rini")
    with pytest.raises(AddressError, match="CITYDIP_AUTH=none"):
        check_listening(made)


def test_serve_says_why_it_does_not_listen() -> None:
    with pytest.raises(AddressError, match="No key is configured"):
        CliRunner().invoke(app, ["serve", "--host", "0.0.0.0"], catch_exceptions=False)  # noqa: S104
