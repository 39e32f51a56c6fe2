"""Writes through7.onnx, through63.onnx and through15.onnx: networks whose output is their input, bit for bit, though each works on
whole hops or blocks, so that all a host can hear of them is their latency.

A strided convolution with one channel a tap splits a hop into channels, and a transposed one puts them back in their order: what comes
last in the hop is known at once and what comes first has waited for it, hop − 1 samples. A product with the identity on blocks of 16
waits as long. Needs onnx 1.23 and numpy. Licence of script and models: MIT OR Apache-2.0.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def write(latency, nodes, weights, shape):
    """A model with audio `x` and `y` of one shape, named after the latency that it must have."""
    name = f"through{latency}"
    audio = [helper.make_tensor_value_info(port, TensorProto.FLOAT, shape) for port in ("x", "y")]
    tensors = [numpy_helper.from_array(value, key) for key, value in weights.items()]
    graph = helper.make_graph(nodes, name, audio[:1], audio[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="make_through.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, pathlib.Path(__file__).with_name(f"{name}.onnx"))


def strided(hop):
    """`[1, 1, T]` to `[1, hop, T / hop]` and back."""
    taps = np.eye(hop, dtype=np.float32).reshape(hop, 1, hop)
    nodes = [
        helper.make_node("Conv", ["x", "taps"], ["coded"], strides=[hop]),
        helper.make_node("ConvTranspose", ["coded", "taps"], ["y"], strides=[hop]),
    ]
    write(hop - 1, nodes, {"taps": taps}, [1, 1, "T"])


def blocks(size):
    """`[1, size]` times the identity."""
    write(size - 1, [helper.make_node("Gemm", ["x", "identity"], ["y"])], {"identity": np.eye(size, dtype=np.float32)}, [1, size])


if __name__ == "__main__":
    strided(8)
    strided(64)
    blocks(16)
