"""`/documents`: what there is, what it says, adding and removing; and `/indexing`."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Query, Request, UploadFile
from pydantic import BaseModel, ConfigDict

from citydip_rag.library import Job
from citydip_rag.listing import DocumentInfo
from citydip_rag.schema import Heading, Page
from citydip_rag.server.dependencies import LibraryDep
from citydip_rag.server.guard import why_locked
from citydip_rag.server.limits import BODY_PROBLEMS
from citydip_rag.server.needs import ACCESS_PROBLEMS, CHANGES, READS, ReaderDep
from citydip_rag.server.problems import problems
from citydip_rag.uploads import Upload

MAX_TEXT: Final = 100_000
"""Characters of a document sent at once."""

_MISSING: Final = problems({404: "There is no such document"})
_UNREAD: Final = problems({404: "There is no such document, or its file could not be read"})
_CHANGES: Final = {
    **BODY_PROBLEMS,
    **problems(
        {
            403: "Who asks may not change the documents",
            409: "There is another file of that name, or the document is inside another file",
            507: "The folder cannot be written, or the disk is full",
        }
    ),
}
_ADDS: Final = {
    **_CHANGES,
    **problems(
        {
            411: "The body does not say its length",
            415: "Files of this kind cannot be read, or the body is compressed",
        }
    ),
}
_REMOVES: Final = {**_CHANGES, **_MISSING}

router = APIRouter(tags=["documents"], responses=ACCESS_PROBLEMS)


class DocumentList(BaseModel):
    """Everything in the folder, and how it stands with indexing it.

    Attributes:
        changeable: whether whoever asks may add and remove documents.
        locked: why not, in a word: `folder`, `off`, `key`, `scope`, `network` or `origin`;
            empty where they may.
        generation: of the index that answers now.
    """

    model_config = ConfigDict(frozen=True)

    documents: tuple[DocumentInfo, ...]
    job: Job
    changeable: bool
    locked: str
    generation: str


class DocumentDetail(BaseModel):
    """A document without its text; offsets count characters of that."""

    model_config = ConfigDict(frozen=True)

    id: str
    title: str
    label: str
    source: str
    sha256: str
    language: str
    characters: int
    headings: tuple[Heading, ...]
    pages: tuple[Page, ...]


class DocumentText(BaseModel):
    """`text` is the document's, from `start` to `end`."""

    model_config = ConfigDict(frozen=True)

    id: str
    start: int
    end: int
    characters: int
    text: str


class Accepted(BaseModel):
    """The folder was changed; the index will be in a moment."""

    model_config = ConfigDict(frozen=True)

    sources: tuple[str, ...]
    job: Job


@router.get("/documents", summary="List the documents")
def documents(request: Request, library: LibraryDep, reader: ReaderDep) -> DocumentList:
    """Every file of the folder as it was indexed last, those that failed too."""
    engine = library.live.current
    locked = (
        "folder" if library.is_of_another_folder else why_locked(engine.settings, request, reader)
    )
    return DocumentList(
        documents=tuple(library.documents()),
        job=library.job,
        changeable=not locked,
        locked=locked,
        generation=engine.index.generation,
    )


@router.post(
    "/documents",
    status_code=202,
    summary="Add documents",
    responses=_ADDS,
    dependencies=[CHANGES],
)
async def add(
    files: list[UploadFile],
    library: LibraryDep,
    *,
    replace: Annotated[bool, Query(description="Replace files of the same name.")] = False,
) -> Accepted:
    """Put files into the folder: all of them or, where one is refused, none.

    They are indexed in the background, see `GET /indexing`.
    """
    sent = [Upload(file.filename or "", file.file) for file in files]
    sources = await asyncio.to_thread(library.add, *sent, replace=replace)
    return Accepted(sources=tuple(sources), job=library.job)


@router.get(
    "/documents/{document_id}",
    responses=_UNREAD,
    dependencies=[READS],
    summary="A document's title, headings and pages",
)
def document(document_id: str, library: LibraryDep) -> DocumentDetail:
    """A document without its text."""
    found = library.document(document_id)
    fields = found.model_dump(exclude={"text", "blocks"})
    return DocumentDetail(**fields, characters=len(found.text))


@router.get(
    "/documents/{document_id}/text",
    responses=_UNREAD,
    dependencies=[READS],
    summary="A document's text, or a part of it",
)
def text(
    document_id: str,
    library: LibraryDep,
    start: Annotated[int, Query(ge=0)] = 0,
    end: Annotated[int | None, Query(ge=0)] = None,
) -> DocumentText:
    """The canonical text that citations' offsets count, at most 100,000 characters at once."""
    found = library.document(document_id)
    size = len(found.text)
    start = min(start, size)
    end = max(start, min(size if end is None else end, size, start + MAX_TEXT))
    return DocumentText(
        id=found.id, start=start, end=end, characters=size, text=found.text[start:end]
    )


@router.delete(
    "/documents/{document_id}",
    status_code=202,
    summary="Remove a document",
    responses=_REMOVES,
    dependencies=[CHANGES],
)
async def remove(document_id: str, library: LibraryDep) -> Accepted:
    """Take a file out of the folder; it is out of the index in a moment."""
    source = await asyncio.to_thread(library.remove, document_id)
    return Accepted(sources=(source,), job=library.job)


@router.get("/indexing", dependencies=[READS], summary="How it stands with the indexing")
def indexing(library: LibraryDep) -> Job:
    """The present run, or the last one with what became of every file."""
    return library.job
