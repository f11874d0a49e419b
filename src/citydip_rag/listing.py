"""What an index knows of the files in its folder."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from citydip_rag.corpus import document_id
from citydip_rag.engine import Engine
from citydip_rag.schema import FileReport, FileStatus


class DocumentInfo(BaseModel):
    """A file of the folder, as far as the index knows it.

    Attributes:
        id: of the document, where it is indexed.
        removable: whether it is a file of its own, and not one inside another.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    source: str
    status: FileStatus
    passages: int
    pages: int | None
    language: str | None
    reason: str
    removable: bool


def list_documents(engine: Engine) -> list[DocumentInfo]:
    """Every file of the last indexing, documents and failures, by source."""
    infos = []
    for source, record in engine.index.manifest.inputs.items():
        reports = [r for r in record.reports if document_id(r.source) not in engine.withdrawn]
        infos += [_info(engine, report, source) for report in reports]
        if reports and all(report.source != source for report in reports):
            infos.append(_container(source, reports))
    return sorted(infos, key=lambda info: info.source)


def unread_file(engine: Engine, identity: str) -> FileReport | None:
    """The file that the list shows under an id, though it could not be read."""
    records = engine.index.manifest.inputs.values()
    failed = (r for record in records for r in record.reports if r.status is FileStatus.FAILED)
    ids = ((document_id(report.source), report) for report in failed)
    return next((r for i, r in ids if i == identity and i not in engine.withdrawn), None)


def _info(engine: Engine, report: FileReport, source: str) -> DocumentInfo:
    identity = document_id(report.source)
    indexed = report.status is FileStatus.INDEXED
    return DocumentInfo(
        id=identity,
        title=engine.index.store.name(identity).title if indexed else "",
        source=report.source,
        status=report.status,
        passages=report.passages,
        pages=report.pages,
        language=report.language,
        reason=report.reason,
        removable=report.source == source,
    )


def _container(source: str, reports: Sequence[FileReport]) -> DocumentInfo:
    """A file that has no text of its own, such as an archive: it can be removed with all in it."""
    return DocumentInfo(
        id=document_id(source),
        title="",
        source=source,
        status=FileStatus.INDEXED,
        passages=sum(report.passages for report in reports),
        pages=None,
        language=None,
        reason="",
        removable=True,
    )
