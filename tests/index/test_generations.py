"""An index is a generation: whole or not at all, checked before it is answered from."""

from __future__ import annotations

import errno
import hashlib
import json
import random
import shutil
import sys
import time
from pathlib import Path

import pytest

from citydip_rag.errors import (
    CitydipError,
    IndexBusyError,
    IndexDamagedError,
    IndexMismatchError,
    IndexMissingError,
    NothingToIndexError,
)
from citydip_rag.index import Index, write_lock
from citydip_rag.index.generation import MANIFEST, POINTER
from citydip_rag.indexing import index_folder
from citydip_rag.settings import Settings, load_settings

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder, processes, rebuild_forever

SENTENCE = "Kota {0} menandatangani perjanjian nomor {0} dengan kota lain pada tahun {0}."


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A folder of three documents, indexed."""
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    for name in ("satu", "dua", "tiga"):
        lines = [SENTENCE.format(f"{name}{i}") + f" Ini kalimat {name} {i}." for i in range(12)]
        (made.seeds / f"{name}.txt").write_text("\n".join(lines), encoding="utf-8")
    index_folder(made, ToyEmbedder())
    return made


def current(settings: Settings) -> Path:
    return settings.index / (settings.index / POINTER).read_text(encoding="utf-8").split()[0]


def answers(settings: Settings) -> bool:
    index = Index.open(settings.index, ToyEmbedder())
    query = ToyEmbedder().encode_queries([SENTENCE.format("dua7")])[0]
    hits = index.vectors.search(query, 1)
    passage = index.store.passages([int(hits.ids[0])])[int(hits.ids[0])]
    tokens = index.tokens[int(hits.ids[0])]
    document = index.store.document(passage.document_id)
    index.close()
    return (
        "dua7" in passage.text
        and len(tokens.offsets) > 0
        and document.text[passage.start : passage.end] == passage.text
    )


def test_an_index_answers(settings: Settings) -> None:
    assert answers(settings)


def test_no_index_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(IndexMissingError, match="Run: citydip index"):
        Index.open(tmp_path, ToyEmbedder())


@pytest.mark.parametrize("content", [b"", b"../../etc", b"nowhere\n", b"\xff\xfe"])
def test_bad_pointer_is_refused(settings: Settings, content: bytes) -> None:
    (settings.index / POINTER).write_bytes(content)
    with pytest.raises(IndexDamagedError, match="citydip index --rebuild"):
        Index.open(settings.index, ToyEmbedder())


def generation_files(settings: Settings) -> list[str]:
    folder = current(settings)
    return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]


@pytest.mark.parametrize("harm", ["delete", "truncate", "flip"])
def test_every_harmed_file_is_refused_by_name_and_mended(settings: Settings, harm: str) -> None:
    names = generation_files(settings)
    assert len(names) > 8
    for name in names:
        path = current(settings) / name
        whole = path.read_bytes()
        if harm == "delete":
            path.unlink()
        elif harm == "truncate":
            path.write_bytes(whole[: len(whole) // 2])
        else:
            middle = len(whole) // 2
            path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
        with pytest.raises(IndexDamagedError) as caught:
            Index.open(settings.index, ToyEmbedder())
        assert Path(name).name in str(caught.value)
        assert "citydip index --rebuild" in caught.value.remedy
        path.write_bytes(whole)
    (current(settings) / names[0]).unlink()
    index_folder(settings, ToyEmbedder(), rebuild=True)
    assert answers(settings)


def test_other_format_model_and_dimension_are_refused(settings: Settings) -> None:
    with pytest.raises(IndexMismatchError, match="toy 32, not with toy 32other"):
        Index.open(settings.index, ToyEmbedder(salt="other"))
    with pytest.raises(IndexMismatchError, match=r"32 dimensions.*makes 16"):
        Index.open(settings.index, ToyEmbedder(dimension=16))
    path = current(settings) / MANIFEST
    manifest = json.loads(path.read_text(encoding="utf-8"))
    altered = json.dumps({**manifest, "format": 99}).encode()
    path.write_bytes(altered)
    with pytest.raises(IndexDamagedError, match="altered"):
        Index.open(settings.index, ToyEmbedder())
    digest = hashlib.sha256(altered).hexdigest()
    (settings.index / POINTER).write_text(f"{current(settings).name} {digest}")
    with pytest.raises(IndexMismatchError, match="format 99"):
        Index.open(settings.index, ToyEmbedder())


def test_only_what_changed_is_embedded(settings: Settings) -> None:
    assert index_folder(settings, ToyEmbedder()).embedded == 0
    path = settings.seeds / "dua.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("dua7", "lima7"), encoding="utf-8")
    assert index_folder(settings, ToyEmbedder()).embedded == 1
    path.rename(path.with_name("empat.txt"))
    assert index_folder(settings, ToyEmbedder()).embedded == 0
    assert index_folder(settings, ToyEmbedder(), rebuild=True).embedded > 1


def test_bad_files_are_named_and_the_rest_is_indexed(settings: Settings) -> None:
    (settings.seeds / "empty.txt").write_bytes(b"")
    (settings.seeds / "picture.txt").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    (settings.seeds / "film.mp4").write_bytes(b"abc")
    report = index_folder(settings, ToyEmbedder())
    named = {file.source: file for file in report.files if file.reason}
    assert {source: file.status.value for source, file in named.items()} == {
        "empty.txt": "failed",
        "picture.txt": "failed",
        "film.mp4": "skipped",
    }
    assert report.documents == 3
    assert answers(settings)


def test_empty_seeds_leave_the_old_index(settings: Settings) -> None:
    shutil.rmtree(settings.seeds)
    with pytest.raises(NothingToIndexError, match="no folder"):
        index_folder(settings, ToyEmbedder())
    settings.seeds.mkdir()
    with pytest.raises(NothingToIndexError, match="holds no documents"):
        index_folder(settings, ToyEmbedder())
    (settings.seeds / "empty.txt").write_bytes(b"")
    with pytest.raises(NothingToIndexError, match=r"empty\.txt"):
        index_folder(settings, ToyEmbedder())
    assert answers(settings)


def test_second_writer_is_refused(settings: Settings) -> None:
    with (
        write_lock(settings.index),
        pytest.raises(IndexBusyError, match="Another process"),
    ):
        index_folder(settings, ToyEmbedder())
    index_folder(settings, ToyEmbedder())


def test_full_disk_leaves_the_old_index(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sorted(path.name for path in settings.index.iterdir() if path.is_dir())

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("citydip_rag.index.builder.publish", full)
        with pytest.raises(CitydipError, match=r"No space left.*Make room"):
            index_folder(settings, ToyEmbedder(), rebuild=True)
    assert sorted(path.name for path in settings.index.iterdir() if path.is_dir()) == before
    assert answers(settings)


def test_a_reader_keeps_its_generation(settings: Settings) -> None:
    held = Index.open(settings.index, ToyEmbedder())
    for _ in range(3):
        index_folder(settings, ToyEmbedder(), rebuild=True)
    query = ToyEmbedder().encode_queries([SENTENCE.format("tiga5")])[0]
    number = int(held.vectors.search(query, 1).ids[0])
    assert "tiga5" in held.store.passages([number])[number].text
    assert len(held.tokens[number].offsets) > 0
    held.close()
    folders = [path for path in settings.index.iterdir() if path.is_dir()]
    assert len(folders) == 2


def test_killed_at_random_moments_the_index_answers_each_time(settings: Settings) -> None:
    """SIGKILL in the middle of a rebuild, twenty times."""
    moments = random.Random(7)  # noqa: S311
    seen = set()
    for _ in range(20):
        process = processes().Process(target=rebuild_forever, args=(settings.seeds, settings.index))
        process.start()
        before = (settings.index / POINTER).read_text(encoding="utf-8")
        deadline = time.monotonic() + 30
        while (settings.index / POINTER).read_text(encoding="utf-8") == before:
            assert time.monotonic() < deadline, "the child never finished a rebuild"
            time.sleep(0.002)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.join()
        seen.add(current(settings).name)
        assert answers(settings)
    assert len(seen) == 20
    index_folder(settings, ToyEmbedder())
    assert len([path for path in settings.index.iterdir() if path.is_dir()]) <= 2
