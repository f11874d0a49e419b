"""A process that goes on while its documents change."""

from __future__ import annotations

import gc
import io
import sys
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from citydip_rag import Engine, Settings, index_folder
from citydip_rag.embedding import Encoding
from citydip_rag.errors import (
    DocumentPartError,
    DocumentsLockedError,
    UploadError,
)
from citydip_rag.index import write_lock
from citydip_rag.index.generation import POINTER
from citydip_rag.library import JobState, Library
from citydip_rag.live import LiveEngine
from citydip_rag.settings import load_settings
from citydip_rag.uploads import Upload

sys.path.insert(0, str(Path(__file__).parent / "index"))
from toy import ToyEmbedder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    (made.seeds / "a.txt").write_text("Judul\nKota pertama bekerja sama.", encoding="utf-8")
    index_folder(made, ToyEmbedder())
    return made


@pytest.fixture
def live(settings: Settings) -> LiveEngine:
    return LiveEngine(Engine.open(settings, ToyEmbedder()))


def until(what: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.02)


def sources(engine: Engine) -> set[str]:
    return {engine.document(identity).source for identity in engine.document_ids()}


def change(settings: Settings, name: str = "b.txt") -> None:
    (settings.seeds / name).write_text(f"Judul\nKota di {name} ada.", encoding="utf-8")


def test_a_new_generation_is_taken_and_the_old_one_serves_its_holders(
    live: LiveEngine, settings: Settings
) -> None:
    held = live.current
    assert not live.refresh()
    for name in ("b.txt", "c.txt", "d.txt"):  # the held generation is deleted meanwhile
        change(settings, name)
        index_folder(settings, ToyEmbedder())
        assert live.refresh()
    assert sources(live.current) == {"a.txt", "b.txt", "c.txt", "d.txt"}
    assert sources(held) == {"a.txt"}
    assert held.find("Kota pertama").candidates
    gone = weakref.ref(held.index.store)
    del held
    gc.collect()
    assert gone() is None


def test_a_damaged_generation_is_passed_over(live: LiveEngine, settings: Settings) -> None:
    change(settings)
    index_folder(settings, ToyEmbedder())
    name = (settings.index / POINTER).read_text(encoding="utf-8").split()[0]
    (settings.index / name / "vectors.faiss").write_bytes(b"damaged")
    assert not live.refresh()
    assert not live.refresh()
    assert sources(live.current) == {"a.txt"}
    change(settings, "c.txt")
    index_folder(settings, ToyEmbedder())
    assert live.refresh()
    (settings.index / POINTER).write_text("nonsense", encoding="utf-8")
    assert not live.refresh()
    (settings.index / POINTER).unlink()
    assert not live.refresh()
    assert "c.txt" in sources(live.current)


def test_watching_takes_what_another_process_made(live: LiveEngine, settings: Settings) -> None:
    with live.watching():
        change(settings)
        index_folder(settings, ToyEmbedder())
        until(lambda: "b.txt" in sources(live.current), 10)
    assert not [t for t in threading.enumerate() if t.name == "citydip-watch-index"]


def test_what_is_added_while_a_job_runs_is_indexed_too(live: LiveEngine) -> None:
    library = Library(live)
    with library.working():
        for n in range(5):
            library.add(Upload(f"{n}.txt", io.BytesIO(f"Kota nomor {n} ada di sini.".encode())))
        until(lambda: len(sources(live.current)) == 6 and library.job.state is JobState.DONE)
    assert {file.source for file in library.job.files} == {"a.txt", *(f"{n}.txt" for n in range(5))}


def test_a_job_waits_for_another_writer(live: LiveEngine, settings: Settings) -> None:
    library = Library(live)
    with library.working():
        with write_lock(settings.index):
            library.add(Upload("b.txt", io.BytesIO(b"Kota kedua ada.")))
            time.sleep(0.3)
            assert library.job.state is JobState.RUNNING
        until(lambda: "b.txt" in sources(live.current))


def test_an_interrupted_job_is_taken_up_at_the_next_start(
    live: LiveEngine, settings: Settings
) -> None:
    stopped = Library(live)
    stopped.add(
        Upload("b.txt", io.BytesIO(b"Kota kedua ada."))
    )  # nobody works: as if it had been killed
    (settings.seeds / ".upload-dead").write_bytes(b"half")
    (settings.index / "job.json").write_text('{"state": "running"}', encoding="utf-8")
    library = Library(live)
    with library.working():
        until(lambda: "b.txt" in sources(live.current))
    assert not (settings.seeds / ".upload-dead").exists()
    idle = Library(live)
    with idle.working():
        time.sleep(0.2)
        assert idle.job.state is JobState.IDLE


def test_a_removed_document_is_not_answered_from_even_if_it_was_the_last(
    live: LiveEngine, settings: Settings
) -> None:
    library = Library(live)
    (document,) = library.documents()
    assert library.remove(document.id) == "a.txt"
    assert not live.current.find("Kota pertama bekerja sama").candidates  # at once
    assert library.documents() == []
    with library.working():
        library.index()
        until(lambda: library.job.state is JobState.FAILED)
        assert "holds no documents" in library.job.message
        assert not live.current.find("Kota pertama bekerja sama").candidates
        again = LiveEngine(Engine.open(settings, ToyEmbedder()))  # nor after a restart
        assert Library(again).documents() == []
        assert not again.current.find("Kota pertama bekerja sama").candidates
        library.add(Upload("b.txt", io.BytesIO(b"Kota kedua ada.")))
        until(lambda: sources(live.current) == {"b.txt"})
    assert live.current.find("Kota kedua ada").candidates


def test_a_removed_document_stays_out_of_a_generation_that_was_begun_before(
    live: LiveEngine, settings: Settings
) -> None:
    library = Library(live)
    (document,) = library.documents()
    library.remove(document.id)
    (settings.seeds / "a.txt").write_text("Judul\nKota pertama bekerja sama.", encoding="utf-8")
    change(settings)
    index_folder(settings, ToyEmbedder())  # as a run that had looked before the removal
    assert live.refresh()
    assert sources(live.current) == {"b.txt"}
    (settings.seeds / "a.txt").unlink()
    with library.working():
        library.index()
        until(lambda: library.job.state is JobState.DONE)
    assert live.withdrawn == frozenset()
    assert sources(live.current) == {"b.txt"}


def test_a_document_that_comes_back_is_answered_from(live: LiveEngine, settings: Settings) -> None:
    library = Library(live)
    (document,) = library.documents()
    content = (settings.seeds / "a.txt").read_bytes()
    library.remove(document.id)
    library.add(Upload("a.txt", io.BytesIO(content)))
    with library.working():
        library.index()
        until(lambda: library.job.state is JobState.DONE)
    assert live.current.find("Kota pertama bekerja sama").candidates


def test_a_part_of_a_file_is_not_removed_alone(live: LiveEngine, settings: Settings) -> None:
    import zipfile

    with zipfile.ZipFile(settings.seeds / "b.zip", "w") as packed:
        packed.writestr("dalam.txt", "Kota di dalam.")
    index_folder(settings, ToyEmbedder())
    live.refresh()
    library = Library(live)
    (part,) = [info for info in library.documents() if not info.removable]
    assert part.source == "b.zip/dalam.txt"
    with pytest.raises(DocumentPartError, match=r"b\.zip/dalam\.txt is inside another file"):
        library.remove(part.id)
    assert (settings.seeds / "b.zip").exists()
    (archive,) = [info for info in library.documents() if info.source == "b.zip"]
    assert library.remove(archive.id) == "b.zip"
    assert not (settings.seeds / "b.zip").exists()
    assert [info.source for info in library.documents()] == ["a.txt"]


def test_a_full_disk_keeps_nothing_of_an_upload(
    live: LiveEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("citydip_rag.uploads.os.fsync", full)
    with pytest.raises(UploadError, match="No space left") as caught:
        Library(live).add(Upload("b.txt", io.BytesIO(b"Kota.")))
    assert caught.value.status == 507
    assert [path.name for path in settings.seeds.iterdir()] == ["a.txt"]


def test_another_folder_s_index_is_not_emptied_by_an_upload(
    live: LiveEngine, settings: Settings, tmp_path: Path
) -> None:
    elsewhere = settings.model_copy(update={"seeds": tmp_path / "elsewhere"})
    library = Library(LiveEngine(Engine.open(elsewhere, ToyEmbedder())))
    with pytest.raises(DocumentsLockedError, match=r"another folder.*--seeds"):
        library.add(Upload("b.txt", io.BytesIO(b"Kota.")))
    with pytest.raises(DocumentsLockedError):
        library.remove(library.documents()[0].id)
    assert not elsewhere.seeds.exists()
    assert sources(live.current) == {"a.txt"}


def test_ending_stops_a_job_between_two_files(live: LiveEngine, settings: Settings) -> None:
    for n in range(300):
        change(settings, f"{n}.txt")
    library = Library(live)
    begun = time.monotonic()
    with library.working():
        library.index()
        until(lambda: library.job.done > 1)
    assert time.monotonic() - begun < 15
    assert sources(live.current) == {"a.txt"}
    assert '"running"' in (settings.index / "job.json").read_text(encoding="utf-8")


def test_two_servers_over_one_folder_take_what_either_is_given(
    live: LiveEngine, settings: Settings
) -> None:
    here, there = Library(live), Library(LiveEngine(Engine.open(settings, ToyEmbedder())))
    both = (here, there)
    with live.watching(), there.live.watching(), here.working(), there.working():
        for number in range(2):
            for library, name in ((here, "sini"), (there, "sana")):
                text = f"Kota {name} nomor {number} ada.".encode()
                library.add(Upload(f"{name}{number}.txt", io.BytesIO(text)))
        added = {f"{name}{number}.txt" for name in ("sini", "sana") for number in range(2)}
        for library in both:
            until(lambda library=library: sources(library.live.current) == {"a.txt"} | added, 120)
            until(lambda library=library: library.job.state is JobState.DONE, 120)


def test_what_one_server_removes_another_answers_from_no_more(
    live: LiveEngine, settings: Settings
) -> None:
    here, there = Library(live), Library(LiveEngine(Engine.open(settings, ToyEmbedder())))
    removed = next(iter(live.current.document_ids()))
    with here.working(), write_lock(settings.index):  # so that it is not indexed meanwhile
        there.remove(removed)
        there._set(there.job)
        until(lambda: live.withdrawn == {removed})
        assert not live.current.find("Kota pertama").candidates
        (settings.seeds / "a.txt").write_text("Kota pertama.", encoding="utf-8")  # it comes back
        until(lambda: not live.withdrawn)


def test_what_another_removes_while_this_one_indexes_stays_removed(
    live: LiveEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This server has read the folder before; the other one is gone before it has published."""
    change(settings)
    there = Library(LiveEngine(Engine.open(settings, ToyEmbedder())))
    removed = next(iter(live.current.document_ids()))
    embed = ToyEmbedder.embed_passages
    seen: list[frozenset[str]] = []

    def slowly(self: ToyEmbedder, *of: Any) -> list[Encoding]:
        if not seen:
            there.remove(removed)
            there._set(there.job)
            time.sleep(1.1)
            encodings = embed(self, *of)
            seen.append(live.withdrawn)
            return encodings
        return embed(self, *of)

    monkeypatch.setattr(ToyEmbedder, "embed_passages", slowly)
    here = Library(live)
    with here.working():
        here.index()
        until(lambda: sources(live.current) == {"b.txt"} and here.job.state is JobState.DONE)
        assert seen == [{removed}]  # while it went on
        until(lambda: not live.withdrawn)
    again = LiveEngine(Engine.open(settings, ToyEmbedder()))
    assert Library(again).live.withdrawn == frozenset()
    assert sources(again.current) == {"b.txt"}
