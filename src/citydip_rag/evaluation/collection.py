"""A data set's texts as an index of their own, for as long as the evaluation lasts."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from citydip_rag.corpus.folder import make_document
from citydip_rag.corpus.language import detect_language
from citydip_rag.corpus.passages import PassageMaker
from citydip_rag.corpus.sentences import sentence_spans
from citydip_rag.corpus.text import structure
from citydip_rag.embedding import Embedder
from citydip_rag.embedding.base import Progress
from citydip_rag.engine import Engine
from citydip_rag.indexing import index_passages
from citydip_rag.schema import Document, Passage
from citydip_rag.settings import Settings


@contextmanager
def engine_over(
    documents: Sequence[Document],
    passages: Sequence[Passage],
    settings: Settings,
    embedder: Embedder,
    progress: Progress | None = None,
) -> Iterator[Engine]:
    """An engine over these passages; its index is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="citydip-eval-") as folder:
        local = settings.model_copy(update={"index": Path(folder)})
        index_passages(local, embedder, documents, passages, progress)
        engine = Engine.open(local, embedder)
        try:
            yield engine
        finally:
            engine.close()


def whole_passage(identity: str, title: str, text: str) -> tuple[Document, Passage]:
    """A text as a document of one passage, as it stands."""
    document = Document(
        id=identity,
        title=title or identity,
        source=identity,
        sha256=hashlib.sha256(text.encode()).hexdigest(),
        text=text,
        language=detect_language(text).value,
    )
    passage = Passage(
        id=identity,
        document_id=identity,
        position=0,
        start=0,
        end=len(text),
        heading=title,
        language=document.language,
        sentences=tuple(sentence_spans(text, 0, len(text))),
        text=text,
    )
    return document, passage


def cut_passages(
    texts: Sequence[str], settings: Settings, embedder: Embedder
) -> tuple[list[Document], list[Passage]]:
    """Texts as documents, cut into passages as the product cuts files."""
    maker = PassageMaker(
        embedder.count_tokens, settings.passage_min_tokens, settings.passage_max_tokens
    )
    documents = []
    passages: list[Passage] = []
    for number, text in enumerate(texts):
        digest = hashlib.sha256(text.encode()).hexdigest()
        document = make_document(structure(text), f"context-{number}", digest)
        documents.append(document)
        passages += maker.passages(document)
    return documents, passages
