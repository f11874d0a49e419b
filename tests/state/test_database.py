"""What is wrong with the database of keys and feedback is told apart, and no password is told."""

from __future__ import annotations

import traceback
from contextlib import closing
from pathlib import Path

import pytest
from psycopg.errors import DiskFull
from typer.testing import CliRunner

from citydip_rag.access import Keys, Scope
from citydip_rag.cli.main import app
from citydip_rag.errors import SettingsError, StateError
from citydip_rag.state import State, metadata
from citydip_rag.state.faults import told
from postgres import Postgres

MALFORMED = (
    "postgresql://u:p@ss:Geheimwort@127.0.0.1:5432/x",
    "postgresql://u:Geheimwort%zz@127.0.0.1:5432/x",
    "postgresql://u:Geheimwort/1@127.0.0.1:5432/x",
)


@pytest.mark.parametrize("address", MALFORMED)
@pytest.mark.parametrize(
    "command", [["keys", "list"], ["serve"], ["serve", "--api-only", "--workers", "2"]]
)
def test_a_malformed_address_is_refused_without_its_password(
    address: str, command: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYDIP_STATE", address)
    with pytest.raises(SettingsError, match="keys and feedback is malformed") as caught:
        CliRunner().invoke(app, command, catch_exceptions=False)
    assert "Geheimwort" not in "".join(traceback.format_exception(caught.value))


def test_the_doctor_says_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYDIP_STATE", MALFORMED[0])
    seen = CliRunner().invoke(app, ["doctor"], env={"COLUMNS": "200"})
    assert "✗ keys The address of the database of keys and feedback is malformed." in seen.output
    assert "Geheimwort" not in seen.output


def test_a_folder_and_a_file_of_something_else_are_named_as_such(tmp_path: Path) -> None:
    other = tmp_path / "letter.txt"
    other.write_text("To whom it may concern." * 99, encoding="utf-8")
    with pytest.raises(StateError, match=r"There is a folder where .* Name a file"):
        State.open(tmp_path)
    with pytest.raises(StateError, match=r"is no SQLite database.* docs/running\.md"):
        State.open(other)


def test_a_full_disk_is_named_as_such(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.sqlite")

    def write() -> None:
        with state.begin() as connection:
            connection.exec_driver_sql("pragma max_page_count = 1")  # the error is a full disk's
            connection.exec_driver_sql("create table large as select zeroblob(1000000)")

    with pytest.raises(StateError, match=r"disk is full.* Make room"):
        write()
    state.close()
    unknown = StateError("?")
    for error in (OSError(28, "No space left on device"), DiskFull()):
        assert "disk is full" in told(error, unknown).message
    assert told(OSError(13, "Permission denied"), unknown) is unknown


def test_tables_that_are_gone_are_made_again(postgres_server: Postgres) -> None:
    """Someone has made the database anew while a server used it."""
    with closing(Keys(State.open(postgres_server.create()))) as keys:
        keys.add("Rini", [Scope.ASK])
        with keys._state.begin() as connection:
            metadata.drop_all(connection)
        with pytest.raises(StateError):
            keys.all()
        assert keys.all() == []
