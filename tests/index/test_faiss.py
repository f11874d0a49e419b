"""The graph over many vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from citydip_rag.embedding.projection import unit
from citydip_rag.index import faiss
from citydip_rag.index.faiss import FaissIndex

RANDOM = np.random.default_rng(5)
ROWS = unit(RANDOM.standard_normal((3_000, 24)))
ASKED = unit(RANDOM.standard_normal((200, 24)))


def share_of_nearest_found(index: FaissIndex) -> float:
    nearest = (ROWS @ ASKED.T).argmax(axis=0)
    found = [int(index.search(asked, 1).ids[0]) for asked in ASKED]
    return float(np.mean(found == nearest))


def test_a_file_of_an_older_program_is_searched_as_far_as_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(faiss, "_EF_SEARCH", 2)
        written = FaissIndex(24, flat_limit=100)
        written.add(np.arange(len(ROWS)), ROWS)
    assert share_of_nearest_found(written) < 0.9
    written.save(tmp_path)
    assert share_of_nearest_found(FaissIndex.load(tmp_path)) > 0.99
