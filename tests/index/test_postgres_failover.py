"""The index's database dies under load: who is told, how soon it goes on, what is lost."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from citydip_rag.embedding import Encoding
from citydip_rag.embedding.base import Progress
from citydip_rag.errors import IndexUnreachableError
from citydip_rag.index import Index, place_of
from citydip_rag.index.postgres import database
from citydip_rag.indexing import index_folder
from citydip_rag.settings import DatabaseAddress, Settings, load_settings
from postgres import Postgres, data_folder, postgres

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder

logger = logging.getLogger(__name__)

CLIENTS = 4
SOON = 5.0
"""Seconds after which searches must succeed again, on a busy machine."""


@dataclass
class Load:
    """Searches by several clients, and how they went."""

    index: Index
    succeeded: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    others: list[Exception] = field(default_factory=list)

    @contextmanager
    def running(self) -> Iterator[None]:
        ended = threading.Event()

        def client() -> None:
            while not ended.is_set():
                try:
                    self._search()
                    self.succeeded.append(time.monotonic())
                except IndexUnreachableError:
                    self.refused.append(time.monotonic())
                except Exception as error:  # noqa: BLE001  # whatever it is, the test shows it
                    self.others.append(error)
                    return

        threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def _search(self) -> None:
        query = ToyEmbedder().encode_queries(["Kota nomor 3"])[0]
        numbers = self.index.vectors.search(query, 5).ids.tolist()
        assert len(self.index.words.search("kota nomor", 5)) == 5
        assert len(self.index.store.passages(numbers)) == len(self.index.tokens.of(numbers)) == 5

    def report(self, seconds: float) -> None:
        """Say how it went; `pytest --log-cli-level=info` shows it."""
        logger.info(
            "%d searches succeeded, %d were refused, the first succeeded again after %.2f s",
            len(self.succeeded),
            len(self.refused),
            seconds,
        )

    def recovered_after(self, moment: float) -> float:
        """Seconds until the first search succeeded."""
        deadline = time.monotonic() + 4 * SOON
        while not any(at > moment for at in self.succeeded):
            assert time.monotonic() < deadline, "it never went on"
            time.sleep(0.01)
        return min(at for at in self.succeeded if at > moment) - moment


def indexed(folder: Path, address: str) -> Settings:
    settings = load_settings(seeds=folder / "seeds", index=address)
    settings.seeds.mkdir()
    add(settings, "awal")
    index_folder(settings, ToyEmbedder())
    return settings


def add(settings: Settings, name: str) -> None:
    lines = [f"Kota {name}{i} nomor {i} bekerja sama dengan kota lain di sana." for i in range(80)]
    (settings.seeds / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")


def sources(settings: Settings) -> set[str]:
    index = Index.open(settings.index, ToyEmbedder())
    found = {index.store.name(i).source for i in index.store.document_ids()}
    assert len(index.store.all_passages(index.store.numbers())) == len(index)
    index.place.close()
    return found


def test_killed_under_load_and_restarted_searches_go_on(tmp_path: Path) -> None:
    with postgres() as server:
        settings = indexed(tmp_path, server.address())
        load = Load(Index.open(settings.index, ToyEmbedder()))
        with load.running():
            time.sleep(0.3)
            server.kill()
            server.start()
            seconds = load.recovered_after(time.monotonic())
            time.sleep(0.3)
        assert load.others == []
        assert seconds < SOON
        add(settings, "baru")
        index_folder(settings, ToyEmbedder())
        assert sources(settings) == {"awal.txt", "baru.txt"}
        load.index.place.close()
    load.report(seconds)


def test_a_writer_whose_server_dies_says_so_and_goes_on_later(tmp_path: Path) -> None:
    with postgres() as server:
        settings = indexed(tmp_path, server.address())
        add(settings, "baru")

        class Killing(ToyEmbedder):
            def embed_passages(
                self,
                texts: Sequence[str],
                headings: Sequence[str] = (),
                progress: Progress | None = None,
            ) -> list[Encoding]:
                server.kill()
                return super().embed_passages(texts, headings, progress)

        with pytest.raises(IndexUnreachableError, match="does not answer"):
            index_folder(settings, Killing())
        server.start()
        assert sources(settings) == {"awal.txt"}
        index_folder(settings, ToyEmbedder())
        assert sources(settings) == {"awal.txt", "baru.txt"}


def test_while_the_database_is_away_a_search_is_refused_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "PATIENCE_SECONDS", 0.3)
    with postgres() as server:
        settings = indexed(tmp_path, server.address())
        load = Load(Index.open(settings.index, ToyEmbedder()))
        load._search()
        server.kill()
        begun = time.monotonic()
        with pytest.raises(IndexUnreachableError) as caught:
            load._search()
        assert time.monotonic() - begun < 3
        assert caught.value.status == 503
        server.start()
        load._search()
        load.index.place.close()


def test_a_standby_takes_over(tmp_path: Path) -> None:
    """Searches go on at the standby at once; writing, as soon as it is promoted."""
    with postgres() as primary:
        settings = indexed(tmp_path, primary.address())
        with standby_of(primary) as standby:
            both = DatabaseAddress(
                f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
            )
            shared = settings.model_copy(update={"index": both})
            add(shared, "baru")
            index_folder(shared, ToyEmbedder())  # committed here and there, or not at all
            load = Load(Index.open(both, ToyEmbedder()))
            with load.running():
                time.sleep(0.3)
                killed = time.monotonic()
                primary.kill()
                seconds = load.recovered_after(killed + 0.01)
                with pytest.raises(IndexUnreachableError):
                    place_of(both).write_note("there is nobody to write to")
                promote(standby)
                add(shared, "lagi")
                index_folder(shared, ToyEmbedder())
            load.index.place.close()
            assert load.others == []
            assert seconds < SOON
            assert sources(shared) == {"awal.txt", "baru.txt", "lagi.txt"}
    load.report(seconds)


def test_searches_are_served_by_the_replica_that_an_address_prefers(tmp_path: Path) -> None:
    with postgres() as primary:
        settings = indexed(tmp_path, primary.address())
        with standby_of(primary) as standby:
            address = (
                f"postgresql://postgres@127.0.0.1:{primary.port},127.0.0.1:{standby.port}/postgres"
                "?target_session_attrs=prefer-standby"
            )
            reading = database.Database(DatabaseAddress(address))
            assert reading.rows("select inet_server_port()") == [(standby.port,)]
            reading.close()
            shared = settings.model_copy(update={"index": DatabaseAddress(address)})
            add(shared, "baru")
            index_folder(shared, ToyEmbedder())
            assert sources(shared) == {"awal.txt", "baru.txt"}


@contextmanager
def standby_of(primary: Postgres) -> Iterator[Postgres]:
    """A streaming replica; the primary commits nothing that it has not applied."""
    folder = data_folder()
    primary.run("pg_basebackup", "-D", str(folder), "-R", "-X", "stream", "-c", "fast")
    with postgres(folder) as standby:
        with psycopg.connect(primary.address(), autocommit=True) as connection:
            connection.execute("alter system set synchronous_standby_names = '*'")
            connection.execute("alter system set synchronous_commit = 'remote_apply'")
            connection.execute("select pg_reload_conf()")
        yield standby


def promote(standby: Postgres) -> None:
    with psycopg.connect(standby.address(), autocommit=True) as connection:
        assert connection.execute("select pg_promote(wait => true)").fetchone() == (True,)
