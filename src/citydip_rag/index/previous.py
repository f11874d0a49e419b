"""What the current generation already holds need not be read and cut again."""

from __future__ import annotations

import logging
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from citydip_rag.errors import CitydipError, IndexNewerError
from citydip_rag.index.generation import (
    ChunkingSettings,
    FileRecord,
    Manifest,
    current_generation,
    read_manifest,
    verify_files,
)
from citydip_rag.index.passages import Passages
from citydip_rag.index.store import FILE, PassageStore
from citydip_rag.schema import Document, FileStatus, Passage

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Previous(ABC):
    """The current generation, seen by whoever writes the next."""

    generation: str
    manifest: Manifest

    def is_made_as(self, reader: int, chunking: ChunkingSettings) -> bool:
        """Whether its documents were read and cut as they would be now."""
        return (self.manifest.reader, self.manifest.chunking) == (reader, chunking)

    @abstractmethod
    def is_undamaged(self) -> bool:
        """Whether everything is as it was written."""

    @abstractmethod
    def held(self) -> Held | None:
        """Its documents and passages, or None where they are damaged."""


@dataclass(frozen=True, slots=True)
class PreviousFiles(Previous):
    """The current generation of a folder."""

    folder: Path

    def is_undamaged(self) -> bool:
        """Whether every file is as it was written."""
        try:
            verify_files(self.folder, self.manifest)
        except CitydipError as error:
            logger.warning("the current index is damaged: %s", error.message)
            return False
        return True

    def held(self) -> Held | None:
        """Its documents and passages, or None where their file is damaged."""
        try:
            verify_files(self.folder, self.manifest, [FILE])
            return Held(self.manifest.inputs, PassageStore(self.folder))
        except (CitydipError, OSError, sqlite3.DatabaseError):
            return None


def find_previous(index: Path) -> PreviousFiles | None:
    """The current generation of a folder, or None where there is none that can be read.

    Raises:
        IndexNewerError: it is of a newer program.
    """
    try:
        name, digest = current_generation(index)
        return PreviousFiles(name, read_manifest(index / name, digest), index / name)
    except IndexNewerError:
        raise
    except CitydipError:
        return None


class Held:
    """Documents and passages of the current generation, by the files they came from."""

    def __init__(self, inputs: dict[str, FileRecord], store: Passages) -> None:
        """Take over an opened store."""
        self._inputs = inputs
        self._store = store
        self._by_content = {
            (record.sha256, Path(source).suffix.lower()): source
            for source, record in inputs.items()
            if any(report.status is FileStatus.INDEXED for report in record.reports)
        }

    def close(self) -> None:
        """Close the store."""
        self._store.close()

    def record(self, source: str, sha256: str) -> tuple[str, FileRecord] | None:
        """What is known of a file of that content, under its own name or another of its kind.

        Returns:
            The source it had then, and what became of it.
        """
        own = self._inputs.get(source)
        if own is not None and own.sha256 == sha256:
            return source, own
        other = self._by_content.get((sha256, Path(source).suffix.lower())) if sha256 else None
        return None if other is None else (other, self._inputs[other])

    def document(self, identity: str) -> tuple[Document, Sequence[Passage]]:
        """A document and its passages."""
        numbers = self._store.numbers_of([identity])
        passages = self._store.all_passages(numbers)
        return self._store.document(identity), passages
