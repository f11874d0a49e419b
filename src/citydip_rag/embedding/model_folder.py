"""The bundled model as an ordinary sentence-transformers folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.q4 import EncoderFile, EncoderShape
from citydip_rag.embedding.unigram import bundled_tokenizer
from citydip_rag.errors import ModelError

PROMPTS: Final = {"query": "query: ", "document": "passage: "}
"""What the model was trained to read before a question, and before a passage."""
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


def has_model_files(folder: Path) -> bool:
    """Whether all files are there."""
    return all((folder / name).is_file() for name in _FILES)


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
            "prompts": PROMPTS,
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


def bert_state(source: EncoderFile) -> dict[str, npt.NDArray[np.float32]]:
    """The tensors under the names and shapes of a `BertModel` without pooler."""
    state = {}
    for name, tensor in source.tensors.items():
        target = bert_name(name)
        shape = bert_shape(target, tensor.count, source.shape)
        state[target] = np.ascontiguousarray(tensor.values.reshape(shape))
    return state


def bert_shape(name: str, count: int, encoder: EncoderShape) -> tuple[int, ...]:
    """The shape of a `BertModel`'s tensor of so many values."""
    if name.endswith("bias") or "LayerNorm" in name:
        return (count,)
    last = name.endswith("output.dense.weight") and "attention" not in name
    columns = encoder.feed_forward if last else encoder.hidden
    return (count // columns, columns)


def bert_name(name: str) -> str:
    """What a `BertModel` calls a tensor of the file."""
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
    bundled_tokenizer(source).save(str(folder / "tokenizer.json"))
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
