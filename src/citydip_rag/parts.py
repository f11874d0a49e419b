"""What the engine is put together from, as the settings say."""

from __future__ import annotations

from time import perf_counter

from citydip_rag.embedding import Embedder, load_embedder
from citydip_rag.errors import IndexMismatchError, SettingsError
from citydip_rag.grounding import AlignmentVerifier, Verifier
from citydip_rag.index import Index
from citydip_rag.retrieval.evidence import EvidenceHead
from citydip_rag.settings import Settings


class Clock:
    """Milliseconds by step."""

    def __init__(self) -> None:
        self._begun = self._last = perf_counter()
        self._laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """End a step."""
        now = perf_counter()
        self._laps[name] = round((now - self._last) * 1000, 3)
        self._last = now

    def finish(self) -> dict[str, float]:
        """All steps, and the total."""
        return {**self._laps, "total": round((perf_counter() - self._begun) * 1000, 3)}


def limit_blas_threads() -> None:
    """One thread for numpy's products from here on.

    Ours are so small that handing them to several threads costs more than it saves: up to ten
    times as much where the processors are busy. The encoder's threads are not touched.
    """
    from threadpoolctl import threadpool_limits

    threadpool_limits(limits=1, user_api="blas")


def check_chunking(settings: Settings, index: Index) -> None:
    """Refuse an index that was cut by other settings.

    Raises:
        IndexMismatchError: it is stale.
    """
    cut = index.manifest.chunking
    wanted = (settings.passage_min_tokens, settings.passage_max_tokens)
    if cut is not None and (cut.min_tokens, cut.max_tokens) != wanted:
        index.close()
        raise IndexMismatchError(
            f"The index is stale: its passages have {cut.min_tokens} to {cut.max_tokens} tokens,"
            f" the settings ask for {wanted[0]} to {wanted[1]}.",
            "Run: citydip index",
        )


def evidence_head(settings: Settings, index: Index) -> EvidenceHead:
    """The head that the settings name, or the one shipped for the index' projection.

    Raises:
        SettingsError: the file cannot be read, or is of another model.
    """
    dimension = index.manifest.token_dimension
    path = settings.evidence_head
    if path is None:
        return EvidenceHead.shipped(index.projection.fingerprint, dimension)
    try:
        return EvidenceHead.read(path.read_bytes(), dimension)
    except OSError as error:
        raise SettingsError(f"The evidence head {path.name} cannot be read.") from error


def make_verifier(settings: Settings, embedder: Embedder, index: Index) -> Verifier:
    """The verifier that the settings name.

    Raises:
        ModelError: its model is not usable.
    """
    if settings.verifier == "alignment":
        return AlignmentVerifier.for_index(embedder, index)
    from citydip_rag.grounding.cross_encoder import CrossEncoderVerifier

    return CrossEncoderVerifier(settings.verifier)


def make_embedder(settings: Settings) -> Embedder:
    """The embedder that the settings name."""
    return load_embedder(settings.embedding_model, settings.embedding_dtype)
