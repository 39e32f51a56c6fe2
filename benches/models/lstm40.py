"""Writes lstm40.onnx: LSTM(1 -> 40), dense(40 -> 1), input added: the commonest shape of recurrent amp models.

Seeded random weights, so it is for timing and for comparing engines, not for listening. Audio `x: [1, T, 1]`; states `h, c: [1, 1, 40]`.
Needs onnx 1.23 and numpy. Licence of script and model: MIT OR Apache-2.0.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CELLS = 40


def main():
    random = np.random.default_rng(40)

    def weights(name, *shape):
        scale = 1 / np.sqrt(CELLS)
        return numpy_helper.from_array(random.uniform(-scale, scale, shape).astype(np.float32), name)

    constants = [
        weights("W", 1, 4 * CELLS, 1),
        weights("R", 1, 4 * CELLS, CELLS),
        weights("B", 1, 8 * CELLS),
        weights("dense_weight", CELLS, 1),
        weights("dense_bias", 1),
        numpy_helper.from_array(np.array([1], dtype=np.int64), "directions"),
    ]
    nodes = [
        helper.make_node("Transpose", ["x"], ["x_time_first"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["x_time_first", "W", "R", "B", "", "h", "c"], ["all", "hn", "cn"], hidden_size=CELLS),
        helper.make_node("Squeeze", ["all", "directions"], ["hidden"]),
        helper.make_node("Transpose", ["hidden"], ["hidden_batch_first"], perm=[1, 0, 2]),
        helper.make_node("MatMul", ["hidden_batch_first", "dense_weight"], ["product"]),
        helper.make_node("Add", ["product", "dense_bias"], ["wet"]),
        helper.make_node("Add", ["wet", "x"], ["y"]),
    ]
    audio = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "T", 1])
    state = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, CELLS])
    graph = helper.make_graph(nodes, "lstm40", [audio("x"), state("h"), state("c")], [audio("y"), state("hn"), state("cn")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="benches/models/lstm40.py")
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, pathlib.Path(__file__).with_name("lstm40.onnx"))


if __name__ == "__main__":
    main()
