"""What the engine is put together from, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from citydip_rag.embedding import Embedder, load_embedder
from citydip_rag.errors import IndexMismatchError, SettingsError
from citydip_rag.grounding import AlignmentVerifier, Verifier
from citydip_rag.index import Index
from citydip_rag.observing import UNWATCHED, Watch
from citydip_rag.retrieval.evidence import EvidenceHead
from citydip_rag.settings import Settings


class Clock:
    """Seconds by step; whoever watches is told of each."""

    def __init__(self, watch: Watch = UNWATCHED) -> None:
        self._begun = self._last = perf_counter()
        self._step = ""
        self._taken: dict[str, float] = {}
        self._watch = watch

    def step(self, name: str) -> None:
        """Begin a step, which ends the one before it; it may come again, and then goes on."""
        self._end_step()
        self._step = name
        self._watch.step(name)

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Something within the step, timed besides it."""
        begun = perf_counter()
        try:
            yield
        finally:
            seconds = perf_counter() - begun
            self._add(name, seconds)
            self._watch.part(name, seconds)

    def note(self, **known: str | float) -> None:
        """Something is known of the step."""
        self._watch.note({f"citydip.{name}": value for name, value in known.items()})

    def finish(self) -> dict[str, float]:
        """Milliseconds of all steps, and the total."""
        self._end_step()
        taken = {**self._taken, "total": perf_counter() - self._begun}
        return {name: round(seconds * 1000, 3) for name, seconds in taken.items()}

    def _end_step(self) -> None:
        now = perf_counter()
        if self._step:
            self._add(self._step, now - self._last)
        self._last = now

    def _add(self, name: str, seconds: float) -> None:
        self._taken[name] = self._taken.get(name, 0.0) + seconds


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
