"""A whole `E5S1` file written by hand, small enough to check every number of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

HIDDEN, FORWARD, WORDS, POSITIONS = 32, 64, 8, 16
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁kota", "▁query:", "▁passage:"]
MATRICES = {
    "emb.word": WORDS,
    **{f"l0.{part}.w": HIDDEN for part in ("q", "k", "v", "ao")},
    "l0.fi.w": FORWARD,
    "l0.fo.w": FORWARD,
}
VECTORS = {
    "emb.pos": POSITIONS * HIDDEN,
    "emb.type": 2 * HIDDEN,
    **{f"{name}.{kind}": HIDDEN for name in ("emb.ln", "l0.aln", "l0.oln") for kind in "wb"},
    **{f"l0.{part}.b": HIDDEN for part in ("q", "k", "v", "ao", "fo")},
    "l0.fi.b": FORWARD,
}


def q4(rows: int, seed: int) -> bytes:
    """Rows of one block each: scale 2⁻⁴, random nibbles."""
    nibbles = np.random.default_rng(seed).integers(0, 256, (rows, 16), dtype=np.uint8)
    return b"".join(struct.pack("<e", 2**-4) + row.tobytes() for row in nibbles)


def tensors() -> Iterator[tuple[str, int, int, bytes]]:
    """Name, type, number of values and bytes of every tensor."""
    for seed, (name, rows) in enumerate(MATRICES.items()):
        yield name, 2, rows * 32, q4(rows, seed)
    for seed, (name, count) in enumerate(VECTORS.items()):
        values = np.random.default_rng(seed).standard_normal(count).astype("<f4")
        yield name, 0, count, values.tobytes()


def encoder_file() -> bytes:
    """The layout of the design, from its first byte to its last."""
    blob = "".join(PIECES).encode()
    ends = np.cumsum([0, *(len(piece.encode()) for piece in PIECES)]).astype("<u4")
    head = b"E5S1" + struct.pack("<I", 1)
    head += struct.pack("<7if", HIDDEN, 1, 2, FORWARD, WORDS, POSITIONS, 2, 1e-12)
    head += struct.pack("<i5iQ", 32, len(PIECES), 0, 2, 1, 3, len(blob))
    head += ends.tobytes() + np.arange(len(PIECES), dtype="<f4").tobytes() + blob
    head += struct.pack("<iI", 1, 5) + b"#map#" + struct.pack("<i", len(MATRICES) + len(VECTORS))
    offset = len(head) + sum(2 + len(name) + 1 + 4 + 8 + 8 for name in [*MATRICES, *VECTORS])
    index, data = b"", b""
    for name, kind, count, raw in tensors():
        index += struct.pack("<H", len(name)) + name.encode()
        index += struct.pack("<BIQQ", kind, count, offset + len(data), len(raw))
        data += raw
    return head + index + data
