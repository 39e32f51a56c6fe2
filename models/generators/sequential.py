"""Recurrent and per-frame fixtures: every layout and way of carrying the state."""

import json

import numpy as np

FRAMES = 192


def head(m, y, hidden):
    """[T, 1, 1, H] of a recurrent layer to [1, T, 1]."""
    y = m.node("Transpose", m.node("Squeeze", y, m.ints(1)), perm=[1, 0, 2])
    return m.node("Add", m.node("MatMul", y, m.weight(hidden, 1)), m.weight(1, scale=0.1))


def lstm(m):
    """[1, T, 1], state starts at zero."""
    x = m.input("input", [1, "T", 1])
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 1, 6)[0]
    m.output(m.node("Add", head(m, y, 6), x), "output", [1, "T", 1])


def lstm_static(m):
    x = m.input("input", [1, FRAMES, 1])
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 1, 6)[0]
    m.output(head(m, y, 6), "output", [1, FRAMES, 1])


def lstm_state(m):
    """The state comes in and goes out."""
    x = m.input("input", [1, "T", 1])
    h, c = m.input("h", [1, 1, 5]), m.input("c", [1, 1, 5])
    y, hn, cn = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 1, 5, h, c)
    m.output(head(m, y, 5), "output", [1, "T", 1])
    m.output(hn, "h_out", [1, 1, 5])
    m.output(cn, "c_out", [1, 1, 5])


def lstm_state_constant(m):
    """The initial state is a weight."""
    x = m.input("input", [1, "T", 1])
    h, c = m.weight(1, 1, 5, scale=0.5), m.weight(1, 1, 5, scale=0.5)
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 1, 5, h, c)[0]
    m.output(head(m, y, 5), "output", [1, "T", 1])


def lstm_state_chain(m):
    """Zero initial state computed from the batch size, as the TorchScript exporter writes it."""
    x = m.input("input", [1, "T", 1])
    batch = m.node("Gather", m.node("Shape", x), m.constant(np.array(0, np.int64)), axis=0)
    batch = m.node("Unsqueeze", batch, m.constant(np.array([0], np.int64)))
    one = m.constant(np.array([1], np.int64))
    shape = m.node("Concat", one, batch, m.constant(np.array([4], np.int64)), axis=0)
    zero = m.node("ConstantOfShape", shape)
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 1, 4, zero, zero)[0]
    m.output(head(m, y, 4), "output", [1, "T", 1])


def lstm_channels(m):
    """Audio as [1, 1, T]."""
    x = m.input("input", [1, 1, "T"])
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[2, 0, 1]), 1, 5)[0]
    y = m.node("Transpose", head(m, y, 5), perm=[0, 2, 1])
    m.output(m.node("Add", y, x), "output", [1, 1, "T"])


def lstm_after_conv(m):
    x = m.input("input", [1, 1, "T"])
    y = m.node("Tanh", m.causal(x, 1, 3, 4))
    y = m.recurrent("LSTM", m.node("Transpose", y, perm=[2, 0, 1]), 3, 4)[0]
    m.output(m.node("Transpose", head(m, y, 4), perm=[0, 2, 1]), "output", [1, 1, "T"])


def lstm_knob_features(m):
    """Knob values stand beside the audio as features: [1, T, 3]."""
    x = m.input("input", [1, "T", 3])
    y = m.recurrent("LSTM", m.node("Transpose", x, perm=[1, 0, 2]), 3, 5)[0]
    dry = m.node("Slice", x, m.ints(0), m.ints(1), m.ints(2))
    m.output(m.node("Add", head(m, y, 5), dry), "output", [1, "T", 1])


def lstm_knobs(m):
    """Knobs [1, 2], repeated over the time and joined with the audio."""
    x = m.input("input", [1, "T", 1])
    knobs = m.input("knobs", [1, 2])
    time = m.node("Slice", m.node("Shape", x), m.ints(1), m.ints(2), m.ints(0))
    shape = m.node("Concat", m.ints(1), time, m.ints(2), axis=0)
    wide = m.node("Expand", m.node("Unsqueeze", knobs, m.ints(1)), shape)
    y = m.node("Concat", x, wide, axis=2)
    y = m.recurrent("LSTM", m.node("Transpose", y, perm=[1, 0, 2]), 3, 5)[0]
    m.output(head(m, y, 5), "output", [1, "T", 1])
    m.declare(version="1", name="Knobs fixture", knobs=json.dumps([
        {"name": "Gain", "input": "knobs", "index": 0, "min": 0, "max": 10, "default": 5, "unit": ""},
        {"name": "Tone", "input": "knobs", "index": 1, "min": 0, "max": 1, "default": 0.25, "unit": ""}]))


def lstm_knobs_static(m):
    x = m.input("input", [1, FRAMES, 1])
    knobs = m.input("knobs", [1, 1])
    wide = m.node("Expand", m.node("Unsqueeze", knobs, m.ints(1)), m.ints(1, FRAMES, 1))
    y = m.node("Concat", x, wide, axis=2)
    y = m.recurrent("LSTM", m.node("Transpose", y, perm=[1, 0, 2]), 2, 4)[0]
    m.output(head(m, y, 4), "output", [1, FRAMES, 1])


def gru(m, linear_before_reset=1):
    x = m.input("input", [1, "T", 1])
    y = m.recurrent("GRU", m.node("Transpose", x, perm=[1, 0, 2]), 1, 6, linear_before_reset=linear_before_reset)[0]
    m.output(m.node("Add", head(m, y, 6), x), "output", [1, "T", 1])


def gru_reset_before(m):
    """ONNX's own order of the reset gate."""
    gru(m, linear_before_reset=0)


def gru_state(m):
    x = m.input("input", [1, "T", 1])
    h = m.input("h", [1, 1, 5])
    y, hn = m.recurrent("GRU", m.node("Transpose", x, perm=[1, 0, 2]), 1, 5, h, linear_before_reset=1)
    m.output(head(m, y, 5), "output", [1, "T", 1])
    m.output(hn, "h_out", [1, 1, 5])


def gru_channels_static(m):
    x = m.input("input", [1, 1, FRAMES])
    y = m.recurrent("GRU", m.node("Transpose", x, perm=[2, 0, 1]), 1, 4, linear_before_reset=1)[0]
    m.output(m.node("Transpose", head(m, y, 4), perm=[0, 2, 1]), "output", [1, 1, FRAMES])


def gemm_frames(m):
    """A dense network per frame, written with Gemm on [T, features]."""
    x = m.input("input", [1, "T", 1])
    y = m.node("Reshape", x, m.ints(-1, 1))
    y = m.node("Tanh", m.node("Gemm", y, m.weight(5, 1, scale=2.0), m.weight(5, scale=0.5), transB=1))
    y = m.node("Gemm", y, m.weight(5, 1), m.weight(1, scale=0.1), alpha=0.5, beta=2.0)
    m.output(m.node("Reshape", y, m.ints(1, -1, 1)), "output", [1, "T", 1])


def matmul_frames(m):
    x = m.input("input", [1, "T", 1])
    y = m.node("Tanh", m.node("Add", m.node("MatMul", x, m.weight(1, 5, scale=2.0)), m.weight(5, scale=0.5)))
    m.output(m.node("MatMul", y, m.weight(5, 1)), "output", [1, "T", 1])


def conv_state(m):
    """A convolution that carries its history as an input and an output."""
    x = m.input("input", [1, 1, "T"])
    state = m.input("state", [1, 1, 4])
    joined = m.node("Concat", state, x, axis=2)
    y = m.node("Tanh", m.conv(joined, 1, 3, 3, dilation=2))
    m.output(m.conv(y, 3, 1, 1), "output", [1, 1, "T"])
    last = m.node("Slice", joined, m.ints(-4), m.ints(2**63 - 1), m.ints(2))
    m.output(last, "state_out", [1, 1, 4])


ALL = {
    "lstm": lstm,
    "lstm_static": lstm_static,
    "lstm_state": lstm_state,
    "lstm_state_constant": lstm_state_constant,
    "lstm_state_chain": lstm_state_chain,
    "lstm_channels": lstm_channels,
    "lstm_after_conv": lstm_after_conv,
    "lstm_knob_features": lstm_knob_features,
    "lstm_knobs": lstm_knobs,
    "lstm_knobs_static": lstm_knobs_static,
    "gru": gru,
    "gru_reset_before": gru_reset_before,
    "gru_state": gru_state,
    "gru_channels_static": gru_channels_static,
    "gemm_frames": gemm_frames,
    "matmul_frames": matmul_frames,
    "conv_state": conv_state,
}
