"""Where an index is kept: a folder of files, or a database that several servers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from citydip_rag.values import DatabaseAddress

if TYPE_CHECKING:
    from citydip_rag.embedding.base import Embedder
    from citydip_rag.index.previous import Previous
    from citydip_rag.index.reader import Index
    from citydip_rag.index.writer import IndexWriter


@dataclass(frozen=True, slots=True)
class Note:
    """What a server leaves for the one after it.

    Attributes:
        text: of the note.
        written: when.
    """

    text: str
    written: datetime


class IndexPlace(ABC):
    """One index' home. It outlives the generations that are opened from it."""

    folder: Path | None = None
    """The folder it takes up, which holds no documents."""

    @abstractmethod
    def current(self) -> tuple[str, str]:
        """Name of the current generation, and the SHA-256 of its manifest; a quick look.

        Raises:
            IndexMissingError: there is none.
            IndexDamagedError: what names it is damaged.
            IndexUnreachableError: the database does not answer.
        """

    @abstractmethod
    def open(self, embedder: Embedder | None) -> Index:
        """Open the current generation.

        Args:
            embedder: that questions are embedded by; None to read it whatever made it.

        Raises:
            IndexMissingError: there is no index.
            IndexDamagedError: something of it is absent or altered.
            IndexMismatchError: it was built by another model or format.
            IndexUnreachableError: the database does not answer.
        """

    @abstractmethod
    def previous(self) -> Previous | None:
        """The current generation for whoever writes the next; None if it cannot be read."""

    @abstractmethod
    def writing(self) -> AbstractContextManager[IndexWriter[Any]]:
        """The right to write, for as long as the context lasts; a dead process loses it.

        Raises:
            IndexBusyError: another process has it.
            DiskError: nothing can be written there.
            IndexUnreachableError: the database does not answer.
        """

    @abstractmethod
    def note(self) -> Note | None:
        """What a server noted down last."""

    @abstractmethod
    def write_note(self, text: str) -> None:
        """Note something down for the next server.

        Raises:
            DiskError: it cannot be written.
            IndexUnreachableError: the database does not answer.
        """

    def check(self) -> None:  # noqa: B027  # where nothing can be away there is nothing to check
        """Find out whether what was opened from here can be read now.

        Raises:
            IndexUnreachableError: the database does not answer.
        """

    @abstractmethod
    def close(self) -> None:
        """Give up what is held open; generations opened from it can be read no more."""


def place_of(index: Path | DatabaseAddress) -> IndexPlace:
    """The place that the setting `index` names; nothing is opened yet."""
    if isinstance(index, DatabaseAddress):
        from citydip_rag.index.postgres.place import PostgresPlace

        return PostgresPlace(index)
    from citydip_rag.index.folder import FolderPlace

    return FolderPlace(index)
