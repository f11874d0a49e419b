"""The documents of a running server: added, removed, and indexed in the background.

One job runs at a time, in a thread of its own. Files that come while it runs make it run once
more. What the job was doing is kept with the index, so that a job that was interrupted is taken up
again when the server starts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from typing import Final

from pydantic import BaseModel, ConfigDict

from citydip_rag.corpus import document_id, known_suffixes
from citydip_rag.corpus.reading import MAX_FILE_BYTES
from citydip_rag.corpus.walk import shown_name
from citydip_rag.errors import (
    CitydipError,
    DiskError,
    DocumentMissingError,
    DocumentPartError,
    DocumentsLockedError,
    IndexBusyError,
    IndexUnreachableError,
    NothingToIndexError,
    UploadError,
)
from citydip_rag.indexing import index_folder, up_to_date
from citydip_rag.listing import DocumentInfo, list_documents, unread_file
from citydip_rag.live import LiveEngine
from citydip_rag.removals import Kept, read_kept, removed_documents
from citydip_rag.schema import Document, FileReport
from citydip_rag.uploads import Upload, clear_unfinished, keep_uploads

_BUSY_SECONDS: Final = 2.0
_LOOK_SECONDS: Final = 1.0
"""How often it is looked for what another server over the same index has removed."""

logger = logging.getLogger(__name__)


class JobState(StrEnum):
    """How it stands with the indexing."""

    IDLE = "idle"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Job(BaseModel):
    """The last or present run of indexing.

    Attributes:
        stage: `reading` files or `embedding` passages.
        done, total: how far that stage is.
        message: why it failed, and what to do.
        files: what became of every file, once it is done.
    """

    model_config = ConfigDict(frozen=True)

    state: JobState = JobState.IDLE
    stage: str = ""
    done: int = 0
    total: int = 0
    message: str = ""
    files: tuple[FileReport, ...] = ()


def accepted_files() -> tuple[list[str], int]:
    """Endings of the files that can be added, and how many bytes one of them may have."""
    return known_suffixes(), MAX_FILE_BYTES


class Library:
    """What the documents' routes and the page's tab do."""

    def __init__(self, live: LiveEngine) -> None:
        """Manage the seeds folder of an engine's settings."""
        self.live = live
        self._settings = live.current.settings
        self._job = Job()
        self._wanted = threading.Event()
        self._ended = threading.Event()
        self._removed_elsewhere: frozenset[str] = frozenset()
        self._looked = 0.0
        self._kept = read_kept(live.current.index.place.note())
        live.withdraw(removed_documents(live.current))

    @contextmanager
    def working(self) -> Iterator[None]:
        """Index in the background for as long as the context lasts; take up an interrupted job."""
        clear_unfinished(self._settings.seeds)
        if self._kept.state == JobState.RUNNING:
            logger.warning("taking up the indexing that was interrupted")
            self._wanted.set()
        thread = threading.Thread(target=self._work, name="citydip-index", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            self._wanted.set()
            thread.join(timeout=5)

    @property
    def job(self) -> Job:
        """How it stands with the indexing."""
        return self._job

    def documents(self) -> list[DocumentInfo]:
        """Every file of the last indexing, documents and failures, by source."""
        return list_documents(self.live.current)

    def document(self, identity: str) -> Document:
        """A document's text and structure.

        Raises:
            DocumentMissingError: there is none of that id, or its file could not be read.
        """
        engine = self.live.current
        if identity not in engine.document_ids():
            if unread := unread_file(engine, identity):
                raise DocumentMissingError(f"{unread.source} could not be read.", unread.reason)
            raise DocumentMissingError(f"There is no document {identity!r}.")
        return engine.document(identity)

    def add(self, *files: Upload, replace: bool = False) -> list[str]:
        """Put files into the folder and have it indexed.

        They appear whole: all of them, or none.

        Args:
            files: what was sent.
            replace: whether files of those names may be replaced by others.

        Returns:
            Their sources.

        Raises:
            UploadError: a name is no name, a kind is not read, or a file is too large.
            DocumentExistsError: there is another file of that name.
        """
        self._check_folder()
        sources = keep_uploads(self._settings.seeds, files, replace=replace)
        self.index()
        return sources

    def remove(self, identity: str) -> str:
        """Take a file out of the folder and out of the index.

        Returns:
            Its source.

        Raises:
            DocumentMissingError: there is none of that id.
            DocumentPartError: it is inside another file.
        """
        self._check_folder()
        info = next((info for info in self.documents() if info.id == identity), None)
        if info is None:
            raise DocumentMissingError(f"There is no document {identity!r}.")
        if not info.removable:
            raise DocumentPartError(
                f"{info.source} is inside another file.", "Remove that file as a whole."
            )
        path = self._path_of(info.source)
        if path is not None:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise UploadError(
                    f"{info.source} cannot be removed: {error.strerror or error}.",
                    "Ask whoever runs this.",
                    status=507,
                ) from error
        self._withdraw(info.source)
        self.index()
        return info.source

    def index(self) -> None:
        """Have the folder indexed; returns at once."""
        if self._job.state is not JobState.RUNNING:
            self._set(Job(state=JobState.RUNNING))
        self._wanted.set()

    @property
    def is_of_another_folder(self) -> bool:
        """Whether the index holds another folder's documents: adding one here would lose them."""
        origin = self.live.current.index.manifest.folder
        return bool(origin) and Path(origin) != self._settings.seeds.resolve()

    def _check_folder(self) -> None:
        """Refuse to change a folder that is not the index'.

        Raises:
            DocumentsLockedError: it is another.
        """
        if self.is_of_another_folder:
            raise DocumentsLockedError(
                "The index was made from another folder than the one this server adds to.",
                "Start it with --seeds and that folder.",
                because="folder",
            )

    def _withdraw(self, source: str) -> None:
        """Answer from a removed file no more, from now on and not only once all is indexed."""
        engine = self.live.current
        record = engine.index.manifest.inputs.get(source)
        reports = record.reports if record else ()
        self.live.withdraw(frozenset(document_id(report.source) for report in reports))

    def _path_of(self, source: str) -> Path | None:
        """The file of a source, found by its shown name since not every name can be shown."""
        folder = self._settings.seeds
        path = folder / source
        if path.is_file() and shown_name(path.relative_to(folder).as_posix()) == source:
            return path
        return next(
            (
                found
                for found in folder.rglob("*")
                if found.is_file() and shown_name(found.relative_to(folder).as_posix()) == source
            ),
            None,
        )

    def _work(self) -> None:
        while not self._ended.is_set():
            if not self._wanted.wait(_LOOK_SECONDS):
                self._look_elsewhere()
                continue
            self._wanted.clear()
            if not self._ended.is_set():
                begun = time.monotonic()
                self._run()
                self._observe(time.monotonic() - begun)

    def _observe(self, seconds: float) -> None:
        """Tell of a run; one that another process or the end of this one kept from ending."""
        ended = self._job.state is not JobState.RUNNING
        outcome = self._job.state.value if ended else "postponed"
        self.live.current.observer.indexed(outcome, seconds)

    def _look_elsewhere(self) -> None:
        """Answer no more from what another server has removed, until that is indexed."""
        self._looked = time.monotonic()
        removed = removed_documents(self.live.current)
        back = self._removed_elsewhere - removed
        new = removed - self.live.withdrawn
        self.live.restore(back)
        self.live.withdraw(new)
        self._removed_elsewhere = self._removed_elsewhere - back | new

    def _run(self) -> None:
        """One run; whatever happens in it, the next can follow."""
        self._set(Job(state=JobState.RUNNING))
        removed = self.live.withdrawn  # before the folder is looked at
        try:
            report = up_to_date(self._settings) or index_folder(
                self._settings, self.live.current.embedder.in_small_batches(), progress=self._step
            )
            self.live.refresh()
            self.live.restore(removed)  # out of the index by now, unless it has come back
            self._set(Job(state=JobState.DONE, files=report.files))
            if self.live.withdrawn:  # removed while this ran
                self._wanted.set()
        except IndexBusyError:
            self._ended.wait(_BUSY_SECONDS)
            self._wanted.set()
        except _Stopped:
            logger.warning("the indexing was interrupted; it is taken up at the next start")
        except NothingToIndexError as error:
            if self._settings.seeds.is_dir():  # else its disk may only be away
                self._withdraw_all()
            self._set(Job(state=JobState.FAILED, message=str(error)))
        except CitydipError as error:
            logger.warning("indexing failed: %s", error)
            self._set(Job(state=JobState.FAILED, message=str(error)))
        except Exception:
            logger.exception("indexing failed")
            self._set(Job(state=JobState.FAILED, message="Something unforeseen went wrong."))

    def _withdraw_all(self) -> None:
        """The folder holds nothing, so nothing is answered from, after a restart either."""
        self.live.withdraw(frozenset(self.live.current.index.store.document_ids()))

    def _step(self, stage: str, done: int, total: int) -> None:
        if self._ended.is_set():
            raise _Stopped
        if time.monotonic() - self._looked >= _LOOK_SECONDS:
            self._look_elsewhere()
        self._job = Job(state=JobState.RUNNING, stage=stage, done=done, total=total)

    def _set(self, job: Job) -> None:
        """Keep the state with the index, but for its progress; it does without if it must."""
        self._job = job
        self._look_elsewhere()  # what others have noted is not written over
        kept = Kept(state=job.state, withdrawn=tuple(sorted(self.live.withdrawn)))
        with suppress(DiskError, IndexUnreachableError):
            self.live.current.index.place.write_note(kept.model_dump_json())


class _Stopped(Exception):  # noqa: N818  # no error: the server ends
    pass
