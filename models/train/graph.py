"""A small builder of ONNX graphs: nodes get names, tensors of weights become initialisers."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Graph:
    """One graph under construction. Methods that add a node return its output's name.

    Audio is ``[1, channels, T]`` with a free ``T``; knobs are ``[1, K]``.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []
        self._inputs: list[onnx.ValueInfoProto] = []

    def input(self, name: str, shape: list[int | str]) -> str:
        """Declares a graph input of 32-bit floats."""
        self._inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        return name

    def weight(self, values: np.ndarray | float, stem: str = "weight") -> str:
        """An initialiser; floats become 32 bits wide, whole numbers 64."""
        array = np.asarray(values)
        array = array.astype(np.int64 if array.dtype.kind == "i" else np.float32)
        name = f"{stem}_{len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Adds an operator with one output."""
        name = f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def scale(self, x: str, factor: float) -> str:
        """``x * factor``."""
        return x if factor == 1.0 else self.node("Mul", x, self.weight(float(factor)))

    def conv(self, x: str, taps: np.ndarray) -> str:
        """Causal FIRs ``[out, in, L]``; the newest sample meets the last tap."""
        length = taps.shape[2]
        return self.node(
            "Conv", x, self.weight(taps, "taps"), kernel_shape=[length], pads=[length - 1, 0]
        )

    def knob(self, knobs: str, index: int) -> str:
        """``[1, 1]``: one of ``knobs [1, K]``."""
        return self.node("Gather", knobs, self.weight(np.array([index]), "index"), axis=1)

    def hats(self, position: str, count: int) -> str:
        """``[1, count]``: how near ``position [1, 1]`` in 0 to 1 is to equally spaced settings."""
        at = self.node("Sub", self.scale(position, count - 1), self.weight(np.arange(count) * 1.0))
        near = self.node("Sub", self.weight(1.0), self.node("Abs", at))
        return self.node("Relu", near)

    def over_time(self, values: str) -> str:
        """``[1, C]`` to ``[1, C, 1]``."""
        return self.node("Unsqueeze", values, self.weight(np.array([2]), "axes"))

    def blend(self, bank: str, weights: str) -> str:
        """``bank [1, K, T]`` summed with ``weights [1, K]``: ``[1, 1, T]``."""
        weighed = self.node("Mul", bank, self.over_time(weights))
        axes = self.weight(np.array([1]), "axes")
        return self.node("ReduceSum", weighed, axes, keepdims=1)

    def save(self, path: Path, output: str, keys: dict[str, str]) -> None:
        """Writes the file with ``output`` as the graph's one output, ``[1, 1, T]``."""
        self._nodes.append(helper.make_node("Identity", [output], ["output"], name="output"))
        out = helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, "T"])
        graph = helper.make_graph(self._nodes, self._name, self._inputs, [out], self._weights)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="tonegraft-train",
            producer_version="2",
        )
        helper.set_model_props(model, keys)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, path)
