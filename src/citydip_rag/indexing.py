"""The other half of the engine: a folder becomes an index, and what is known is not done again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from citydip_rag.corpus import (
    READER_VERSION,
    FileFailure,
    FoundFile,
    PassageMaker,
    ReaderProcess,
    ReadingLimits,
    document_id,
    documents_of,
    is_unchanged,
    scan_folder,
    title_of_name,
)
from citydip_rag.embedding import Embedder, model_name
from citydip_rag.errors import NothingToIndexError
from citydip_rag.index import (
    Built,
    ChunkingSettings,
    Content,
    FileRecord,
    Held,
    IndexPlace,
    Previous,
    place_of,
)
from citydip_rag.schema import Document, FileReport, FileStatus, Passage
from citydip_rag.settings import Settings

READING, EMBEDDING = "reading", "embedding"
"""The stages of a run."""

StageProgress = Callable[[str, int, int], None]
"""Called with the stage, how much of it is done, and how much there is."""


class IndexReport(BaseModel):
    """What an indexing run did.

    Attributes:
        generation: the generation that is now current.
        changed: whether this run made it; if not, nothing had changed.
        documents, passages: what it holds.
        embedded: passages that were embedded; the others were known already.
        files: every file of the folder, and those inside others; then those no longer there.
    """

    model_config = ConfigDict(frozen=True)

    generation: str
    changed: bool
    documents: int
    passages: int
    embedded: int
    files: tuple[FileReport, ...]


def folder_of_index(settings: Settings) -> Path | None:
    """The folder whose documents the index holds, or None where that is not known."""
    with closing(place_of(settings.index)) as place:
        previous = place.previous()
    return Path(previous.manifest.folder) if previous and previous.manifest.folder else None


def of_its_folder(settings: Settings) -> Settings:
    """Where no folder is set, the settings with the one whose documents the index holds."""
    folder = None if "seeds" in settings.model_fields_set else folder_of_index(settings)
    return settings if folder is None else settings.model_copy(update={"seeds": folder})


def has_index(settings: Settings) -> bool:
    """Whether there is an index that can be read."""
    with closing(place_of(settings.index)) as place:
        return place.previous() is not None


def up_to_date(settings: Settings) -> IndexReport | None:
    """The report of a run that finds nothing to do, without loading the model; else None.

    Raises:
        NothingToIndexError: there is no folder, or nothing in it.
    """
    with closing(place_of(settings.index)) as place:
        files = scan_folder(settings.seeds, place.folder)
        return _nothing_to_do(place, settings, files, model_name(settings.embedding_model))


def index_folder(
    settings: Settings,
    embedder: Embedder,
    *,
    rebuild: bool = False,
    progress: StageProgress | None = None,
) -> IndexReport:
    """Index the seeds folder; the new generation becomes current when it is complete.

    Only files that changed are read, and only passages that are new are embedded.

    Args:
        settings: say where documents and index are, and how to cut passages.
        embedder: makes the vectors.
        rebuild: read and embed everything anew, whatever is known.
        progress: told how far the run is.

    Raises:
        NothingToIndexError: no file gave any text.
        IndexBusyError: another process is writing the index.
    """
    maker = PassageMaker(
        embedder.count_tokens, settings.passage_min_tokens, settings.passage_max_tokens
    )
    report = progress or (lambda *_: None)
    with closing(place_of(settings.index)) as place, place.writing() as writer:
        files = scan_folder(settings.seeds, place.folder)
        unchanged = None if rebuild else _nothing_to_do(place, settings, files, embedder.name)
        if unchanged:
            return unchanged
        previous = None if rebuild else place.previous()
        run = _Run(maker, _reusable(previous, embedder, settings))
        try:
            run.read(files, ReadingLimits(settings.read_seconds, settings.read_megabytes), report)
        finally:
            run.close()
        if not run.passages:
            reasons = " ".join(item.reason for item in run.reports() if item.reason)
            raise NothingToIndexError(
                f"No file in {settings.seeds.name!r} could be indexed. {reasons}".strip(),
                "Put documents into it and run: citydip index",
            )
        if rebuild:
            writer.forget()
        content = Content(
            run.documents,
            run.passages,
            _chunking(settings),
            run.records,
            READER_VERSION,
            str(settings.seeds.resolve()),
        )
        built = writer.build(embedder, content, partial(report, EMBEDDING))
    gone = previous.manifest.inputs.keys() - run.records.keys() if previous else set()
    return IndexReport(
        generation=built.generation,
        changed=True,
        documents=len(run.documents),
        passages=len(run.passages),
        embedded=built.embedded,
        files=(*run.reports(), *_removed(gone - run.renamed)),
    )


def index_passages(
    settings: Settings,
    embedder: Embedder,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    progress: Callable[[int, int], None] | None = None,
) -> Built:
    """Index documents that are already cut into passages.

    Raises:
        NothingToIndexError: there are none.
    """
    if not passages:
        raise NothingToIndexError("There are no passages to index.")
    with closing(place_of(settings.index)) as place, place.writing() as writer:
        return writer.build(embedder, Content(documents, passages), progress)


@dataclass(slots=True)
class _Run:
    """Gathers documents and passages, file by file, from what is held or by reading."""

    maker: PassageMaker
    held: Held | None
    documents: list[Document] = field(default_factory=list)
    passages: list[Passage] = field(default_factory=list)
    records: dict[str, FileRecord] = field(default_factory=dict)
    renamed: set[str] = field(default_factory=set)
    """Sources that files had before, under which they are no longer looked for."""
    present: set[str] = field(default_factory=set)
    """Sources of the files that are there now."""
    statuses: dict[str, FileStatus] = field(default_factory=dict)
    """What this run did, where it is not what the record says."""

    def read(
        self,
        files: Sequence[FoundFile | FileFailure],
        limits: ReadingLimits,
        progress: StageProgress,
    ) -> None:
        self.present = {file.source for file in files}
        with ReaderProcess(limits) as reader:
            for number, file in enumerate(files):
                progress(READING, number, len(files))
                if isinstance(file, FileFailure):
                    self.records[file.source] = FileRecord(sha256="", reports=(_failed(file),))
                elif not self._take(file):
                    self._keep(file, documents_of(file, reader.read(file.path, file.source)))
        progress(READING, len(files), len(files))

    def reports(self) -> list[FileReport]:
        """What became of every file, as this run saw it."""
        return [
            report.model_copy(update={"status": self.statuses.get(source, report.status)})
            if report.status is FileStatus.INDEXED
            else report
            for source, record in self.records.items()
            for report in record.reports
        ]

    def close(self) -> None:
        if self.held is not None:
            self.held.close()

    def _take(self, file: FoundFile) -> bool:
        """Take over what is known of a file of this content."""
        known = self.held.record(file.source, file.sha256) if self.held else None
        if self.held is None or known is None:
            return False
        before, record = known
        reports = []
        for report in record.reports:
            source = file.source + report.source.removeprefix(before)
            reports.append(report.model_copy(update={"source": source}))
            if report.status is FileStatus.INDEXED:
                document, passages = self.held.document(document_id(report.source))
                self._add(*_renamed(document, passages, source))
        self.records[file.source] = FileRecord(sha256=file.sha256, reports=tuple(reports))
        self.statuses[file.source] = FileStatus.UNCHANGED
        if before != file.source:
            still_there = before in self.present
            self.statuses[file.source] = FileStatus.INDEXED if still_there else FileStatus.RENAMED
            self.renamed.add(before)
        return True

    def _keep(self, file: FoundFile, made: Iterable[tuple[Document | FileFailure, str]]) -> None:
        reports = []
        settled = is_unchanged(file)  # what was read may not be what was hashed
        for item, note in made:
            if isinstance(item, FileFailure):
                reports.append(_failed(item))
                settled &= not item.transient
                continue
            passages = self.maker.passages(item)
            self._add(item, passages)
            reports.append(
                FileReport(
                    source=item.source,
                    status=FileStatus.INDEXED,
                    passages=len(passages),
                    pages=max((page.number for page in item.pages), default=None),
                    language=item.language,
                    reason=note,
                )
            )
        known_as = file.sha256 if settled else ""  # else it is read again the next time
        self.records[file.source] = FileRecord(sha256=known_as, reports=tuple(reports))

    def _add(self, document: Document, passages: Sequence[Passage]) -> None:
        self.documents.append(document)
        self.passages += passages


def _nothing_to_do(
    place: IndexPlace, settings: Settings, files: Sequence[FoundFile | FileFailure], model: str
) -> IndexReport | None:
    previous = place.previous()
    if previous is None or not previous.is_made_as(READER_VERSION, _chunking(settings)):
        return None
    manifest = previous.manifest
    known = {source: record.sha256 for source, record in manifest.inputs.items()}
    now = {file.source: getattr(file, "sha256", "") for file in files}
    moved = manifest.folder != str(settings.seeds.resolve())
    if known != now or moved or manifest.embedding_model != model or not previous.is_undamaged():
        return None
    return IndexReport(
        generation=previous.generation,
        changed=False,
        documents=manifest.documents,
        passages=manifest.passages,
        embedded=0,
        files=tuple(
            report.model_copy(update={"status": FileStatus.UNCHANGED})
            if report.status is FileStatus.INDEXED
            else report
            for record in manifest.inputs.values()
            for report in record.reports
        ),
    )


def _reusable(previous: Previous | None, embedder: Embedder, settings: Settings) -> Held | None:
    """What the current generation holds, if it was read and cut as it would be now."""
    if previous is None or not previous.is_made_as(READER_VERSION, _chunking(settings)):
        return None
    if previous.manifest.embedder != embedder.fingerprint:  # another tokenizer counts otherwise
        return None
    return previous.held()


def _renamed(
    document: Document, passages: Sequence[Passage], source: str
) -> tuple[Document, Sequence[Passage]]:
    """A document under another name; its passages and their vectors stay the same."""
    if document.source == source:
        return document, passages
    identity = document_id(source)
    untitled = document.title == title_of_name(document.source)
    title = title_of_name(source) if untitled else document.title
    return document.model_copy(update={"id": identity, "source": source, "title": title}), [
        passage.model_copy(
            update={"id": f"{identity}:{passage.start}-{passage.end}", "document_id": identity}
        )
        for passage in passages
    ]


def _removed(sources: Iterable[str]) -> list[FileReport]:
    return [FileReport(source=name, status=FileStatus.REMOVED) for name in sorted(sources)]


def _failed(failure: FileFailure) -> FileReport:
    status = FileStatus.SKIPPED if failure.skipped else FileStatus.FAILED
    return FileReport(source=failure.source, status=status, reason=failure.reason)


def _chunking(settings: Settings) -> ChunkingSettings:
    return ChunkingSettings(
        min_tokens=settings.passage_min_tokens, max_tokens=settings.passage_max_tokens
    )
