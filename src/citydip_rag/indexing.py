"""The other half of the engine: a folder becomes an index."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from citydip_rag.corpus import FileFailure, PassageMaker, read_folder
from citydip_rag.embedding import Embedder
from citydip_rag.embedding.base import Progress
from citydip_rag.errors import NothingToIndexError
from citydip_rag.index import Built, ChunkingSettings, IndexBuilder, forget_cache, write_lock
from citydip_rag.schema import Document, Passage
from citydip_rag.settings import Settings


class FileReport(BaseModel):
    """What became of one file: `indexed`, or `failed` with the reason."""

    model_config = ConfigDict(frozen=True)

    source: str
    status: str
    passages: int = 0
    reason: str = ""


class IndexReport(BaseModel):
    """What an indexing run did.

    Attributes:
        generation: the generation that is now current.
        documents, passages: what it holds.
        embedded: passages that were embedded; the others were known already.
        files: every file of the folder.
    """

    model_config = ConfigDict(frozen=True)

    generation: str
    documents: int
    passages: int
    embedded: int
    files: tuple[FileReport, ...]


def index_folder(
    settings: Settings,
    embedder: Embedder,
    *,
    rebuild: bool = False,
    progress: Progress | None = None,
) -> IndexReport:
    """Index the seeds folder; the new generation becomes current when it is complete.

    Args:
        settings: say where documents and index are, and how to cut passages.
        embedder: makes the vectors.
        rebuild: embed everything anew, whatever is known.
        progress: called with (passages done, passages in all).

    Raises:
        NothingToIndexError: no file gave any text.
        IndexBusyError: another process is writing the index.
    """
    maker = PassageMaker(
        embedder.count_tokens, settings.passage_min_tokens, settings.passage_max_tokens
    )
    with write_lock(settings.index):
        documents: list[Document] = []
        passages: list[Passage] = []
        files: list[FileReport] = []
        for item in read_folder(settings.seeds):
            if isinstance(item, FileFailure):
                files.append(FileReport(source=item.source, status="failed", reason=item.reason))
                continue
            made = maker.passages(item)
            documents.append(item)
            passages += made
            files.append(FileReport(source=item.source, status="indexed", passages=len(made)))
        if not passages:
            reasons = " ".join(f"{file.source}: {file.reason}" for file in files)
            raise NothingToIndexError(
                f"No file in {settings.seeds.name!r} could be indexed. {reasons}".strip(),
                "Put documents into it and run: citydip index",
            )
        if rebuild:
            forget_cache(settings.index)
        chunking = ChunkingSettings(
            min_tokens=settings.passage_min_tokens, max_tokens=settings.passage_max_tokens
        )
        built = IndexBuilder(settings.index, embedder).build(
            documents, passages, chunking, progress
        )
    return IndexReport(
        generation=built.generation,
        documents=len(documents),
        passages=len(passages),
        embedded=built.embedded,
        files=tuple(files),
    )


def index_passages(
    settings: Settings,
    embedder: Embedder,
    documents: Sequence[Document],
    passages: Sequence[Passage],
    progress: Progress | None = None,
) -> Built:
    """Index documents that are already cut into passages."""
    with write_lock(settings.index):
        return IndexBuilder(settings.index, embedder).build(documents, passages, None, progress)
