"""`citydip index copy`, and the other commands over an index in PostgreSQL."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from citydip_rag import Settings
from citydip_rag.access import Keys, Scope
from citydip_rag.cli.main import app
from citydip_rag.copying import copy_index
from citydip_rag.embedding import Embedder
from citydip_rag.engine import Engine
from citydip_rag.errors import IndexDamagedError, IndexExistsError, IndexMissingError
from citydip_rag.index import Index, place_of
from citydip_rag.indexing import index_folder
from citydip_rag.settings import load_settings
from citydip_rag.values import DatabaseAddress
from postgres import Postgres

QUESTIONS = [
    "Apa tantangan terbesar diplomasi kota?",
    "Dengan kota mana Bandung bekerja sama?",
    "What did mayors promise in the Paris agreement?",
    "Siapa wali kota Surabaya?",
    "Resep donat?",
]


def invoke(*words: str) -> Result:
    return CliRunner().invoke(app, list(words), env={"COLUMNS": "200"})


def parsed(*words: str) -> Any:
    result = invoke(*words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


@pytest.fixture
def address(postgres_server: Postgres) -> DatabaseAddress:
    """An empty database; its server asks for no password, so any will do."""
    plain = postgres_server.create()
    return DatabaseAddress(plain.replace("postgres@", "postgres:geheim@"))


def test_there_and_back_again_with_the_same_answers(
    article_settings: Settings, address: DatabaseAddress, embedder: Embedder, tmp_path: Path
) -> None:
    source, secret = str(article_settings.index), address.get_secret_value()
    said = invoke("index", "copy", source, secret)
    assert said.exit_code == 0, said.output
    assert "1 documents" in said.stdout
    assert str(address) in said.stdout
    assert "geheim" not in said.output
    back = tmp_path / "back"
    assert invoke("index", "copy", secret, str(back)).exit_code == 0
    engines = [
        Engine.open(article_settings.model_copy(update={"index": index}), embedder)
        for index in (article_settings.index, address, back)
    ]
    for question in QUESTIONS:
        found = [engine.find(question) for engine in engines]
        assert len({one.confidence > 0.5 for one in found}) == 1
        for other in found[1:]:
            assert np.isclose(other.confidence, found[0].confidence, atol=1e-3)
            assert [c.passage for c in other.candidates] == [c.passage for c in found[0].candidates]
    manifests = [engine.index.manifest.model_dump(exclude={"files"}) for engine in engines]
    assert manifests[0] == manifests[1] == manifests[2]
    for engine in engines:
        engine.close()
    known = article_settings.model_copy(update={"index": address})
    assert not index_folder(known, embedder).changed


def test_keys_and_ratings_that_stay_behind_are_said_to(
    own_settings: Settings, address: DatabaseAddress, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, secret = str(own_settings.index), address.get_secret_value()
    assert "Not copied" not in invoke("index", "copy", index, secret).output
    assert not (own_settings.index / "state.sqlite").exists()
    key = _add_key(own_settings)
    said = invoke("index", "copy", index, secret, "--overwrite").output
    assert f"Not copied: 1 keys and 0 ratings, which stay in {index}/state.sqlite." in said
    assert f"citydip keys add NAME --index {address}" in said
    _add_key(load_settings(index=secret))
    back = invoke("index", "copy", secret, index, "--overwrite").output
    assert f"which stay in {address}." in back
    for hidden in ("geheim", key, key.split("_")[2]):
        assert hidden not in said + back
    monkeypatch.setenv("CITYDIP_STATE", str(own_settings.index / "state.sqlite"))
    assert "Not copied" not in invoke("index", "copy", secret, index, "--overwrite").output


def _add_key(settings: Settings) -> str:
    with closing(Keys.open(settings)) as keys:
        return keys.add("Rini", [Scope.ASK])


def test_commands_over_a_database_and_no_secret_is_shown(
    article_settings: Settings,
    address: DatabaseAddress,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CITYDIP_SEEDS", str(article_settings.seeds))
    monkeypatch.setenv("CITYDIP_INDEX", address.get_secret_value())
    assert "citydip index" in invoke("doctor").output
    assert parsed("index", "--json")["changed"]
    named = invoke("index", "--index", address.get_secret_value())
    assert f"--index {address}" in named.output
    assert parsed("search", "perjanjian Paris", "--top-k", "2", "--json")["passages"]
    assert not parsed("ask", QUESTIONS[0], "--json")["abstained"]
    doctor = invoke("doctor")
    assert "undamaged" in doctor.output
    assert doctor.exit_code == 0
    assert "geheim" not in named.output + doctor.output
    assert list(tmp_path.iterdir()) == []


def test_an_index_is_not_overwritten_unless_told(
    own_settings: Settings, address: DatabaseAddress, embedder: Embedder
) -> None:
    with pytest.raises(IndexMissingError):
        copy_index(address, own_settings.index)
    copy_index(own_settings.index, address)
    with pytest.raises(IndexExistsError, match="--overwrite"):
        copy_index(own_settings.index, address)
    (own_settings.seeds / "baru.txt").write_text("Kota baru ada di sana.", encoding="utf-8")
    index_folder(own_settings, embedder)
    seen: list[tuple[int, int]] = []
    built = copy_index(
        own_settings.index, address, overwrite=True, progress=lambda *step: seen.append(step)
    )
    assert built.manifest.passages == 2
    assert seen == [(2, 2)]
    assert len(Index.open(address, embedder).store.document_ids()) == 2


def test_interrupted_it_leaves_the_target_as_it_was(
    own_settings: Settings, address: DatabaseAddress, embedder: Embedder, tmp_path: Path
) -> None:
    def interrupted(*_: int) -> None:
        raise KeyboardInterrupt

    for target in (address, tmp_path / "copied"):
        with pytest.raises(KeyboardInterrupt):
            copy_index(own_settings.index, target, progress=interrupted)
        with pytest.raises(IndexMissingError):
            place_of(target).current()
        copy_index(own_settings.index, target)
        assert len(Index.open(target, embedder)) == 1


def test_an_incomplete_index_is_not_copied(
    own_settings: Settings, address: DatabaseAddress, tmp_path: Path
) -> None:
    import psycopg

    copy_index(own_settings.index, address)
    with psycopg.connect(address.get_secret_value(), autocommit=True) as connection:
        connection.execute("delete from citydip.passage")
    with pytest.raises(IndexDamagedError, match="hold 1 passages and holds 0"):
        copy_index(address, tmp_path / "copied")
