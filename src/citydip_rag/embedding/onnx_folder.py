"""The bundled model as ONNX Runtime takes it: the encoder's graph, the words' vectors, a tokenizer.

The weights stay as they are, in blocks of 4 bits. The table of the words' vectors, four fifths of
all weights, stays outside the graph: it is mapped into memory, and only the rows of words that
occur are ever read.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from citydip_rag.embedding.model_folder import PROMPTS, bert_name, bert_shape
from citydip_rag.embedding.q4 import EncoderFile
from citydip_rag.embedding.unigram import bundled_tokenizer

ENCODER: Final = "encoder.onnx"
WORDS: Final = "words.q4"
TOKENIZER: Final = "tokenizer.json"
_SUMS: Final = "SHA256SUMS"
_SAMPLES: Final = 1000


def write_onnx_folder(source: EncoderFile, folder: Path) -> None:
    """Write the encoder for ONNX Runtime."""
    from citydip_rag.embedding.onnx_graph import encoder_graph

    folder.mkdir(parents=True)
    tokenizer = bundled_tokenizer(source)
    tokenizer.add_special_tokens(list(source.special))
    tokenizer.save(str(folder / TOKENIZER), pretty=False)
    (folder / WORDS).write_bytes(source.tensors["emb.word"].raw.tobytes())
    (folder / ENCODER).write_bytes(encoder_graph(source, bundled_fingerprint(source)))
    (folder / _SUMS).write_text(_sums(folder), encoding="utf-8")


def is_undamaged(folder: Path) -> bool:
    """Whether all files are there, and as they were written."""
    try:
        return (folder / _SUMS).read_text(encoding="utf-8") == _sums(folder)
    except (OSError, ValueError):
        return False


def bundled_fingerprint(source: EncoderFile) -> str:
    """What `SentenceTransformersEmbedder.fingerprint` is for the same weights, without torch.

    The two give vectors so alike that an index made with one serves the other.
    """
    digest = hashlib.sha256(repr(sorted(PROMPTS.items())).encode())
    names = {f"0.model.{bert_name(name)}": name for name in source.tensors}
    for long, name in sorted(names.items()):
        tensor = source.tensors[name]
        shape = bert_shape(long, tensor.count, source.shape)
        digest.update(f"{long}{shape}torch.float32".encode())
        digest.update(tensor.every(max(1, tensor.count // _SAMPLES)).tobytes())
    digest.update(str(len(source.pieces)).encode())
    digest.update(str(source.shape.positions).encode())
    return digest.hexdigest()[:32]


def _sums(folder: Path) -> str:
    """The files' checksums as `sha256sum` writes them."""
    lines = []
    for name in (ENCODER, WORDS, TOKENIZER):
        with (folder / name).open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {name}\n")
    return "".join(lines)
