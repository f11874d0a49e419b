"""Indexing again, cut short by a kill or by a full disk: nothing is lost, and it goes on."""

from __future__ import annotations

import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.errors import CitydipError
from citydip_rag.index import Index
from citydip_rag.indexing import index_folder
from citydip_rag.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder, index_slowly, processes

FILES = 24
ROUNDS = 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    write(made, "lama")
    index_folder(made, ToyEmbedder())
    return made


def write(settings: Settings, word: str) -> None:
    """Give every file other words."""
    for n in range(FILES):
        lines = [f"Kota {word}{n} nomor {i} bekerja sama dengan kota {word}." for i in range(8)]
        (settings.seeds / f"{n}.txt").write_text("\n".join(lines), encoding="utf-8")


def words(settings: Settings) -> set[str]:
    """What the index answers with, after everything in it was checked."""
    index = Index.open(settings.index, ToyEmbedder())
    found = set()
    for number in range(len(index)):
        passage = index.store.passages([number])[number]
        document = index.store.document(passage.document_id)
        assert document.text[passage.start : passage.end] == passage.text
        assert len(index.tokens[number].offsets) > 0
        found.add(passage.text.split()[1].rstrip("0123456789"))
    index.close()
    return found


def indexer(settings: Settings) -> tuple[BaseProcess, Connection]:
    """A process that indexes slowly, and where it says how far it is."""
    heard, said = multiprocessing.Pipe(duplex=False)
    child = processes().Process(target=index_slowly, args=(settings.seeds, settings.index, said))
    child.start()
    said.close()
    return child, heard


def test_killed_twenty_times_nothing_is_lost_and_little_is_done_again(settings: Settings) -> None:
    chance = random.Random(3)  # noqa: S311
    write(settings, "baru")
    begun = 0
    for number in range(ROUNDS):
        child, heard = indexer(settings)
        assert heard.recv() == "go"
        if number % 2:
            heard.poll(30)  # it embeds, or has ended
        time.sleep(chance.uniform(0, 0.3))
        child.kill()
        child.join()
        found = words(settings)
        assert found in ({"lama"}, {"baru"})
        begun += found == {"lama"}
    assert begun, "every run was over before it was killed"
    report = index_folder(settings, ToyEmbedder())
    assert words(settings) == {"baru"}
    assert report.embedded < report.passages / 2


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_named_and_the_old_index_stays(settings: Settings, small_disk: Path) -> None:
    on_disk = settings.model_copy(update={"index": small_disk / "index"})
    index_folder(on_disk, ToyEmbedder())
    write(settings, "baru")
    filler = small_disk / "filler"
    sizes = random.Random(5)  # noqa: S311
    for _ in range(ROUNDS):
        state = os.statvfs(small_disk)
        free = state.f_bavail * state.f_frsize
        filler.write_bytes(bytes(max(0, free - sizes.randrange(0, 200_000, 4096))))
        said = attempt(on_disk)
        filler.unlink()
        if not said:
            break
        assert "index cannot be written" in said
        assert words(on_disk) == {"lama"}
    assert attempt(on_disk) == ""
    assert words(on_disk) == {"baru"}


def attempt(settings: Settings) -> str:
    """What went wrong in an indexing run; empty if nothing did."""
    try:
        index_folder(settings, ToyEmbedder())
    except CitydipError as error:
        return error.message
    return ""


def test_two_indexers_and_a_reader(settings: Settings) -> None:
    """Whoever comes second is told; a reader sees the old or the new and never a mixture."""
    write(settings, "baru")
    running = [indexer(settings) for _ in range(2)]
    seen = []
    while any(child.is_alive() for child, _ in running):
        seen.append(words(settings))
    assert [child.exitcode for child, _ in running] == [0, 0]
    assert all(found in ({"lama"}, {"baru"}) for found in seen)
    assert words(settings) == {"baru"}
