"""The bundled encoder as an ONNX graph, straight from its 4-bit blocks.

A block of the file, 32 weights (nibble - 8) · scale, is a block of the operator `MatMulNBits`; only
the order of the nibbles differs. The operator rounds what it multiplies to 8 bits per block, which
costs 0.0001 of cosine; eight bits for a whole row would cost 4 points of recall.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from citydip_rag.embedding.q4 import BLOCK, EncoderFile

if TYPE_CHECKING:
    from onnx import ModelProto

INPUT: Final = "words"
OUTPUT: Final = "hidden"
FINGERPRINT: Final = "fingerprint"
POSITIONS: Final = "positions"
"""Names in the model: of its input and output, and of what its metadata holds."""
_OPERATORS: Final = 18
_CONTRIBUTED: Final = "com.microsoft"
_EIGHT_BITS: Final = 4
"""The accuracy level of `MatMulNBits` at which it multiplies in 8 bits."""


def encoder_graph(source: EncoderFile, fingerprint: str) -> bytes:
    """The encoder as a serialized ONNX model.

    It takes the vectors of one text's words, (1, tokens, hidden) float32, and gives the last
    layer's of the same shape.
    """
    return bytes(_Graph(source).model(fingerprint).SerializeToString())


def shuffled(blocks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The nibbles of Q4_0 blocks in the order of `MatMulNBits`: two neighbours a byte."""
    nibbles = blocks[:, 2:]
    weights = np.concatenate([nibbles & 0x0F, nibbles >> 4], axis=1)
    mixed: npt.NDArray[np.uint8] = weights[:, 0::2] | (weights[:, 1::2] << 4)
    return mixed


class _Graph:
    """Nodes and weights, as they are added."""

    def __init__(self, source: EncoderFile) -> None:
        self.source = source
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self.epsilon = source.shape.layer_norm_eps

    def model(self, fingerprint: str) -> ModelProto:
        from onnx import TensorProto, helper

        shape = self.source.shape
        last = self.embeddings()
        for layer in range(shape.layers):
            last = self.layer(f"l{layer}", last)
        self.node("Identity", [last], OUTPUT)
        flow = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "tokens", shape.hidden])
            for name in (INPUT, OUTPUT)
        ]
        graph = helper.make_graph(self.nodes, "encoder", flow[:1], flow[1:], self.weights)
        model = helper.make_model(
            graph,
            ir_version=10,
            opset_imports=[
                helper.make_opsetid("", _OPERATORS),
                helper.make_opsetid(_CONTRIBUTED, 1),
            ],
        )
        helper.set_model_props(model, {FINGERPRINT: fingerprint, POSITIONS: str(shape.positions)})
        return model

    def embeddings(self) -> str:
        """Words, their positions and their type, normalized."""
        positions = self.values("emb.pos").reshape(-1, self.source.shape.hidden)
        kind = self.values("emb.type")[: self.source.shape.hidden]
        self.node("Shape", [INPUT], "length", start=1, end=2)
        bounds = [self.weight("first", np.array([0])), "length", self.weight("axis", np.array([0]))]
        self.node("Slice", [self.weight("positions", positions + kind), *bounds], "places")
        self.node("Add", [INPUT, "places"], "placed")
        normal = [self.vector("emb.ln.w"), self.vector("emb.ln.b")]
        return self.node(
            "LayerNormalization", ["placed", *normal], "embedded", epsilon=self.epsilon
        )

    def layer(self, name: str, before: str) -> str:
        """Attention, then the feed-forward part, each added to what went in."""
        queries_keys_values = self.product(name, ["q", "k", "v"], before)
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        self.nodes.append(_node("Split", [queries_keys_values], parts, axis=-1, num_outputs=3))
        heads = self.source.shape.heads
        attended = self.contributed(
            "MultiHeadAttention", parts, f"{name}.attended", num_heads=heads
        )
        read = self.added(name, "aln", self.product(name, ["ao"], attended), before)
        wide = self.product(name, ["fi"], read)
        active = self.contributed("Gelu", [wide], f"{name}.active")
        return self.added(name, "oln", self.product(name, ["fo"], active), read)

    def product(self, layer: str, parts: list[str], operand: str) -> str:
        """The operand times the matrices of these names, side by side, plus their biases."""
        stored = [self.source.tensors[f"{layer}.{part}.w"] for part in parts]
        blocks = np.concatenate([tensor.blocks for tensor in stored])
        biases = np.concatenate([self.values(f"{layer}.{part}.b") for part in parts])
        name = f"{layer}.{''.join(parts)}"
        rows, columns = len(biases), len(blocks) * BLOCK // len(biases)
        scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
        operands = [
            operand,
            self.weight(f"{name}.w", shuffled(blocks).reshape(rows, columns // BLOCK, -1)),
            self.weight(f"{name}.scales", scales.reshape(rows, -1)),
            "",  # the zero point is 8, and the columns stand in their order
            "",
            self.weight(f"{name}.b", biases),
        ]
        return self.contributed(
            "MatMulNBits",
            operands,
            name,
            K=columns,
            N=rows,
            bits=4,
            block_size=BLOCK,
            accuracy_level=_EIGHT_BITS,
        )

    def added(self, layer: str, norm: str, value: str, before: str) -> str:
        """The sum of the value and what went before, normalized.

        `SkipLayerNormalization` would do it at once, and takes six times as long.
        """
        total = self.node("Add", [value, before], f"{layer}.{norm}.sum")
        return self.normalized(f"{layer}.{norm}", total)

    def normalized(self, name: str, value: str) -> str:
        vectors = [self.vector(f"{name}.w"), self.vector(f"{name}.b")]
        return self.node("LayerNormalization", [value, *vectors], name, epsilon=self.epsilon)

    def values(self, name: str) -> npt.NDArray[np.float32]:
        return self.source.tensors[name].values

    def vector(self, name: str) -> str:
        return self.weight(name, self.values(name))

    def weight(self, name: str, values: npt.NDArray[np.generic]) -> str:
        from onnx import numpy_helper

        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def node(self, operator: str, operands: list[str], result: str, **settings: Any) -> str:
        self.nodes.append(_node(operator, operands, [result], **settings))
        return result

    def contributed(self, operator: str, operands: list[str], result: str, **settings: Any) -> str:
        return self.node(operator, operands, result, domain=_CONTRIBUTED, **settings)


def _node(operator: str, operands: list[str], results: list[str], **settings: Any) -> Any:
    from onnx import helper

    return helper.make_node(operator, operands, results, name=results[0], **settings)
