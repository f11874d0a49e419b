"""What the API returns besides answers; a test holds these to the server's own.

A field that a newer server adds is passed over.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from citydip_rag.schema import FileReport, FileStatus, Heading, Page


class _Received(BaseModel):
    model_config = ConfigDict(frozen=True)


class JobState(StrEnum):
    """How it stands with the indexing."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(_Received):
    """The last or present run of indexing.

    Attributes:
        stage: `reading` files or `embedding` passages.
        done, total: how far that stage is.
        message: why it failed, and what to do.
        files: what became of every file, once it is done.
    """

    state: JobState = JobState.IDLE
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    files: tuple[FileReport, ...] = ()


class DocumentInfo(_Received):
    """A file of the server's folder, as far as the index knows it.

    Attributes:
        id: of the document, where it is indexed.
        removable: whether it is a file of its own, and not one inside another.
    """

    id: str
    title: str
    source: str
    status: FileStatus
    passages: int
    pages: int | None
    language: str | None
    reason: str
    removable: bool


class DocumentList(_Received):
    """Everything in the folder, and how it stands with indexing it.

    Attributes:
        changeable: whether this client may add and remove documents.
        locked: why not, in a word; empty where it may.
        generation: of the index that answers now.
    """

    documents: tuple[DocumentInfo, ...]
    job: Job
    changeable: bool
    locked: str
    generation: str


class DocumentDetail(_Received):
    """A document without its text; offsets count characters of that."""

    id: str
    title: str
    label: str
    source: str
    sha256: str
    language: str
    characters: int
    headings: tuple[Heading, ...]
    pages: tuple[Page, ...]


class DocumentText(_Received):
    """`text` is the document's, from `start` to `end`."""

    id: str
    start: int
    end: int
    characters: int
    text: str


class Accepted(_Received):
    """The folder was changed; the index will be in a moment."""

    sources: tuple[str, ...]
    job: Job


class Ready(_Received):
    """The server answers questions; from which index, it tells those who may ask."""

    status: str = "ready"
    generation: str = ""
    documents: int = 0
    passages: int = 0
    embedding_model: str = ""
    generator: str = ""
    generators: list[str] = []
