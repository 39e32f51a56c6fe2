"""Small models in the JSON formats of other players, with what they give for noise.

    python models/generators/json_models.py

writes models/fixtures/json/*.json and *.aidax, an .npz beside each (x [T], y [T], knobs [K] where there are some) and manifest.json.
Weights are random and seeded. The networks are computed here in float64, frame by frame, from the numbers that the file holds.
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "fixtures/json"
FRAMES = 512


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Random:
    def __init__(self, seed):
        self.rng = np.random.default_rng(seed)

    def weights(self, *shape, scale=1.0):
        """Single precision, as trainers save them; scaled by the number of inputs."""
        fan = np.prod(shape[:-1]) if len(shape) > 1 else 1
        return (self.rng.standard_normal(shape) * scale / np.sqrt(fan)).astype(np.float32).astype(np.float64)


def plain(value):
    """Arrays as lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return value


def lstm(x, w, u, b, order):
    """x [T, I], w [I, 4H], u [H, 4H], b [4H] -> [T, H]; order: places of i, f, g, o."""
    units = u.shape[0]
    h, c, out = np.zeros(units), np.zeros(units), []
    for frame in x:
        gates = (frame @ w + h @ u + b).reshape(4, units)
        i, f, g, o = (gates[place] for place in order)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        out.append(h)
    return np.array(out)


def gru(x, w, u, bi, bh, order):
    """As above with 3H; order: places of r, z, n; the reset gate stands behind the recurrent product."""
    units = u.shape[0]
    h, out = np.zeros(units), []
    for frame in x:
        a, b = (frame @ w + bi).reshape(3, units), (h @ u + bh).reshape(3, units)
        r, z = (sigmoid(a[place] + b[place]) for place in order[:2])
        n = np.tanh(a[order[2]] + r * b[order[2]])
        h = (1 - z) * n + z * h
        out.append(h)
    return np.array(out)


def conv(x, w, b, dilation=1, groups=1):
    """Causal: x [T, I], w [K, I / groups, O], newest tap last, b [O] -> [T, O]."""
    taps, _, outputs = w.shape
    reach = (taps - 1) * dilation
    padded = np.vstack([np.zeros((reach, x.shape[1])), x])
    y = np.tile(b, (len(x), 1))
    inner, outer = x.shape[1] // groups, outputs // groups
    for tap in range(taps):
        part = padded[tap * dilation : tap * dilation + len(x)]
        for group in range(groups):
            columns = slice(group * outer, (group + 1) * outer)
            y[:, columns] += part[:, group * inner : (group + 1) * inner] @ w[tap][:, columns]
    return y


def guitarml(r, unit, hidden, knobs, layers, skip):
    """PyTorch's weights and order of gates."""
    inputs = 1 + len(knobs)
    gates = {"LSTM": 4, "GRU": 3}[unit]
    state = {}
    for layer in range(layers):
        width = inputs if layer == 0 else hidden
        state[f"rec.weight_ih_l{layer}"] = r.weights(width, gates * hidden, scale=1.5).T
        state[f"rec.weight_hh_l{layer}"] = r.weights(hidden, gates * hidden).T
        state[f"rec.bias_ih_l{layer}"] = r.weights(gates * hidden, scale=0.2)
        state[f"rec.bias_hh_l{layer}"] = r.weights(gates * hidden, scale=0.2)
    state["lin.weight"] = r.weights(hidden, 1).T
    state["lin.bias"] = r.weights(1, scale=0.1)
    data = {"model": "SimpleRNN", "input_size": inputs, "skip": skip, "output_size": 1, "unit_type": unit,
            "num_layers": layers, "hidden_size": hidden, "bias_fl": True}

    def run(audio):
        x = np.column_stack([audio] + [np.full(len(audio), knob) for knob in knobs])
        for layer in range(layers):
            w, u = state[f"rec.weight_ih_l{layer}"].T, state[f"rec.weight_hh_l{layer}"].T
            bi, bh = state[f"rec.bias_ih_l{layer}"], state[f"rec.bias_hh_l{layer}"]
            x = lstm(x, w, u, bi + bh, (0, 1, 2, 3)) if unit == "LSTM" else gru(x, w, u, bi, bh, (0, 1, 2))
        return (x @ state["lin.weight"].T + state["lin.bias"])[:, 0] + skip * audio

    return {"model_data": data, "state_dict": state}, run


def keras(r, inputs, layers, **extra):
    """`layers`: functions of (random, channels) that give a layer, its number of channels and its computation."""
    written, steps, channels = [], [], inputs
    for make in layers:
        layer, channels, step = make(r, channels)
        written.append(layer)
        steps.append(step)

    def run(audio, knobs=()):
        loud = audio * 10 ** (extra.get("in_gain", 0.0) / 20)
        x = np.column_stack([loud] + [np.full(len(audio), knob) for knob in knobs])
        for step in steps:
            x = step(x)
        return (x[:, 0] + extra.get("in_skip", 0) * loud) * 10 ** (extra.get("out_gain", 0.0) / 20)

    return {"in_shape": [None, None, inputs], "layers": written, **extra}, run


ACTIVATIONS = {
    "": lambda x: x,
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": sigmoid,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
}


def dense(outputs, activation="", bias=True):
    def make(r, inputs):
        w, b = r.weights(inputs, outputs, scale=1.2), r.weights(outputs, scale=0.2)
        layer = {"type": "dense", "activation": activation, "shape": [None, None, outputs], "weights": [w, b] if bias else [w]}
        return layer, outputs, lambda x: ACTIVATIONS[activation](x @ w + (b if bias else 0))

    return make


def activation(name):
    def make(_, channels):
        return {"type": "activation", "activation": name, "shape": [None, None, channels], "weights": []}, channels, ACTIVATIONS[name]

    return make


def conv1d(outputs, taps, dilation=1, groups=1, activation=""):
    def make(r, inputs):
        w, b = r.weights(taps, inputs // groups, outputs), r.weights(outputs, scale=0.2)
        layer = {"type": "conv1d", "activation": activation, "shape": [None, None, outputs], "kernel_size": [taps],
                 "dilation": [dilation], "groups": groups, "weights": [w, b]}
        return layer, outputs, lambda x: ACTIVATIONS[activation](conv(x, w, b, dilation, groups))

    return make


def conv2d(features, filters, taps, wide, dilation=1, stride=1, padding="same", activation=""):
    def make(r, channels):
        filters_in = channels // features
        w, b = r.weights(taps, wide, filters_in, filters), r.weights(filters, scale=0.2)
        count = -(-features // stride) if padding == "same" else (features - wide) // stride + 1
        before = max((count - 1) * stride + wide - features, 0) // 2 if padding == "same" else 0

        def step(x):
            planes = x.reshape(len(x), features, filters_in)
            out = np.zeros((len(x), count, filters))
            for feature in range(count):
                for place in range(wide):
                    source = feature * stride + place - before
                    if 0 <= source < features:
                        out[:, feature] += conv(planes[:, source], w[:, place], np.zeros(filters), dilation)
            return ACTIVATIONS[activation]((out + b).reshape(len(x), -1))

        layer = {"type": "conv2d", "activation": activation, "shape": [None, None, count, filters], "kernel_size_time": taps,
                 "kernel_size_feature": wide, "dilation": dilation, "strides": stride, "num_filters_in": filters_in,
                 "num_features_in": features, "num_filters_out": filters, "padding": padding, "weights": [w, b]}
        # RTNeural reads the last element of lists.
        for key in ("kernel_size_time", "kernel_size_feature", "dilation", "strides", "num_filters_in", "num_features_in", "num_filters_out"):
            layer[key] = [layer[key]]
        return layer, count * filters, step

    return make


def batchnorm(affine=True, filters=None):
    def make(r, channels):
        count = filters or channels
        gamma, beta = r.weights(count) + 1, r.weights(count, scale=0.2)
        mean, variance = r.weights(count, scale=0.3), np.abs(r.weights(count)) + 0.5
        epsilon = 0.01
        layer = {"type": "batchnorm2d" if filters else "batchnorm", "activation": "", "shape": [None, None, channels], "epsilon": epsilon,
                 "weights": [gamma, beta, mean, variance] if affine else [mean, variance]}
        if filters:
            layer |= {"num_filters_in": filters, "num_features_in": channels // filters}

        def step(x):
            y = (x - np.tile(mean, channels // count)) / np.sqrt(np.tile(variance, channels // count) + epsilon)
            return y * np.tile(gamma, channels // count) + np.tile(beta, channels // count) if affine else y

        return layer, channels, step

    return make


def prelu(shared=False):
    def make(r, channels):
        slopes = np.abs(r.weights(1 if shared else channels)) * 0.5
        layer = {"type": "prelu", "activation": "", "shape": [None, None, channels], "weights": [[slopes]]}
        return layer, channels, lambda x: np.where(x >= 0, x, x * slopes)

    return make


def recurrent(kind, units):
    def make(r, inputs):
        gates = {"lstm": 4, "gru": 3}[kind]
        w, u = r.weights(inputs, gates * units, scale=1.5), r.weights(units, gates * units)
        b = r.weights(gates * units, scale=0.2) if kind == "lstm" else r.weights(2, gates * units, scale=0.2)
        layer = {"type": kind, "activation": "tanh", "shape": [None, None, units], "weights": [w, u, b]}
        if kind == "lstm":
            return layer, units, lambda x: lstm(x, w, u, b, (0, 1, 2, 3))
        return layer, units, lambda x: gru(x, w, u, b[0], b[1], (1, 0, 2))

    return make


def smartamp(r, window, taps, stride, taps_1, stride_1, channels, channels_1, units):
    file = {
        "conv1d": {"kernel:0": r.weights(taps, 1, channels), "bias:0": r.weights(channels, scale=0.2)},
        "conv1d_1": {"kernel:0": r.weights(taps_1, channels, channels_1), "bias:0": r.weights(channels_1, scale=0.2)},
        "lstm": {"lstm_cell": {}, "kernel:0": r.weights(channels_1, 4 * units, scale=1.5), "bias:0": r.weights(4 * units, scale=0.3)},
        "dense": {"kernel:0": r.weights(units, 1), "bias:0": r.weights(1, scale=0.1)},
        "input_size": window, "conv1d_stride": stride, "conv1d_1_stride": stride_1,
    }

    def strided(x, layer, stride):
        w, b = layer["kernel:0"], layer["bias:0"]
        steps = -(-len(x) // stride)
        padding = max((steps - 1) * stride + len(w) - len(x), 0)
        padded = np.vstack([np.zeros((padding // 2, x.shape[1])), x, np.zeros((padding - padding // 2 + len(w), x.shape[1]))])
        return np.array([np.tensordot(padded[step * stride : step * stride + len(w)], w, axes=([0, 1], [0, 1])) + b for step in range(steps)])

    def run(audio):
        padded = np.concatenate([np.zeros(window - 1), audio])
        out = []
        for now in range(len(audio)):
            x = strided(padded[now : now + window, None], file["conv1d"], stride)
            x = strided(x, file["conv1d_1"], stride_1)
            assert len(x) == 1
            i, _, g, o = (x[0] @ file["lstm"]["kernel:0"] + file["lstm"]["bias:0"]).reshape(4, units)
            h = sigmoid(o) * np.tanh(sigmoid(i) * np.tanh(g))
            out.append((h @ file["dense"]["kernel:0"] + file["dense"]["bias:0"])[0])
        return np.array(out)

    return file, run


def wavenet(r, channels, taps, dilations, activation):
    gated = activation in ("gated", "softgated")
    width = 2 * channels if gated else channels
    softsign = lambda x: x / (1 + np.abs(x))
    functions = {
        "gated": lambda z: np.tanh(z[:, :channels]) * sigmoid(z[:, channels:]),
        "softgated": lambda z: softsign(z[:, :channels]) * softsign(z[:, channels:]),
        "relu": lambda z: np.maximum(z, 0),
    }
    layers = [("W", "b", r.weights(1, 1, channels), r.weights(channels, scale=0.2), -1)]
    for index in range(len(dilations)):
        layers.append(("W_conv", "b_conv", r.weights(taps, channels, width), r.weights(width, scale=0.2), index))
        layers.append(("W_out", "b_out", r.weights(1, channels, channels), r.weights(channels, scale=0.2), index))
    layers.append(("W", "b", r.weights(1, channels * len(dilations), 1), r.weights(1, scale=0.1), len(dilations)))
    variables = []
    for w_name, b_name, w, b, index in layers:
        variables.append({"layer_idx": index, "name": w_name, "data": w.flatten()})
        variables.append({"layer_idx": index, "name": b_name, "data": b})
    file = {"activation": activation, "output_channels": 1, "input_channels": 1, "residual_channels": channels,
            "filter_width": taps, "dilations": dilations, "variables": variables}

    def run(audio):
        x = conv(audio[:, None], layers[0][2], layers[0][3])
        skips = []
        for index, dilation in enumerate(dilations):
            (_, _, w, b, _), (_, _, w_out, b_out, _) = layers[1 + 2 * index], layers[2 + 2 * index]
            z = functions[activation](conv(x, w, b, dilation))
            skips.append(z)
            x = x + conv(z, w_out, b_out)
        return conv(np.hstack(skips), layers[-1][2], layers[-1][3])[:, 0]

    return file, run


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    manifest = {}

    def save(name, seed, made, recurrent, knobs=(), **test):
        file, run = made
        x = np.random.default_rng(seed + 1000).uniform(-1, 1, FRAMES).astype(np.float32)
        y = run(x.astype(np.float64), knobs) if knobs and "layers" in file else run(x.astype(np.float64))
        if test.get("self_test"):
            zeros = [0.0] * (file["in_shape"][-1] - 1)
            file = {**file, "input_batch": x.astype(np.float64), "output_batch": run(x.astype(np.float64), zeros)}
        path = FOLDER / name
        path.write_text(json.dumps(plain(file), separators=(",", ":")) + "\n")
        arrays = {"x": x, "y": y.astype(np.float32)}
        if knobs:
            arrays["knobs"] = np.array(knobs, dtype=np.float32)
        np.savez(path.with_suffix(".npz"), **arrays)
        manifest[name] = {"recurrent": recurrent, "knobs": len(knobs)}
        print(f"{name}: rms {np.sqrt(np.mean(y ** 2)):.3f}, peak {np.abs(y).max():.3f}, {path.stat().st_size} bytes")

    save("guitarml_lstm.json", 1, guitarml(Random(1), "LSTM", 6, (), 1, 1), True)
    save("guitarml_gru_knobs.json", 2, guitarml(Random(2), "GRU", 5, (0.25, 0.75), 2, 0), True, (0.25, 0.75))
    save("keras_layers.json", 3, keras(Random(3), 1, [
        dense(6, "tanh"), conv1d(4, 3, 1, 2, "elu"), batchnorm(), prelu(), conv1d(6, 4, 3), activation("relu"), batchnorm(False),
        dense(5, "sigmoid", bias=False), activation("softmax"), prelu(shared=True), dense(1)]), False)
    save("keras_planes.json", 4, keras(Random(4), 1, [
        dense(10), conv2d(5, 3, 2, 3, 2, 2, "same", "tanh"), batchnorm(True, 3), conv2d(3, 2, 3, 2, 1, 1, "valid"), activation("elu"), dense(1)]), False)
    save("keras_recurrent.json", 5, keras(Random(5), 1, [
        dense(3, "tanh"), recurrent("gru", 4), recurrent("lstm", 5), dense(1)], in_skip=1, in_gain=-3.0, out_gain=6.0), True)
    metadata = {"name": "Fixture", "samplerate": "44100", "style": "clean", "based": "Noise", "author": "Tonegraft", "license": "MIT OR Apache-2.0",
                "esr": 0.125}
    save("aidax_lstm.aidax", 6, keras(Random(6), 2, [recurrent("lstm", 6), dense(1)], in_skip=1, metadata=metadata), True, (0.5,), self_test=True)
    save("smartamp.json", 7, smartamp(Random(7), 24, 6, 6, 4, 4, 3, 2, 5), False)
    save("smartamp_padded.json", 8, smartamp(Random(8), 22, 5, 4, 8, 7, 2, 3, 4), False)
    save("wavenet_gated.json", 9, wavenet(Random(9), 4, 3, [1, 2, 4], "gated"), False)
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    main()
