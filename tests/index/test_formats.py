"""An index of an older format is made anew, one of a newer is refused and left as it is."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.errors import IndexMismatchError, IndexNewerError
from citydip_rag.index import Index
from citydip_rag.index.generation import FORMAT, MANIFEST, POINTER
from citydip_rag.indexing import folder_of_index, up_to_date
from citydip_rag.library import JobState, Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    (made.seeds / "a.txt").write_text("Judul\nKota pertama bekerja sama.", encoding="utf-8")
    index_folder(made, ToyEmbedder())
    return made


def reformat(settings: Settings, number: int) -> None:
    """Make the index one of another format, whose manifest holds other things."""
    name = (settings.index / POINTER).read_text(encoding="utf-8").split()[0]
    path = settings.index / name / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    del manifest["token_dimension"]
    written = json.dumps({**manifest, "format": number, "unheard_of": 1}).encode()
    path.write_bytes(written)
    digest = hashlib.sha256(written).hexdigest()
    (settings.index / POINTER).write_text(f"{name} {digest}\n", encoding="utf-8")


def everything(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_an_older_index_is_not_read_and_made_anew_without_embedding(settings: Settings) -> None:
    reformat(settings, FORMAT - 1)
    with pytest.raises(IndexMismatchError, match=f"has format {FORMAT - 1}") as caught:
        Index.open(settings.index, ToyEmbedder())
    assert caught.value.remedy == "Run: citydip index"
    assert up_to_date(settings) is None
    report = index_folder(settings, ToyEmbedder())
    assert report.changed
    assert report.embedded == 0  # the vectors are known by their text
    assert Engine.open(settings, ToyEmbedder()).find("Kota pertama").candidates


def test_a_newer_index_is_refused_and_left_as_it_is(settings: Settings) -> None:
    reformat(settings, FORMAT + 1)
    (settings.seeds / "b.txt").write_text("Judul\nKota kedua.", encoding="utf-8")
    before = everything(settings.index)
    for attempt in (
        lambda: Index.open(settings.index, ToyEmbedder()),
        lambda: up_to_date(settings),
        lambda: index_folder(settings, ToyEmbedder()),
        lambda: folder_of_index(settings),
    ):
        with pytest.raises(IndexNewerError, match=f"has format {FORMAT + 1}"):
            attempt()
    assert everything(settings.index) == before
    assert index_folder(settings, ToyEmbedder(), rebuild=True).documents == 2


def test_a_server_goes_on_when_a_newer_program_has_taken_its_index(settings: Settings) -> None:
    live = LiveEngine(Engine.open(settings, ToyEmbedder()))
    library = Library(live)
    reformat(settings, FORMAT + 1)
    assert not live.refresh()
    assert live.current.find("Kota pertama").candidates
    library._run()
    assert library.job.state is JobState.FAILED
    assert f"format {FORMAT + 1}" in library.job.message
