"""The networks of the benches: seeded random weights, so for timing and for comparing engines, not for listening.

`python graphs.py FOLDER` writes them, and for each convolutional graph in FOLDER (also those converted there before) a twin
`NAME.states.onnx` with its past as explicit inputs and outputs, which is what a runtime without memory needs to stream it.
`python graphs.py --committed` writes lstm40.onnx beside this file.

Needs onnx and numpy, see models/generators/requirements.txt. Licence of script and models: MIT OR Apache-2.0.
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import states

# The codec's levels: EnCodec's strides at 24 kHz, 320 samples a frame.
STRIDES = [2, 4, 5, 8]
HOP = 320
LATENT = 128


class Maker:
    """A graph under construction; methods that add a node give back the name of its output."""

    def __init__(self, name, seed):
        self.name, self.random = name, np.random.default_rng(seed)
        self.nodes, self.constants = [], []

    def constant(self, array):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def weight(self, fan_in, *shape):
        """Uniform, so that a layer keeps the variance of its input."""
        bound = np.sqrt(3 / fan_in)
        return self.constant(self.random.uniform(-bound, bound, shape).astype(np.float32))

    def node(self, op, *inputs, outputs=1, **attributes):
        names = [f"{op.lower()}{len(self.nodes)}" + (f"_{i}" if i else "") for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, inputs, outputs, taps, stride=1, dilation=1):
        """Causal: nothing of the future is used."""
        before = (taps - 1) * dilation + 1 - stride
        bias = self.constant(self.random.uniform(-0.05, 0.05, outputs).astype(np.float32))
        return self.node(
            "Conv", x, self.weight(inputs * taps, outputs, inputs, taps), bias,
            kernel_shape=[taps], strides=[stride], dilations=[dilation], pads=[before, 0],
        )

    def conv_transpose(self, x, inputs, outputs, taps, stride):
        bias = self.constant(self.random.uniform(-0.05, 0.05, outputs).astype(np.float32))
        return self.node(
            "ConvTranspose", x, self.weight(inputs * taps / stride, inputs, outputs, taps), bias,
            kernel_shape=[taps], strides=[stride], pads=[0, taps - stride],
        )

    def save(self, folder, inputs, outputs):
        for node, name in zip(reversed(self.nodes), outputs[:1]):
            node.output[0] = name[0]
        value = lambda item: helper.make_tensor_value_info(item[0], TensorProto.FLOAT, item[1])
        graph = helper.make_graph(self.nodes, self.name, [value(i) for i in inputs], [value(o) for o in outputs], self.constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8, producer_name="benches/models")
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, folder / f"{self.name}.onnx")


def recurrent(folder, op, cells):
    """A recurrent layer, a dense one, the input added: the commonest shape of recurrent amplifier models.

    Audio `x: [1, T, 1]`; states `h` (and `c`): `[1, 1, cells]`, given back as `hn` (and `cn`).
    """
    maker = Maker(f"{op.lower()}{cells}", cells)
    gates, states_in = (4, ["h", "c"]) if op == "LSTM" else (3, ["h"])
    bound = 1 / np.sqrt(cells)
    draw = lambda *shape: maker.constant(maker.random.uniform(-bound, bound, shape).astype(np.float32))
    weights = [draw(1, gates * cells, 1), draw(1, gates * cells, cells), draw(1, 2 * gates * cells)]
    dense, bias = draw(cells, 1), draw(1)
    directions = maker.constant(np.array([1], dtype=np.int64))
    states_out = [name + "n" for name in states_in]
    time_first = maker.node("Transpose", "x", perm=[1, 0, 2])
    # As PyTorch and RTNeural have it: the reset comes after the product.
    extra = {} if op == "LSTM" else {"linear_before_reset": 1}
    maker.nodes.append(helper.make_node(op, [time_first, *weights, "", *states_in], ["all", *states_out], hidden_size=cells, **extra))
    hidden = maker.node("Transpose", maker.node("Squeeze", "all", directions), perm=[1, 0, 2])
    wet = maker.node("Add", maker.node("MatMul", hidden, dense), bias)
    maker.node("Add", wet, "x")
    state = lambda name: (name, [1, 1, cells])
    maker.save(
        folder,
        [("x", [1, "T", 1]), *map(state, states_in)],
        [("y", [1, "T", 1]), *map(state, states_out)],
    )


def tcn(folder):
    """Eight dilated convolutions of 16 channels and 3 taps, a tanh behind each, and a dense layer."""
    maker = Maker("tcn", 8)
    x, inputs = "x", 1
    for layer in range(8):
        x = maker.node("Tanh", maker.conv(x, inputs, 16, 3, dilation=1 << layer))
        inputs = 16
    maker.conv(x, 16, 1, 1)
    maker.save(folder, [("x", [1, 1, "T"])], [("y", [1, 1, "T"])])


def residual(maker, x, channels):
    """SEANet's: ELU, 3 taps to half the channels, ELU, back; a convolution as shortcut."""
    y = maker.conv(maker.node("Elu", x), channels, channels // 2, 3)
    y = maker.conv(maker.node("Elu", y), channels // 2, channels, 1)
    return maker.node("Add", maker.conv(x, channels, channels, 1), y)


def encoder(folder):
    """The half of a SEANet codec before the quantiser, 32 base channels; one last layer spreads its frames over samples again, so
    that any engine plays it as an effect (0.3 % of its arithmetic)."""
    maker = Maker("encoder", 32)
    channels = 32
    x = maker.conv("x", 1, channels, 7)
    for stride in STRIDES:
        x = maker.node("Elu", residual(maker, x, channels))
        x = maker.conv(x, channels, 2 * channels, 2 * stride, stride=stride)
        channels *= 2
    x = maker.conv(maker.node("Elu", x), channels, LATENT, 7)
    maker.conv_transpose(x, LATENT, 1, HOP, HOP)
    maker.save(folder, [("x", [1, 1, "T"])], [("y", [1, 1, "T"])])


def decoder(folder):
    """The other half; one first layer makes frames of 128 out of samples."""
    maker = Maker("decoder", 33)
    channels = 32 * 2 ** len(STRIDES)
    x = maker.conv("x", 1, LATENT, HOP, stride=HOP)
    x = maker.conv(x, LATENT, channels, 7)
    for stride in reversed(STRIDES):
        x = maker.conv_transpose(maker.node("Elu", x), channels, channels // 2, 2 * stride, stride)
        channels //= 2
        x = residual(maker, x, channels)
    maker.conv(maker.node("Elu", x), channels, 1, 7)
    maker.save(folder, [("x", [1, 1, "T"])], [("y", [1, 1, "T"])])


def main(argument):
    if argument == "--committed":
        recurrent(pathlib.Path(__file__).parent, "LSTM", 40)
        return
    folder = pathlib.Path(argument)
    folder.mkdir(parents=True, exist_ok=True)
    for cells in (16, 24, 40):
        recurrent(folder, "LSTM", cells)
    recurrent(folder, "GRU", 40)
    tcn(folder)
    encoder(folder)
    decoder(folder)
    for path in sorted(folder.glob("*.onnx")):
        if not path.name.endswith(".states.onnx"):
            states.write(path, path.with_suffix(".states.onnx"))


if __name__ == "__main__":
    main(sys.argv[1])
