"""`citydip index --watch` follows the folder."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.cli.watch import follow
from citydip_rag.index import Index
from citydip_rag.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent.parent / "index"))
from toy import ToyEmbedder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr("citydip_rag.parts.make_embedder", lambda _: ToyEmbedder())
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    return made


def sources(settings: Settings) -> set[str]:
    try:
        index = Index.open(settings.index, ToyEmbedder())
    except Exception:  # noqa: BLE001  # there is none yet, or it is being replaced
        return set()
    found = {index.store.name(identity).source for identity in index.store.document_ids()}
    index.close()
    return found


def until(settings: Settings, expected: set[str]) -> None:
    deadline = time.monotonic() + 20
    while sources(settings) != expected:
        assert time.monotonic() < deadline, sources(settings)
        time.sleep(0.05)


def test_every_change_is_followed_and_nothing_wrong_ends_it(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = threading.Event()
    thread = threading.Thread(
        target=follow, args=(settings,), kwargs={"rebuild": False, "ended": ended}
    )
    thread.start()
    try:
        time.sleep(1)  # the empty folder was said, and is watched
        (settings.seeds / "a.txt").write_text("Kota pertama ada.", encoding="utf-8")
        until(settings, {"a.txt"})
        (settings.seeds / "a.txt").rename(settings.seeds / "b.txt")
        until(settings, {"b.txt"})
        (settings.seeds / "c.txt").write_text("Kota ketiga ada.", encoding="utf-8")
        until(settings, {"b.txt", "c.txt"})
        (settings.seeds / "c.txt").unlink()
        until(settings, {"b.txt"})
    finally:
        ended.set()
        thread.join(timeout=20)
    assert not thread.is_alive()
    assert "holds no documents" in capsys.readouterr().err
