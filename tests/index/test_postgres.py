"""An index in PostgreSQL: whole generations, only what changed, and never misread."""

from __future__ import annotations

import random
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psycopg
import pytest

from citydip_rag.access import Keys, Scope, claimed_id
from citydip_rag.embedding import Encoding
from citydip_rag.embedding.base import Progress
from citydip_rag.engine import Engine
from citydip_rag.errors import (
    DiskError,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    IndexUnreachableError,
    MissingDependencyError,
    SettingsError,
)
from citydip_rag.index import Index, place_of
from citydip_rag.index.postgres import migrations, vectors, writer
from citydip_rag.indexing import folder_of_index, index_folder, up_to_date
from citydip_rag.library import Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import DatabaseAddress, Settings, load_settings
from citydip_rag.state import State
from postgres import Postgres

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
from toy import ToyEmbedder

SENTENCE = "Kota {0} menandatangani perjanjian nomor {0} dengan kota lain pada tahun {0}."
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from toy import ToyEmbedder
from citydip_rag.index import writer
from citydip_rag.indexing import index_folder
from citydip_rag.settings import load_settings
class Slow(ToyEmbedder):
    def embed_passages(self, texts, headings=(), progress=None):
        time.sleep(0.01)
        return super().embed_passages(texts, headings, progress)
writer._BATCH = 4
print("go", flush=True)
index_folder(load_settings(seeds=Path(sys.argv[1]), index=sys.argv[2]), Slow())
"""


@pytest.fixture
def settings(tmp_path: Path, postgres_server: Postgres) -> Settings:
    """Three documents, indexed in a database of the test's own."""
    made = load_settings(seeds=tmp_path / "seeds", index=postgres_server.create())
    made.seeds.mkdir()
    write(made, "lama")
    index_folder(made, ToyEmbedder())
    return made


@pytest.fixture
def database(settings: Settings) -> Iterator[psycopg.Connection]:
    with psycopg.connect(address(settings), autocommit=True) as connection:
        yield connection


def address(settings: Settings) -> str:
    assert isinstance(settings.index, DatabaseAddress)
    return settings.index.get_secret_value()


def write(settings: Settings, word: str, names: str = "satu dua tiga") -> None:
    for name in names.split():
        lines = [SENTENCE.format(f"{name}{i}") + f" Ini kalimat {word} {i}." for i in range(12)]
        (settings.seeds / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")


def words(settings: Settings) -> set[str]:
    """What the index answers with, after everything in it was checked."""
    index = Index.open(settings.index, ToyEmbedder())
    found = set()
    numbers = index.store.numbers()
    assert len(numbers) == len(index) == len(index.store) == len(index.vectors) == len(index.words)
    for number, passage in zip(numbers, index.store.all_passages(numbers), strict=True):
        document = index.store.document(passage.document_id)
        assert document.text[passage.start : passage.end] == passage.text
        assert index.store.number_of(document.id, passage.id) == number
        found |= {passage.text.split("kalimat ")[1].split()[0]}
    tokens = index.tokens.of(numbers)
    assert all(len(one.offsets) == len(one.vectors) > 0 for one in tokens)
    index.place.close()
    return found


def test_an_index_answers(settings: Settings) -> None:
    index = Index.open(settings.index, ToyEmbedder())
    query = ToyEmbedder().encode_queries([SENTENCE.format("dua7")])[0]
    (number,) = index.vectors.search(query, 1).ids.tolist()
    assert "dua7" in index.store.passages([number])[number].text
    assert index.words.search("dua7", 1).ids.tolist() == [number]
    (owner,) = (i for i in index.store.document_ids() if index.store.name(i).source == "dua.txt")
    allowed = index.numbers_of([owner])
    assert allowed is not None
    assert number in allowed
    assert set(index.vectors.search(query, 99, allowed).ids.tolist()) == set(allowed.tolist())
    assert index.store.numbers_with("body", "dua7", [owner]) == [number]
    assert index.store.numbers_with("body", "dua7", None) == [number]
    assert index.store.numbers_with("heading", "dua7", None) == []
    assert index.store.languages() == ["id"]
    assert index.store.passages([10_000]) == {}
    with pytest.raises(KeyError):
        index.store.document("unknown")
    with pytest.raises(KeyError):
        index.tokens[10_000]
    index.place.close()
    assert folder_of_index(settings) == settings.seeds.resolve()


def test_only_what_changed_is_written(settings: Settings, database: psycopg.Connection) -> None:
    assert not index_folder(settings, ToyEmbedder()).changed
    before = dict(numbers(database))
    write(settings, "baru", "dua")
    assert index_folder(settings, ToyEmbedder()).embedded == len(before["dua"])
    after = dict(numbers(database))
    assert {before[name] == after[name] for name in ("satu", "tiga")} == {True}
    assert min(after["dua"]) > max(max(found) for found in before.values())
    (settings.seeds / "tiga.txt").rename(settings.seeds / "empat.txt")
    assert index_folder(settings, ToyEmbedder()).embedded == 0
    assert words(settings) == {"lama", "baru"}


def numbers(database: psycopg.Connection) -> list[tuple[str, list[int]]]:
    """The passages' numbers of every document that is current."""
    return database.execute(
        "select replace(d.source, '.txt', ''), array_agg(p.number order by p.number)"
        " from citydip.document d join citydip.passage p on p.document_id = d.id"
        f" where d.until = {migrations.FOREVER} and p.until = {migrations.FOREVER} group by 1"
    ).fetchall()


def test_a_user_called_as_the_schema_and_a_database_without_an_encoding(
    settings: Settings, database: psycopg.Connection, postgres_server: Postgres
) -> None:
    """PostgreSQL looks names up in the schema of the user's own name first."""
    database.execute("create role citydip superuser login")
    database.execute("create database plain template template0 encoding 'SQL_ASCII'")
    as_named = postgres_server.address("plain").replace("postgres@", "citydip@")
    with closing(Keys(State.open(as_named))) as kept:
        key = kept.add("Rini", [Scope.ASK])
    named = settings.model_copy(update={"index": DatabaseAddress(as_named)})
    assert index_folder(named, ToyEmbedder()).changed
    assert words(named) == {"lama"}
    assert not index_folder(named, ToyEmbedder()).changed
    with closing(Keys(State.open(as_named))) as kept:
        assert kept.find(claimed_id(key)) is not None


def test_what_is_counted_of_the_words_stays_true(
    settings: Settings, database: psycopg.Connection
) -> None:
    write(settings, "baru", "dua")
    index_folder(settings, ToyEmbedder())
    (settings.seeds / "satu.txt").unlink()
    index_folder(settings, ToyEmbedder())
    index_folder(settings, ToyEmbedder(), rebuild=True)
    current = migrations.FOREVER
    counted = dict(
        database.execute(
            f"select term, texts from citydip.term where until = {current} and texts > 0"
        ).fetchall()
    )
    real = dict(
        database.execute(
            "select lexeme, count(*) from citydip.words cross join unnest(terms)"
            f" where until = {current} group by lexeme"
        ).fetchall()
    )
    assert counted == real


def test_a_reader_keeps_its_generation_until_it_is_long_gone(
    settings: Settings, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = Index.open(settings.index, ToyEmbedder())
    query = ToyEmbedder().encode_queries([SENTENCE.format("tiga5")])[0]
    before = held.vectors.search(query, 3), held.words.score("lama tiga5", all_numbers(held))
    for word in ("baru", "lain", "akhir"):
        write(settings, word)
        index_folder(settings, ToyEmbedder())
    after = held.vectors.search(query, 3), held.words.score("lama tiga5", all_numbers(held))
    assert before[0].ids.tolist() == after[0].ids.tolist()
    assert np.array_equal(before[1], after[1])
    assert len(held.tokens.of(held.store.numbers())) == len(held)
    held.place.close()
    monkeypatch.setattr(writer, "KEPT_MINUTES", 0)
    index_folder(settings, ToyEmbedder(), rebuild=True)
    ((generations, passages),) = database.execute(
        "select (select count(*) from citydip.generation), (select count(*) from citydip.passage)"
    ).fetchall()
    assert (generations, passages) == (2, 2 * len(held))
    assert words(settings) == {"akhir"}


def all_numbers(index: Index) -> np.ndarray:
    return np.array(index.store.numbers(), dtype=np.int64)


def test_killed_at_random_moments_nothing_is_lost(settings: Settings) -> None:
    """SIGKILL in the middle of six runs: each time the index is the old one or the new, whole."""
    chance = random.Random(11)  # noqa: S311
    write(settings, "baru")
    begun = 0
    for _ in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(settings.seeds), address(settings), HERE],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        time.sleep(chance.uniform(0, 0.4))
        child.kill()
        child.communicate()
        found = words(settings)
        assert found in ({"lama"}, {"baru"})
        begun += found == {"lama"}
    assert begun, "every run was over before it was killed"
    until_free(settings)
    assert words(settings) == {"baru"}


def until_free(settings: Settings) -> None:
    """Index, once the server has noticed that the last writer is dead."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with suppress(IndexBusyError):
            index_folder(settings, ToyEmbedder())
            break
        time.sleep(0.05)


def test_two_indexers_take_turns(settings: Settings) -> None:
    with place_of(settings.index).writing(), pytest.raises(IndexBusyError, match="Another process"):
        index_folder(settings, ToyEmbedder(), rebuild=True)
    assert index_folder(settings, ToyEmbedder(), rebuild=True).embedded > 0


def test_what_was_embedded_before_a_failure_is_known(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.index.writer._BATCH", 2)
    write(settings, "baru", "satu dua tiga empat lima")

    class Failing(ToyEmbedder):
        calls = 0

        def embed_passages(
            self,
            texts: Sequence[str],
            headings: Sequence[str] = (),
            progress: Progress | None = None,
        ) -> list[Encoding]:
            self.calls += 1
            if self.calls > 2:
                raise RuntimeError("switched off")
            return super().embed_passages(texts, headings, progress)

    with pytest.raises(RuntimeError, match="switched off"):
        index_folder(settings, Failing())
    assert words(settings) == {"lama"}
    report = index_folder(settings, ToyEmbedder())
    assert report.embedded == report.passages - 2 * 2


def test_tables_of_another_version_are_refused_and_older_ones_migrated(
    settings: Settings, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.execute("insert into citydip.migration values (99)")
    with pytest.raises(IndexMismatchError, match=r"version 99.*knows 1.*newer program"):
        Index.open(settings.index, ToyEmbedder())
    with pytest.raises(IndexMismatchError, match="version 99"):
        index_folder(settings, ToyEmbedder())
    database.execute("delete from citydip.migration where version = 99")
    step = "alter table citydip.note add column extra text"
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    monkeypatch.setattr(migrations, "VERSION", 2)
    with pytest.raises(IndexMismatchError, match=r"version 1, .*reads 2.*Run: citydip index"):
        Index.open(settings.index, ToyEmbedder())
    assert not index_folder(settings, ToyEmbedder()).changed
    assert words(settings) == {"lama"}
    database.execute("select extra from citydip.note")


def test_another_model_is_refused_and_takes_over(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "FLAT_LIMIT", 0)
    index_folder(settings, ToyEmbedder(), rebuild=True)  # with graphs, which know one dimension
    with pytest.raises(IndexMismatchError, match="toy 32, not with toy 32other"):
        Index.open(settings.index, ToyEmbedder(salt="other"))
    with pytest.raises(IndexMismatchError, match=r"32 dimensions.*makes 16"):
        Index.open(settings.index, ToyEmbedder(dimension=16))
    index_folder(settings, ToyEmbedder(dimension=16))
    assert Index.open(settings.index, ToyEmbedder(dimension=16)).manifest.dimension == 16


@pytest.mark.parametrize(
    "damage",
    [
        "delete from citydip.words where number = 0",
        "delete from citydip.vector where number < 4",
        "delete from citydip.passage where number < 4",
        "truncate citydip.passage",
        "truncate citydip.encoding",
        "truncate citydip.term",
        "truncate citydip.projection",
        "truncate citydip.generation",
        "update citydip.passage set key = '\\x00'",
        "delete from citydip.document where source = 'dua.txt'",
    ],
)
def test_missing_rows_are_refused_and_mended(
    settings: Settings, database: psycopg.Connection, damage: str
) -> None:
    database.execute(damage)
    with pytest.raises((IndexDamagedError, IndexMissingError), match=r"Run: citydip index"):
        Index.open(settings.index, ToyEmbedder())
    index_folder(settings, ToyEmbedder(), rebuild="projection" in damage)
    assert words(settings) == {"lama"}
    write(settings, "baru")
    index_folder(settings, ToyEmbedder())
    assert words(settings) == {"baru"}
    database.execute(damage)
    index_folder(settings, ToyEmbedder(), rebuild=True)
    assert words(settings) == {"baru"}
    assert not index_folder(settings, ToyEmbedder()).changed


@pytest.mark.parametrize(
    "damage",
    [
        "drop table citydip.term",
        "alter table citydip.vector drop column embedding",
        "truncate citydip.migration",
        """drop schema citydip cascade; create schema citydip;
        create table citydip.migration as select 'v7' as version""",
    ],
)
def test_tables_that_are_not_ours_are_named_with_the_way_out(
    settings: Settings, database: psycopg.Connection, damage: str
) -> None:
    database.execute(damage)
    with pytest.raises((IndexDamagedError, IndexMismatchError)):
        Index.open(settings.index, ToyEmbedder())
    with pytest.raises(IndexDamagedError, match="drop schema citydip cascade; then: citydip index"):
        index_folder(settings, ToyEmbedder(), rebuild=True)
    database.execute("drop schema citydip cascade")
    index_folder(settings, ToyEmbedder())
    assert words(settings) == {"lama"}


def test_a_user_who_may_not_read_is_told_what_is_missing(
    settings: Settings, database: psycopg.Connection
) -> None:
    with suppress(psycopg.errors.DuplicateObject):
        database.execute("create role weak login")
    weak = DatabaseAddress(address(settings).replace("postgres@", "weak@"))
    with pytest.raises(IndexUnreachableError, match="grant usage on schema citydip"):
        Index.open(weak, ToyEmbedder())
    with pytest.raises(DiskError, match="Check the rights"):
        index_folder(settings.model_copy(update={"index": weak}), ToyEmbedder(), rebuild=True)


def test_an_empty_database_and_one_that_is_away(
    settings: Settings, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = settings.model_copy(update={"index": DatabaseAddress(postgres_server.create())})
    with pytest.raises(IndexMissingError, match="Run: citydip index"):
        Index.open(empty.index, ToyEmbedder())
    assert up_to_date(empty) is None
    assert place_of(empty.index).note() is None
    monkeypatch.setattr("citydip_rag.index.postgres.database.PATIENCE_SECONDS", 0.1)
    nowhere = DatabaseAddress("postgresql://me:secret@127.0.0.1:1/kota?connect_timeout=2")
    away = settings.model_copy(update={"index": nowhere})
    for attempt in (
        lambda: Index.open(nowhere, ToyEmbedder()),
        lambda: index_folder(away, ToyEmbedder()),
        lambda: place_of(nowhere).write_note("x"),
    ):
        with pytest.raises(IndexUnreachableError) as caught:
            attempt()
        assert "secret" not in f"{caught.value} {caught.value!r}"


def test_why_a_database_cannot_be_reached_is_told(
    settings: Settings, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.index.postgres.database.PATIENCE_SECONDS", 0.1)
    here = address(settings)
    for wrong, said in (
        (postgres_server.address("nirgends"), "has no database of the name"),
        (here.replace("postgres@", "niemand:geheim@"), "does not take this user and password"),
    ):
        named = DatabaseAddress(wrong)
        for attempt in (
            lambda named=named: Index.open(named, ToyEmbedder()),
            lambda named=named: index_folder(
                settings.model_copy(update={"index": named}), ToyEmbedder()
            ),
        ):
            with pytest.raises(IndexUnreachableError, match=said) as caught:
                attempt()
            assert "geheim" not in f"{caught.value}"


def test_a_user_who_may_not_write_is_told(settings: Settings, database: psycopg.Connection) -> None:
    database.execute("create role reader login")
    database.execute("grant usage on schema citydip to reader")
    database.execute("grant select on all tables in schema citydip to reader")
    reading = DatabaseAddress(address(settings).replace("postgres@", "reader@"))
    try:
        index = Index.open(reading, ToyEmbedder())
        assert len(index.words.search("kota", 5)) == 5
        index.place.close()
        with pytest.raises(DiskError, match=r"permission denied.*rights of its user"):
            index_folder(settings.model_copy(update={"index": reading}), ToyEmbedder())
    finally:
        database.execute("drop owned by reader")
        database.execute("drop role reader")


def test_a_server_takes_the_new_generation_and_remembers_its_job(settings: Settings) -> None:
    live = LiveEngine(Engine.open(settings, ToyEmbedder()))
    assert not live.refresh()
    held = live.current
    write(settings, "baru")
    index_folder(settings, ToyEmbedder())
    assert live.refresh()
    assert live.current.index.place is held.index.place
    library = Library(live)
    library.index()
    assert '"running"' in noted(settings)
    live.withdraw(frozenset(live.current.document_ids()[:1]))
    library.index()
    again = LiveEngine(Engine.open(settings, ToyEmbedder()))
    assert len(Library(again).live.withdrawn) == 0  # not written: it was running already
    live.current.close()


def noted(settings: Settings) -> str:
    note = place_of(settings.index).note()
    assert note is not None
    return note.text


def test_a_server_without_pgvector_and_a_malformed_address(
    settings: Settings, postgres_server: Postgres
) -> None:
    empty = DatabaseAddress(postgres_server.create())
    with psycopg.connect(empty.get_secret_value(), autocommit=True) as connection:
        connection.execute("create role guest login")
        connection.execute("grant create on database " + connection.info.dbname + " to guest")
        connection.execute("revoke create on schema public from guest, public")
    guest = DatabaseAddress(empty.get_secret_value().replace("postgres@", "guest@"))
    with pytest.raises(MissingDependencyError, match="create extension vector"):
        index_folder(settings.model_copy(update={"index": guest}), ToyEmbedder())
    for wrong in ("me:secret@host:port:5/x?nonsense=1", "me:se@cret:secret@127.0.0.1:5432/x"):
        with pytest.raises(SettingsError, match="malformed") as caught:
            place_of(DatabaseAddress(f"postgresql://{wrong}"))
        assert "secret" not in "".join(traceback.format_exception(caught.value))
