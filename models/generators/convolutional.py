"""Convolutional fixtures: every padding, stride and branch that the engine must stream."""

import json

import numpy as np

FRAMES = 192


def conv_valid(m):
    """Unpadded, with a residual branch cropped to the length that is left."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Tanh", m.conv(x, 1, 4, 5, dilation=2))
    crop = m.node("Slice", x, m.ints(8), m.ints(2**31 - 1), m.ints(2), m.ints(1))
    y = m.node("Add", m.conv(y, 4, 1, 1), crop)
    m.output(y, "output", [1, 1, "L"])


def conv_valid_stack(m):
    x = m.input("input", [1, 1, "T"])
    y = x
    for dilation in (1, 3, 9):
        channels = 1 if y == x else 4
        body = m.node("PRelu", m.conv(y, channels, 4, 3, dilation), m.weight(4, 1, scale=0.3))
        skip = m.conv(y, channels, 4, 1, bias=False)
        crop = m.node("Slice", skip, m.ints(2 * dilation), m.ints(np.iinfo(np.int64).max), m.ints(-1))
        y = m.node("Add", body, crop)
    m.output(m.conv(y, 4, 1, 1), "output", [1, 1, "L"])


def conv_causal(m):
    """Left-only padding inside Conv, as current exporters fold it."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Tanh", m.causal(x, 1, 4, 3, 1))
    y = m.node("Tanh", m.causal(y, 4, 4, 3, 4))
    m.output(m.causal(y, 4, 1, 2), "output", [1, 1, "T"])
    m.declare(version="1", name="Causal fixture", kind="effect", category="overdrive", sample_rate="48000",
              author="Tonegraft", licence="MIT OR Apache-2.0", training_esr="0.01")


def conv_causal_static(m):
    x = m.input("input", [1, 1, FRAMES])
    y = m.node("Tanh", m.causal(x, 1, 4, 3, 2))
    m.output(m.causal(y, 4, 1, 2), "output", [1, 1, FRAMES])


def conv_same(m):
    """Symmetric padding: looks ahead."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Relu", m.conv(x, 1, 3, 7, pads=(3, 3)))
    m.output(m.conv(y, 3, 1, 5, dilation=2, pads=(4, 4)), "output", [1, 1, "T"])


def conv_same_auto(m):
    x = m.input("input", [1, 1, "T"])
    y = m.node("Conv", x, m.weight(2, 1, 4), auto_pad="SAME_UPPER")
    y = m.node("Conv", m.node("Tanh", y), m.weight(1, 2, 4), auto_pad="SAME_LOWER")
    m.output(y, "output", [1, 1, "T"])


def conv_grouped(m):
    x = m.input("input", [1, 1, "T"])
    y = m.causal(x, 1, 8, 2)
    y = m.causal(m.node("Tanh", y), 8, 8, 3, dilation=2, group=2)
    y = m.causal(m.node("Tanh", y), 8, 8, 3, dilation=5, group=8)
    m.output(m.conv(y, 8, 1, 1), "output", [1, 1, "T"])


def conv_strided(m):
    x = m.input("input", [1, 1, "T"])
    y = m.node("Elu", m.conv(x, 1, 4, 4, stride=2, pads=(2, 0)))
    m.output(m.conv(y, 4, 2, 4, stride=2, pads=(2, 0)), "output", [1, 2, "L"])


def conv_transpose(m):
    """A strided encoder and a transposed decoder, cropped to the input's length."""
    x = m.input("input", [1, 1, FRAMES])
    y = m.node("Elu", m.conv(x, 1, 4, 8, stride=4, pads=(4, 0)))
    y = m.node("ConvTranspose", y, m.weight(4, 1, 8), m.weight(1, scale=0.1), kernel_shape=[8], strides=[4])
    y = m.node("Slice", y, m.ints(0), m.ints(-4), m.ints(2), m.ints(1))
    m.output(y, "output", [1, 1, FRAMES])


def conv_transpose_grouped(m):
    x = m.input("input", [1, 4, "L"])
    y = m.node("ConvTranspose", x, m.weight(4, 2, 5), kernel_shape=[5], strides=[3], dilations=[2], group=2,
               pads=[1, 2], output_padding=[1])
    m.output(y, "output", [1, 4, "M"])


def conv_two_axes_as_one(m):
    """A 1-D convolution written as 2-D over [1, 1, 1, T]."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Unsqueeze", x, m.ints(2))
    y = m.node("Conv", y, m.weight(3, 1, 1, 3), kernel_shape=[1, 3], pads=[0, 2, 0, 0], dilations=[1, 1])
    y = m.node("Conv", m.node("Tanh", y), m.weight(1, 3, 1, 1))
    m.output(m.node("Squeeze", y, m.ints(2)), "output", [1, 1, "T"])


def stereo_conv(m):
    """Two channels in, two out, coupled."""
    x = m.input("input", [1, 2, "T"])
    y = m.node("Tanh", m.causal(x, 2, 4, 3, 2))
    m.output(m.node("Add", m.causal(y, 4, 2, 2), x), "output", [1, 2, "T"])
    m.declare(version="1", name="Stereo fixture", audio_input="input", audio_output="output")


def pad_conv(m):
    """Padding as a node of its own."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Pad", x, m.ints(0, 0, 6, 0, 0, 0), mode="constant")
    y = m.node("Tanh", m.conv(y, 1, 4, 4, dilation=2))
    y = m.node("Pad", y, m.ints(0, 0, 2, 0, 0, 0), m.array(np.float32(0)))
    m.output(m.conv(y, 4, 1, 3), "output", [1, 1, "T"])


def pad_chain(m):
    """Padding whose amounts are computed the way the TorchScript exporter writes them."""
    x = m.input("input", [1, 1, "T"])
    pads = m.constant(np.array([4, 0], np.int64))
    rest = m.node("ConstantOfShape", m.constant(np.array([4], np.int64)), value=onnx_zero())
    both = m.node("Concat", pads, rest, axis=0)
    pairs = m.node("Reshape", both, m.constant(np.array([-1, 2], np.int64)))
    back = m.node("Slice", pairs, m.constant(np.array([-1], np.int64)), m.constant(np.array([-(2**63) + 1], np.int64)),
                  m.constant(np.array([0], np.int64)), m.constant(np.array([-1], np.int64)))
    flat = m.node("Reshape", m.node("Transpose", back, perm=[1, 0]), m.constant(np.array([-1], np.int64)))
    y = m.node("Pad", x, m.node("Cast", flat, to=7), mode="constant")
    m.output(m.conv(y, 1, 1, 5), "output", [1, 1, "T"])


def onnx_zero():
    from onnx import numpy_helper

    return numpy_helper.from_array(np.zeros(1, np.int64))


def tcn_gated(m):
    """Gated blocks with residual and skip branches."""
    x = m.input("input", [1, 1, "T"])
    y, skips = m.conv(x, 1, 4, 1), None
    for dilation in (1, 2, 4):
        both = m.causal(y, 4, 8, 3, dilation)
        a, b = m.node("Split", both, m.ints(4, 4), outputs=2, axis=1)
        gated = m.node("Mul", m.node("Tanh", a), m.node("Sigmoid", b))
        skip = m.conv(gated, 4, 3, 1)
        skips = skip if skips is None else m.node("Add", skips, skip)
        y = m.node("Add", m.conv(gated, 4, 4, 1), y)
    m.output(m.conv(m.node("Relu", skips), 3, 1, 1), "output", [1, 1, "T"])


def tcn_gated_chunk(m):
    """The same gate, halves cut out by a size that is computed from the shape."""
    x = m.input("input", [1, 1, "T"])
    both = m.causal(x, 1, 6, 3, 2)
    size = m.node("Gather", m.node("Shape", both), m.constant(np.array(1, np.int64)), axis=0)
    half = m.node("Div", m.node("Add", size, m.constant(np.array(1, np.int64))), m.constant(np.array(2, np.int64)))
    first = m.node("Mul", half, m.constant(np.array([1], np.int64)))
    second = m.node("Mul", half, m.constant(np.array([2], np.int64)))
    axis = m.constant(np.array([1], np.int64))
    a = m.node("Slice", both, m.constant(np.array([0], np.int64)), first, axis)
    b = m.node("Slice", both, first, second, axis)
    gated = m.node("Mul", m.node("Tanh", a), m.node("Sigmoid", b))
    m.output(m.conv(gated, 3, 1, 1), "output", [1, 1, "T"])


def film(m):
    """Scale and shift per channel from two knobs."""
    x = m.input("input", [1, 1, "T"])
    knobs = m.input("knobs", [1, 2])
    hidden = m.node("Relu", m.node("Gemm", knobs, m.weight(6, 2, scale=1.0), m.weight(6, scale=0.5), transB=1))
    both = m.node("Gemm", hidden, m.weight(8, 6), m.weight(8, scale=0.5), transB=1)
    scale, shift = m.node("Split", m.node("Unsqueeze", both, m.ints(-1)), m.ints(4, 4), outputs=2, axis=1)
    y = m.causal(x, 1, 4, 3, 2)
    y = m.node("Tanh", m.node("Add", m.node("Mul", y, scale), shift))
    m.output(m.conv(y, 4, 1, 1), "output", [1, 1, "T"])
    m.declare(version="1", name="FiLM fixture", audio_input="input", knobs=json.dumps([
        {"name": "Drive", "input": "knobs", "index": 0, "min": 0, "max": 1, "default": 0.5, "unit": ""},
        {"name": "Tone", "input": "knobs", "index": 1, "min": -6, "max": 6, "default": 0, "unit": "dB"}]))


def activation(kind, **attributes):
    def build(m):
        x = m.input("input", [1, 1, "T"])
        y = m.node("Mul", m.causal(x, 1, 3, 2), m.array(np.float32(2.5)))
        if kind == "PRelu":
            y = m.node(kind, y, m.weight(3, 1, scale=0.4))
        else:
            y = m.node(kind, y, **attributes)
        m.output(m.conv(y, 3, 1, 1), "output", [1, 1, "T"])

    build.__doc__ = f"{kind} between two convolutions."
    return build


def plumbing(m):
    """Gather, Concat, Sub, Reshape, Squeeze, Unsqueeze, Identity, Constant and Dropout around one convolution."""
    x = m.input("input", [1, 1, "T"])
    y = m.node("Dropout", m.node("Identity", m.causal(x, 1, 4, 3)))
    first = m.node("Gather", y, m.constant(np.array([0, 2], np.int64)), axis=1)
    last = m.node("Gather", y, m.constant(np.array(-1, np.int64)), axis=1)
    last = m.node("Unsqueeze", last, m.ints(1))
    joined = m.node("Concat", first, last, axis=-2)
    joined = m.node("Sub", joined, m.constant(np.array([[0.1], [0.2], [0.3]], np.float32)))
    flat = m.node("Squeeze", joined, m.ints(0))
    back = m.node("Reshape", flat, m.ints(1, 3, -1))
    m.output(m.conv(back, 3, 1, 1), "output", [1, 1, "T"])


ALL = {
    "conv_valid": conv_valid,
    "conv_valid_stack": conv_valid_stack,
    "conv_causal": conv_causal,
    "conv_causal_static": conv_causal_static,
    "conv_same": conv_same,
    "conv_same_auto": conv_same_auto,
    "conv_grouped": conv_grouped,
    "conv_strided": conv_strided,
    "conv_transpose": conv_transpose,
    "conv_transpose_grouped": conv_transpose_grouped,
    "conv_two_axes_as_one": conv_two_axes_as_one,
    "stereo_conv": stereo_conv,
    "pad_conv": pad_conv,
    "pad_chain": pad_chain,
    "tcn_gated": tcn_gated,
    "tcn_gated_chunk": tcn_gated_chunk,
    "film": film,
    "act_tanh": activation("Tanh"),
    "act_sigmoid": activation("Sigmoid"),
    "act_relu": activation("Relu"),
    "act_leaky": activation("LeakyRelu", alpha=0.2),
    "act_elu": activation("Elu", alpha=0.7),
    "act_prelu": activation("PRelu"),
    "plumbing": plumbing,
}
