"""Indexing again, cut short by a kill or by a full disk: nothing is lost, and it goes on."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.errors import CitydipError
from citydip_rag.index import Index
from citydip_rag.indexing import index_folder
from citydip_rag.settings import load_settings

HERE = str(Path(__file__).parent)
sys.path.insert(0, HERE)
from toy import ToyEmbedder

FILES = 24
ROUNDS = 20
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
        print("embedding", flush=True)
        time.sleep(0.02)
        return super().embed_passages(texts, headings, progress)
writer._BATCH = 2
print("go", flush=True)
index_folder(load_settings(seeds=Path(sys.argv[1]), index=Path(sys.argv[2])), Slow())
"""


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


def test_killed_twenty_times_nothing_is_lost_and_little_is_done_again(settings: Settings) -> None:
    chance = random.Random(3)  # noqa: S311
    write(settings, "baru")
    begun = 0
    for number in range(ROUNDS):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(settings.seeds), str(settings.index), HERE],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "go\n"
        if number % 2:
            child.stdout.readline()  # it embeds, or has ended
        time.sleep(chance.uniform(0, 0.3))
        child.kill()
        child.communicate()
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
    code = CHILD.replace(
        "index_folder(load",
        "from citydip_rag.errors import IndexBusyError\nimport contextlib\n"
        "with contextlib.suppress(IndexBusyError): index_folder(load",
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(settings.seeds), str(settings.index), HERE],
            stdout=subprocess.DEVNULL,
        )
        for _ in range(2)
    ]
    seen = []
    while any(child.poll() is None for child in children):
        seen.append(words(settings))
    assert [child.returncode for child in children] == [0, 0]
    assert all(found in ({"lama"}, {"baru"}) for found in seen)
    assert words(settings) == {"baru"}
