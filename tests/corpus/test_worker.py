"""A file that misbehaves costs its reader's process and nothing else."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from citydip_rag.corpus import ReaderProcess, ReadingLimits
from citydip_rag.corpus.reading import read_parts


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> ReaderProcess:
    """A reader whose child does what the file says."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setattr("citydip_rag.corpus.worker.MODULE", "misbehaving_worker")
    return ReaderProcess(ReadingLimits(seconds=2, megabytes=2_048))


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("endless", "took longer than 2 seconds"),
        ("crash", "brought its reader down"),
        ("hungry", "too large or too deep"),
        ("broken", r"cannot be read \(ZeroDivisionError\)"),
    ],
)
def test_the_next_file_is_read_all_the_same(
    reader: ReaderProcess, tmp_path: Path, kind: str, reason: str
) -> None:
    good = write(tmp_path, "good.txt", "Kota yang baik.")
    with reader:
        assert reader.read(good, "good.txt") == read_parts(good, "good.txt")
        (part,) = reader.read(write(tmp_path, "bad.txt", kind), "bad.txt")
        assert part.extract is None
        assert part.reason.startswith("bad.txt")
        assert re.search(reason, part.reason)
        assert "secret" not in part.reason
        assert reader.read(good, "good.txt") == read_parts(good, "good.txt")


def test_what_libraries_print_does_not_disturb(reader: ReaderProcess, tmp_path: Path) -> None:
    with reader:
        (part,) = reader.read(write(tmp_path, "a.txt", "noisy"), "a.txt")
    assert part.extract is not None
    assert part.extract.text == "noisy"


def test_every_part_of_a_reading_comes_back_whole(tmp_path: Path) -> None:
    path = write(tmp_path, "a.md", "---\ntitle: Nama\n---\n# Kota\n\nIsi 🙂 kota.\n\n## B\n\nLagi.")
    with ReaderProcess() as reader:
        assert reader.read(path, "a.md") == read_parts(path, "a.md")


def test_closing_ends_a_busy_child_at_once(reader: ReaderProcess, tmp_path: Path) -> None:
    with reader:
        reader.read(write(tmp_path, "a.txt", "Kota."), "a.txt")
        child = reader._child
        begun = time.monotonic()
    assert child is not None
    assert child.poll() is not None
    assert time.monotonic() - begun < 2
