"""What the processor can do, and memory that nobody uses any more."""

from __future__ import annotations

import ctypes
import platform
from pathlib import Path

import numpy as np
import pytest

from citydip_rag.embedding.hardware import give_back_memory

MEGABYTE = 2**20
PAGE = 4096


def resident() -> int:
    """Megabytes of this process in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * PAGE // MEGABYTE


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's allocator keeps gaps")
def test_what_lies_between_vectors_in_use_goes_back_to_the_system() -> None:
    vectors = [np.ones(100_000, dtype=np.int8) for _ in range(2_000)]
    used = [vector for number, vector in enumerate(vectors) if number % 50 == 0]
    before = resident()
    del vectors
    give_back_memory()
    assert before - resident() > 100
    assert all(vector.all() for vector in used)


def test_other_systems_have_no_such_call(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def refuse(name: None) -> None:
        asked.append(name)
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", refuse)
    give_back_memory()
    assert asked == [None]
