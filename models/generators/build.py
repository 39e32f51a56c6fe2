"""A small builder over onnx.helper: names every value, draws every weight from one seeded generator."""

import zlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


class Model:
    """One graph under construction. Methods that add a node give back the name of its first output."""

    def __init__(self, name):
        self.name = name
        self.random = np.random.default_rng(zlib.crc32(name.encode()))
        self.nodes, self.weights, self.inputs, self.outputs = [], [], [], []
        self.props = {}
        self.counts = {}

    def fresh(self, stem):
        self.counts[stem] = self.counts.get(stem, 0) + 1
        return f"{stem}_{self.counts[stem]}"

    def input(self, name, shape, kind=TensorProto.FLOAT):
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, value, name, shape, kind=TensorProto.FLOAT):
        """Renames the value to `name` and lists it as an output."""
        for node in self.nodes:
            node.input[:] = [name if i == value else i for i in node.input]
            node.output[:] = [name if o == value else o for o in node.output]
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def array(self, values, stem="const"):
        name = self.fresh(stem)
        self.weights.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def ints(self, *values):
        return self.array(np.array(values, np.int64), "ints")

    def weight(self, *shape, scale=None):
        """Uniform in ±scale; by default such that a layer keeps the level."""
        if scale is None:
            scale = np.sqrt(3.0 / max(1.0, np.prod(shape[1:])))
        return self.array(self.random.uniform(-scale, scale, shape).astype(np.float32), "weight")

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [self.fresh(kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=self.fresh(f"/{kind}"), **attributes))
        return names[0] if outputs == 1 else names

    def constant(self, values):
        """As a Constant node, the way exporters write them."""
        return self.node("Constant", value=numpy_helper.from_array(np.asarray(values)))

    def conv(self, x, channels_in, channels_out, taps, dilation=1, stride=1, pads=(0, 0), group=1, bias=True):
        inputs = [x, self.weight(channels_out, channels_in // group, taps)]
        if bias:
            inputs.append(self.weight(channels_out, scale=0.1))
        return self.node(
            "Conv", *inputs, kernel_shape=[taps], dilations=[dilation], strides=[stride], pads=list(pads), group=group
        )

    def causal(self, x, channels_in, channels_out, taps, dilation=1, group=1):
        return self.conv(x, channels_in, channels_out, taps, dilation, pads=((taps - 1) * dilation, 0), group=group)

    def recurrent(self, kind, x, features, hidden, h="", c="", outputs=None, **attributes):
        gates = {"LSTM": 4, "GRU": 3}[kind]
        inputs = [
            x,
            self.weight(1, gates * hidden, features, scale=0.6),
            self.weight(1, gates * hidden, hidden, scale=1.0 / np.sqrt(hidden)),
            self.weight(1, 2 * gates * hidden, scale=0.2),
        ]
        if h:
            inputs += ["", h]
        if c:
            inputs += [c]
        outputs = outputs or (3 if kind == "LSTM" else 2)
        return self.node(kind, *inputs, outputs=outputs, hidden_size=hidden, **attributes)

    def declare(self, **props):
        self.props.update({f"tonegraft.{key}": value for key, value in props.items()})

    def proto(self):
        graph = helper.make_graph(self.nodes, self.name, self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tonegraft-fixtures")
        model.ir_version = IR_VERSION
        if self.props:
            helper.set_model_props(model, self.props)
        onnx.checker.check_model(model, full_check=True)
        return model
