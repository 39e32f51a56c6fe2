"""Writes ahead4.onnx and ahead100.onnx: two small convolutional networks that need future input, so that they have a latency.

Audio `x: [1, 1, T]`, seeded random weights. Needs onnx 1.23 and numpy. Licence of script and models: MIT OR Apache-2.0.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(name, before, after):
    """A convolution that sees `before` past and `after` future samples, tanh, and a mix of its channels."""
    random = np.random.default_rng(after)
    taps = before + 1 + after
    first = (random.standard_normal((4, 1, taps)) / np.sqrt(taps)).astype(np.float32)
    second = (0.5 * random.standard_normal((1, 4, 1))).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["wide"], pads=[before, after]),
        helper.make_node("Tanh", ["wide"], ["bent"]),
        helper.make_node("Conv", ["bent", "second"], ["y"]),
    ]
    audio = [helper.make_tensor_value_info(port, TensorProto.FLOAT, [1, 1, "T"]) for port in ("x", "y")]
    weights = [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")]
    graph = helper.make_graph(nodes, name, audio[:1], audio[1:], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_lookahead.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, pathlib.Path(__file__).with_name(f"{name}.onnx"))


if __name__ == "__main__":
    write("ahead4", 4, 4)
    write("ahead100", 28, 100)
