"""What happens to an index when something goes wrong at an awkward moment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from citydip_rag.embedding import Encoding
from citydip_rag.embedding.base import Progress
from citydip_rag.errors import DiskError, IndexBusyError, IndexDamagedError
from citydip_rag.index import Index, builder, generation
from citydip_rag.index.cache import FILE as CACHE
from citydip_rag.index.generation import POINTER
from citydip_rag.indexing import EMBEDDING, READING, index_folder
from citydip_rag.settings import Settings, load_settings

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder

HOLD = """
import sys
from pathlib import Path
from citydip_rag.index import write_lock
with write_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


class FailingEmbedder(ToyEmbedder):
    """Fails at its n-th batch of passages, as a machine that is switched off would."""

    def __init__(self, fails_at: int) -> None:
        super().__init__()
        self.fails_at = fails_at
        self.calls = 0

    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("switched off")
        return super().embed_passages(texts, headings, progress)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """One document of some passages, indexed."""
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    lines = [f"Kota {i} bekerja sama dengan kota {i + 1}. Ini kalimat {i}." for i in range(40)]
    (made.seeds / "kota.txt").write_text("\n".join(lines), encoding="utf-8")
    index_folder(made, ToyEmbedder())
    return made


def generations(settings: Settings) -> list[str]:
    return sorted(path.name for path in settings.index.iterdir() if path.is_dir())


def answers(settings: Settings) -> bool:
    index = Index.open(settings.index, ToyEmbedder())
    number = int(index.vectors.search(ToyEmbedder().encode_queries(["Kota 7"])[0], 1).ids[0])
    passage = index.store.passages([number])[number]
    document = index.store.document(passage.document_id)
    index.close()
    return document.text[passage.start : passage.end] == passage.text


def test_an_interrupted_run_resumes_where_it_was(settings: Settings) -> None:
    lines = [f"Kalimat {i} " + "kata " * 70 + "." for i in range(600)]
    (settings.seeds / "panjang.txt").write_text("\n".join(lines), encoding="utf-8")
    before = generations(settings)
    with pytest.raises(RuntimeError, match="switched off"):
        index_folder(settings, FailingEmbedder(fails_at=3))
    assert generations(settings) == before
    assert answers(settings)
    report = index_folder(settings, ToyEmbedder())
    assert report.passages > 600
    assert report.embedded == report.passages - len_known(settings, before) - 2 * 256


def len_known(settings: Settings, names: Sequence[str]) -> int:
    folder = settings.index / names[-1]
    return generation.Manifest.model_validate_json(
        (folder / generation.MANIFEST).read_bytes()
    ).passages


def change(settings: Settings) -> None:
    """Make the next run find something to do."""
    name = f"{len(list(settings.seeds.iterdir()))}.txt"
    (settings.seeds / name).write_text(f"Kota baru di {name}.", encoding="utf-8")


def test_progress_counts_what_was_known(settings: Settings) -> None:
    seen: list[tuple[str, int, int]] = []
    path = settings.seeds / "lagi.txt"
    path.write_text("Dokumen baru tentang kota.", encoding="utf-8")
    report = index_folder(settings, ToyEmbedder(), progress=lambda *stage: seen.append(stage))
    reading = [(done, total) for stage, done, total in seen if stage == READING]
    embedding = [(done, total) for stage, done, total in seen if stage == EMBEDDING]
    assert reading == [(0, 2), (1, 2), (2, 2)]
    assert embedding[0] == (report.passages - 1, report.passages)
    assert embedding[-1] == (report.passages, report.passages)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_interrupted_behind_the_rename_the_new_generation_stands(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    """The pointer names the new generation already: it must not be cleared away."""
    sync = generation._sync

    def interrupted(path: Path) -> None:
        if path == settings.index:
            raise error
        sync(path)

    before = (settings.index / POINTER).read_text(encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(generation, "_sync", interrupted)
        with pytest.raises((KeyboardInterrupt, DiskError)):
            index_folder(settings, ToyEmbedder(), rebuild=True)
    assert (settings.index / POINTER).read_text(encoding="utf-8") != before
    assert answers(settings)


@pytest.mark.parametrize("step", ["_write_files", "checksums", "publish"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_interrupted_before_the_rename_the_old_generation_stands(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    error: type[BaseException],
) -> None:
    def interrupted(*_: object) -> None:
        raise error

    before = generations(settings)
    with monkeypatch.context() as patch:
        patch.setattr(builder, step, interrupted)
        with pytest.raises(error):
            index_folder(settings, ToyEmbedder(), rebuild=True)
    assert generations(settings) == before
    assert answers(settings)


def test_folders_of_others_in_the_index_folder_are_left_alone(settings: Settings) -> None:
    for name in ("photos", "2024", "20240101", "zzz"):
        (settings.index / name).mkdir()
        (settings.index / name / "mine.txt").write_text("mine", encoding="utf-8")
    for _ in range(3):
        index_folder(settings, ToyEmbedder(), rebuild=True)
    for name in ("photos", "2024", "20240101", "zzz"):
        assert (settings.index / name / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert len(generations(settings)) == 4 + 2


def test_half_a_generation_is_cleared_by_the_next_build(settings: Settings) -> None:
    killed = settings.index / "29991231T235959-abcdef"  # newer by name than any real one
    killed.mkdir()
    (killed / "vectors.faiss").write_bytes(b"half")
    (settings.index / f".{POINTER}-dead").write_text("half", encoding="utf-8")
    assert answers(settings)
    change(settings)
    index_folder(settings, ToyEmbedder())
    assert not killed.exists()
    assert not list(settings.index.glob(f".{POINTER}-*"))
    assert answers(settings)


def test_half_a_projection_is_learned_anew(settings: Settings) -> None:
    """As a kill while the first index of a model is made would leave it."""
    (path,) = settings.index.glob("projection-*.npz")
    whole = path.read_bytes()
    for half in (b"", whole[: len(whole) // 2], b"PK nonsense"):
        path.write_bytes(half)
        change(settings)
        index_folder(settings, ToyEmbedder())
        assert answers(settings)
        assert path.read_bytes()[:4] == whole[:4]


def test_damage_inside_the_cache_is_named_and_mended(settings: Settings) -> None:
    path = settings.index / CACHE
    path.write_bytes(path.read_bytes()[:4096] + b"\xee" * (path.stat().st_size - 4096))
    change(settings)
    with pytest.raises(IndexDamagedError, match=rf"{CACHE}.*citydip index --rebuild"):
        index_folder(settings, ToyEmbedder())
    assert answers(settings)
    assert index_folder(settings, ToyEmbedder(), rebuild=True).embedded > 0
    assert answers(settings)


def test_a_cache_that_is_no_database_is_begun_anew(settings: Settings) -> None:
    for leftover in settings.index.glob(f"{CACHE}*"):
        leftover.write_bytes(b"no database " * 1000)
    change(settings)
    assert index_folder(settings, ToyEmbedder()).embedded > 0
    assert index_folder(settings, ToyEmbedder()).embedded == 0


def test_an_index_folder_that_is_a_file_says_what_to_do(settings: Settings) -> None:
    path = settings.seeds.parent / "occupied"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(DiskError, match=r"'occupied' cannot be written.*CITYDIP_INDEX"):
        index_folder(load_settings(seeds=settings.seeds, index=path), ToyEmbedder())
    assert path.read_text(encoding="utf-8") == "mine"


def test_another_process_holds_the_lock_until_it_dies(settings: Settings) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(settings.index)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ.copy(),
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(IndexBusyError, match="Wait until it has finished"):
            index_folder(settings, ToyEmbedder())
        assert answers(settings)
    finally:
        holder.kill()
        holder.communicate()
    index_folder(settings, ToyEmbedder())


def test_the_last_generation_is_kept_beside_the_current(settings: Settings) -> None:
    first = generations(settings)
    change(settings)
    index_folder(settings, ToyEmbedder())
    assert set(first) < set(generations(settings))
    assert len(generations(settings)) == 2


def test_a_changed_cut_embeds_again_and_is_recorded(settings: Settings) -> None:
    smaller = settings.model_copy(update={"passage_min_tokens": 5, "passage_max_tokens": 16})
    report = index_folder(smaller, ToyEmbedder())
    assert report.embedded == report.passages > 30
    index = Index.open(settings.index, ToyEmbedder())
    assert index.manifest.chunking is not None
    assert (index.manifest.chunking.min_tokens, index.manifest.chunking.max_tokens) == (5, 16)
    assert len(index) == report.passages == len(index.store) == len(index.tokens)
    index.close()


def test_documents_can_be_searched_one_by_one(settings: Settings) -> None:
    (settings.seeds / "lain.txt").write_text("Dokumen lain tentang tepung.", encoding="utf-8")
    index_folder(settings, ToyEmbedder())
    index = Index.open(settings.index, ToyEmbedder())
    other = next(i for i in index.store.document_ids() if "lain" in index.store.document(i).source)
    allowed = index.numbers_of([other])
    assert allowed is not None
    query = ToyEmbedder().encode_queries(["Kota 7 bekerja sama"])[0]
    assert set(index.vectors.search(query, 5, allowed).ids) == set(allowed)
    assert index.numbers_of(None) is None
    assert index.numbers_of(["unknown"]) is not None
    assert len(index.vectors.search(query, 5, index.numbers_of(["unknown"]))) == 0
    assert index.store.passages([10_000]) == {}
    with pytest.raises(KeyError):
        index.store.document("unknown")
    index.close()
