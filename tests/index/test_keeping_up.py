"""Indexing again after the folder changed: only what changed is read and embedded."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import pytest

from citydip_rag import Settings
from citydip_rag.corpus import reading
from citydip_rag.corpus.worker import ReaderProcess
from citydip_rag.index import Index
from citydip_rag.indexing import IndexReport, folder_of_index, index_folder, up_to_date
from citydip_rag.schema import FileStatus
from citydip_rag.settings import load_settings

sys.path.insert(0, str(Path(__file__).parent))
from toy import ToyEmbedder


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = load_settings(seeds=tmp_path / "seeds", index=tmp_path / "index")
    made.seeds.mkdir()
    for name in ("satu", "dua", "tiga"):
        text = f"Judul {name}\nKota {name} bekerja sama dengan kota lain."
        (made.seeds / f"{name}.txt").write_text(text, encoding="utf-8")
    index_folder(made, ToyEmbedder())
    return made


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The sources that were really read."""
    seen: list[str] = []
    genuine = ReaderProcess.read

    def watched(self: ReaderProcess, path: Path, source: str) -> list[reading.Part]:
        seen.append(source)
        return genuine(self, path, source)

    monkeypatch.setattr(ReaderProcess, "read", watched)
    return seen


def statuses(report: IndexReport) -> dict[str, str]:
    return {file.source: file.status.value for file in report.files}


def sources(settings: Settings) -> set[str]:
    index = Index.open(settings.index, ToyEmbedder())
    found = {index.store.name(i).source for i in index.store.document_ids()}
    index.close()
    return found


def test_nothing_changed_makes_no_generation(settings: Settings, read: list[str]) -> None:
    before = (settings.index / "CURRENT").read_text(encoding="utf-8")
    report = index_folder(settings, ToyEmbedder())
    assert not report.changed
    assert set(statuses(report).values()) == {"unchanged"}
    assert (settings.index / "CURRENT").read_text(encoding="utf-8") == before
    assert read == []


def test_each_kind_of_change_is_named_and_only_new_words_are_embedded(
    settings: Settings, read: list[str]
) -> None:
    (settings.seeds / "dua.txt").rename(settings.seeds / "kedua.txt")
    (settings.seeds / "tiga.txt").unlink()
    (settings.seeds / "satu.txt").write_text("Judul\nKalimat lain sama sekali.", encoding="utf-8")
    (settings.seeds / "empat.txt").write_text("Judul\nKota keempat ada.", encoding="utf-8")
    report = index_folder(settings, ToyEmbedder())
    assert statuses(report) == {
        "empat.txt": "indexed",
        "kedua.txt": "renamed",
        "satu.txt": "indexed",
        "tiga.txt": "removed",
    }
    assert sorted(read) == ["empat.txt", "satu.txt"]
    assert report.embedded == 2
    assert sources(settings) == {"empat.txt", "kedua.txt", "satu.txt"}


def test_a_renamed_document_is_cited_by_its_new_name(settings: Settings) -> None:
    plain = settings.seeds / "tanpa judul.txt"
    plain.write_text("kalimat tanpa judul di atasnya.", encoding="utf-8")
    index_folder(settings, ToyEmbedder())
    plain.rename(settings.seeds / "baru.txt")
    assert index_folder(settings, ToyEmbedder()).embedded == 0
    index = Index.open(settings.index, ToyEmbedder())
    (identity,) = [
        i for i in index.store.document_ids() if index.store.name(i).source == "baru.txt"
    ]
    document = index.store.document(identity)
    (number,) = index.store.numbers_of([identity])
    passage = index.store.passages([number])[number]
    index.close()
    assert (document.id, document.source, document.title) == (identity, "baru.txt", "baru")
    assert passage.document_id == identity
    assert passage.id.startswith(f"{identity}:")
    assert document.text[passage.start : passage.end] == passage.text


def test_a_copy_is_a_document_of_its_own(settings: Settings, read: list[str]) -> None:
    (settings.seeds / "salinan.txt").write_bytes((settings.seeds / "satu.txt").read_bytes())
    report = index_folder(settings, ToyEmbedder())
    assert statuses(report)["salinan.txt"] == "indexed"
    assert (report.documents, report.embedded, read) == (4, 0, [])


def test_files_inside_files_keep_up_too(settings: Settings, read: list[str]) -> None:
    with zipfile.ZipFile(settings.seeds / "arsip.zip", "w") as packed:
        packed.writestr("a/kota.txt", "Kota di dalam arsip.")
        packed.writestr("kosong.txt", "")
    report = index_folder(settings, ToyEmbedder())
    assert statuses(report)["arsip.zip/a/kota.txt"] == "indexed"
    assert statuses(report)["arsip.zip/kosong.txt"] == "failed"
    (settings.seeds / "arsip.zip").rename(settings.seeds / "lama.zip")
    read.clear()
    again = index_folder(settings, ToyEmbedder())
    assert statuses(again)["lama.zip/a/kota.txt"] == "renamed"
    assert statuses(again)["lama.zip/kosong.txt"] == "failed"
    assert read == []
    assert "lama.zip/a/kota.txt" in sources(settings)


def test_what_failed_is_not_read_again_until_it_changes(
    settings: Settings, read: list[str]
) -> None:
    (settings.seeds / "kosong.txt").write_bytes(b"")
    assert statuses(index_folder(settings, ToyEmbedder()))["kosong.txt"] == "failed"
    read.clear()
    assert statuses(index_folder(settings, ToyEmbedder()))["kosong.txt"] == "failed"
    assert read == []
    (settings.seeds / "kosong.txt").write_text("Kini ada isinya.", encoding="utf-8")
    assert statuses(index_folder(settings, ToyEmbedder()))["kosong.txt"] == "indexed"


@pytest.mark.parametrize("damage", ["reader", "chunking", "store"])
def test_what_was_made_otherwise_is_made_anew(
    settings: Settings, read: list[str], monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    if damage == "reader":
        monkeypatch.setattr("citydip_rag.indexing.READER_VERSION", 99)
    elif damage == "chunking":
        settings = settings.model_copy(update={"passage_max_tokens": 100})
    else:
        name = (settings.index / "CURRENT").read_text(encoding="utf-8").split()[0]
        (settings.index / name / "passages.sqlite").write_bytes(b"damaged")
    report = index_folder(settings, ToyEmbedder())
    assert report.changed
    assert sorted(read) == ["dua.txt", "satu.txt", "tiga.txt"]
    assert sources(settings) == {"dua.txt", "satu.txt", "tiga.txt"}


def test_a_run_with_nothing_to_do_needs_no_model(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("citydip_rag.indexing.model_name", lambda _: ToyEmbedder().name)
    report = up_to_date(settings)
    assert report is not None
    assert {file.status for file in report.files} == {FileStatus.UNCHANGED}
    (settings.seeds / "satu.txt").write_text("Lain.", encoding="utf-8")
    assert up_to_date(settings) is None
    monkeypatch.setattr("citydip_rag.indexing.model_name", lambda _: "another")
    assert up_to_date(settings) is None


def test_a_folder_that_moved_is_remembered_where_it_is(settings: Settings, read: list[str]) -> None:
    assert folder_of_index(settings) == settings.seeds.resolve()
    moved = settings.model_copy(update={"seeds": settings.seeds.with_name("moved")})
    settings.seeds.rename(moved.seeds)
    report = index_folder(moved, ToyEmbedder())
    assert (report.embedded, read) == (0, [])
    assert folder_of_index(moved) == moved.seeds.resolve()


def test_another_ending_is_another_reading(settings: Settings, read: list[str]) -> None:
    (settings.seeds / "a.txt").write_text("Kota **Bandung** bermitra.", encoding="utf-8")
    (settings.seeds / "catatan").write_text("Kota lain bermitra juga.", encoding="utf-8")
    assert statuses(index_folder(settings, ToyEmbedder()))["catatan"] == "skipped"
    (settings.seeds / "a.txt").rename(settings.seeds / "a.md")
    (settings.seeds / "catatan").rename(settings.seeds / "catatan.txt")
    read.clear()
    report = statuses(index_folder(settings, ToyEmbedder()))
    assert (report["a.md"], report["catatan.txt"]) == ("indexed", "indexed")
    assert sorted(read) == ["a.md", "catatan.txt"]


def test_what_failed_for_want_of_time_is_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    (settings.seeds / "baru.txt").write_text("Kota baru ada.", encoding="utf-8")
    with monkeypatch.context() as patch:
        late = reading.Part("baru.txt", reason="baru.txt took too long.", transient=True)
        patch.setattr(ReaderProcess, "read", lambda *_: [late])
        assert statuses(index_folder(settings, ToyEmbedder()))["baru.txt"] == "failed"
    assert statuses(index_folder(settings, ToyEmbedder()))["baru.txt"] == "indexed"


def test_a_file_that_changes_while_it_is_indexed_is_read_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = settings.seeds / "baru.txt"
    file.write_text("Kota pertama.", encoding="utf-8")
    genuine = ReaderProcess.read

    def interfered(self: ReaderProcess, path: Path, source: str) -> list[reading.Part]:
        file.write_text("Kota sementara.", encoding="utf-8")
        return genuine(self, path, source)

    with monkeypatch.context() as patch:
        patch.setattr(ReaderProcess, "read", interfered)
        index_folder(settings, ToyEmbedder())
    file.write_text("Kota pertama.", encoding="utf-8")
    index_folder(settings, ToyEmbedder())
    index = Index.open(settings.index, ToyEmbedder())
    texts = {index.store.document(i).text.strip() for i in index.store.document_ids()}
    index.close()
    assert "Kota pertama." in texts
    assert "Kota sementara." not in texts


def test_an_index_inside_the_folder_is_no_document(settings: Settings) -> None:
    inside = settings.model_copy(update={"index": settings.seeds / "index"})
    first = index_folder(inside, ToyEmbedder())
    assert statuses(first) == {"dua.txt": "indexed", "satu.txt": "indexed", "tiga.txt": "indexed"}
    assert not index_folder(inside, ToyEmbedder()).changed
