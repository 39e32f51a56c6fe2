"""Small .nam models with every option of the format, and what they give for noise.

    python models/generators/nam_models.py

writes models/fixtures/nam/*.nam, an .npz beside each (x [T], and y0, y1, ... [channels, T] for each size, smallest first) and
manifest.json. Weights are random and seeded. The networks are computed here in float64 over whole signals, layer by layer as
NeuralAmpModelerCore (commit daae2d0) does it, behind as much silence as its players play before the first sample.
"""

import json
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[1] / "fixtures/nam"
FRAMES, RATE = 512, 48_000
FILMS = ["conv_pre_film", "conv_post_film", "input_mixin_pre_film", "input_mixin_post_film",
         "activation_pre_film", "activation_post_film", "layer1x1_post_film", "head1x1_post_film"]


class Weights:
    """The flat list: drawn while the network is run for the first time, read when it is run again."""

    def __init__(self, seed=None, values=None):
        self.rng = np.random.default_rng(seed)
        self.drawing, self.values, self.at = values is None, [] if values is None else list(values), 0

    def take(self, shape, scale=None):
        count = int(np.prod(shape))
        if self.drawing:
            scale = 1 / np.sqrt(np.prod(shape[1:])) if scale is None else scale
            drawn = (self.rng.standard_normal(count) * scale).astype(np.float32)
            self.values += [float(value) for value in drawn]
        taken = np.array(self.values[self.at:self.at + count])
        self.at += count
        return taken.reshape(shape)


def convolve(x, w, b, dilation, groups):
    """x [in, T], w [out, in / groups, taps] oldest first -> [out, T]; zeros before the signal."""
    taps, (out, per) = w.shape[2], w.shape[:2]
    reach = (taps - 1) * dilation
    padded = np.concatenate([np.zeros((x.shape[0], reach)), x], axis=1)
    y = np.zeros((out, x.shape[1]))
    for o in range(out):
        first = o // (out // groups) * per
        for i in range(per):
            for k in range(taps):
                y[o] += w[o, i, k] * padded[first + i, k * dilation:k * dilation + x.shape[1]]
    return y if b is None else y + b[:, None]


def conv(weights, x, full, slim=None, bias=True, dilation=1, groups=1):
    """full, slim: (out, in, taps); the weights of `full` stand in the file, the first channels of them count."""
    slim = slim or full
    w = weights.take((full[0], full[1] // groups, full[2]))[:slim[0], :slim[1] // groups]
    b = weights.take((full[0],), 0.1)[:slim[0]] if bias else None
    return convolve(x, w, b, dilation, groups)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def activate(spec, x):
    """x [channels, T]."""
    spec = {"type": spec} if isinstance(spec, str) else spec
    kind = spec["type"]
    if kind == "Tanh":
        return np.tanh(x)
    if kind == "Hardtanh":
        return np.clip(x, -1, 1)
    if kind == "Fasttanh":
        a, x2 = np.abs(x), x * x
        return (x * (2.45550750702956 + 2.45550750702956 * a + (0.893229853513558 + 0.821226666969744 * a) * x2)
                / (2.44506634652299 + (2.44506634652299 + x2) * np.abs(x + 0.814642734961073 * x * a)))
    if kind == "ReLU":
        return np.maximum(x, 0)
    if kind == "LeakyReLU":
        return np.where(x > 0, x, spec.get("negative_slope", 0.01) * x)
    if kind == "PReLU":
        slopes = np.array(spec.get("negative_slopes", [spec.get("negative_slope", 0.01)]))
        return np.where(x > 0, x, np.resize(slopes, x.shape[0])[:, None] * x)
    if kind == "Sigmoid":
        return sigmoid(x)
    if kind == "SiLU":
        return x * sigmoid(x)
    if kind == "Hardswish":
        return x * np.clip(x + 3, 0, 6) / 6
    if kind == "Softsign":
        return x / (1 + np.abs(x))
    low, high = spec.get("min_val", -1.0), spec.get("max_val", 1.0)
    below, above = spec.get("min_slope", 0.01), spec.get("max_slope", 0.01)
    return np.where(x < low, (x - low) * below + low, np.where(x > high, (x - high) * above + high, x))


def each(value, index):
    return value[index] if isinstance(value, list) else value


def linear(config, weights, x, _):
    taps = config["receptive_field"]
    w = weights.take((1, 1, taps))[:, :, ::-1]
    b = weights.take((1,), 0.1) if config["bias"] else None
    return convolve(x, w, b, 1, 1)


def convnet(config, weights, x, _):
    channels = config["channels"]
    for dilation in config["dilations"]:
        x = conv(weights, x, (channels, len(x), 2), bias=not config["batchnorm"], dilation=dilation)
        if config["batchnorm"]:
            mean, variance = weights.take((channels,), 0.1), np.abs(weights.take((channels,), 1.0))
            if weights.drawing:
                start = weights.at - channels
                weights.values[start:weights.at] = [abs(value) for value in weights.values[start:weights.at]]
            scale, bias = weights.take((channels,), 1.0), weights.take((channels,), 0.1)
            epsilon = weights.take((1,), 0.0) if not weights.drawing else set_next(weights, 1e-5)
            scale = scale / np.sqrt(epsilon + variance)
            x = x * scale[:, None] + (bias - scale * mean)[:, None]
        x = activate(config["activation"], x)
    return conv(weights, x, (config.get("out_channels", 1), channels, 1))


def set_next(weights, value):
    taken = weights.take((1,), 0.0)
    weights.values[weights.at - 1] = value
    return taken * 0 + value


def lstm(config, weights, x, _):
    units, signal = config["hidden_size"], x.T
    for _layer in range(config["num_layers"]):
        inputs = signal.shape[1]
        w, b = weights.take((4 * units, inputs + units)), weights.take((4 * units,), 0.1)
        h, c = weights.take((units,), 0.3), weights.take((units,), 0.3)
        out = []
        for frame in signal:
            i, f, g, o = (w @ np.concatenate([frame, h]) + b).reshape(4, units)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = sigmoid(o) * np.tanh(c)
            out.append(h)
        signal = np.array(out)
    return conv(weights, signal.T, (config.get("out_channels", 1), units, 1))


def wavenet(config, weights, x, widths):
    """widths: channels of each array, for slimmable ones."""
    arrays = config["layers"]
    widths = widths or [array["channels"] for array in arrays]
    inner = config.get("condition_dsp")
    condition = run(inner, x) if inner else x
    size = len(condition)
    signal, heads = x, None
    for index, (array, slim) in enumerate(zip(arrays, widths)):
        channels, has_1x1 = array["channels"], array.get("layer1x1", {"active": True})["active"]
        bottleneck = array.get("bottleneck", channels)
        narrow = max(1, bottleneck * slim // channels) if has_1x1 else slim
        before, input_size = (widths[index - 1] if index else 1), array["input_size"]
        to_head = array["head1x1"]["out_channels"] if array.get("head1x1", {}).get("active") else None
        films = [array.get(key) for key in FILMS]

        signal = conv(weights, signal, (channels, input_size, 1), (slim, before, 1), bias=False)
        for layer, dilation in enumerate(array["dilations"]):
            mode = each(array.get("gating_mode", "gated" if array.get("gated") else "none"), layer)
            wide = 1 if mode == "none" else 2
            taps = array["kernel_sizes"][layer] if "kernel_sizes" in array else array["kernel_size"]
            # Weights stand in another order than they are used: all are taken first.
            groups = array.get("groups_input", 1)
            kernel = weights.take((wide * bottleneck, channels // groups, taps))[:wide * narrow, :slim // groups]
            bias = weights.take((wide * bottleneck,), 0.1)[:wide * narrow]
            mixin_groups = array.get("groups_input_mixin", 1)
            mixin = weights.take((wide * bottleneck, size // mixin_groups, 1))[:wide * narrow]
            one_groups = array.get("layer1x1", {}).get("groups", 1)
            if has_1x1:
                one = weights.take((channels, bottleneck // one_groups, 1))[:slim, :narrow // one_groups]
                one_bias = weights.take((channels,), 0.1)[:slim]
            if to_head:
                head_groups = array["head1x1"]["groups"]
                head = weights.take((to_head, bottleneck // head_groups, 1))[:, :narrow // head_groups]
                head_bias = weights.take((to_head,), 0.1)
            full = [channels, wide * bottleneck, size, wide * bottleneck, wide * bottleneck, bottleneck, channels, to_head]
            wanted = [slim, wide * narrow, size, wide * narrow, wide * narrow, narrow, slim, to_head]
            factors = []
            for number, spec in enumerate(films):
                if not spec or not spec.get("active", True):
                    factors.append(None)
                    continue
                twice = 2 if spec.get("shift", True) else 1
                factors.append((wanted[number], twice, conv(
                    weights, condition, (twice * full[number], size, 1), (twice * wanted[number], size, 1),
                    groups=spec.get("groups", 1))))

            def bend(number, signal):
                if factors[number] is None:
                    return signal
                width, twice, both = factors[number]
                scaled = signal * both[:width]
                return scaled + both[width:] if twice == 2 else scaled

            z = bend(1, convolve(bend(0, signal), kernel, bias, dilation, groups))
            z = z + bend(3, convolve(bend(2, condition), mixin, None, 1, mixin_groups))
            z = bend(4, z)
            a = each(array["activation"], layer)
            if mode == "none":
                y = activate(a, z)
            else:
                second = each(array.get("secondary_activation", "Sigmoid"), layer)
                gate, plain = activate(second, z[narrow:]), z[:narrow]
                y = activate(a, plain) * gate
                if mode == "blended":
                    y = y + (1 - gate) * plain
            y = bend(5, y)
            if has_1x1:
                back = convolve(y, one, one_bias, 1, one_groups)
                # The core applies it here only.
                back = bend(6, back) if mode == "blended" else back
                signal = signal + back
            given = bend(7, convolve(y, head, head_bias, 1, head_groups)) if to_head else y
            heads = given if heads is None else heads + given
        spec = array.get("head") or {"out_channels": array.get("head_size"), "kernel_size": 1, "bias": array.get("head_bias")}
        last = index + 1 == len(arrays)
        out = spec["out_channels"] if last else widths[index + 1]
        heads = conv(weights, heads, (spec["out_channels"], to_head or bottleneck, spec["kernel_size"]),
                     (out, to_head or narrow, spec["kernel_size"]), bias=spec["bias"],
                     dilation=spec.get("head_dilation", 1))
    head, convs = config.get("head"), []
    if head:
        width = len(heads)
        for index, taps in enumerate(head["kernel_sizes"]):
            out = head["out_channels"] if index + 1 == len(head["kernel_sizes"]) else head["channels"]
            convs.append((weights.take((out, width, taps)), weights.take((out,), 0.1)))
            width = out
    heads = heads * (set_next(weights, config["head_scale"]) if weights.drawing else weights.take((1,)))
    for w, b in convs:
        heads = convolve(activate(head["activation"], heads), w, b, 1, 1)
    return heads


NETS = {"Linear": linear, "ConvNet": convnet, "LSTM": lstm, "WaveNet": wavenet}


def run(model, x, widths=None):
    """A model without its weights gets them."""
    if model["architecture"] == "SlimmableContainer":
        return run(model["config"]["submodels"][-1]["model"], x)
    known = model.get("weights")
    weights = Weights(model.pop("seed", None), known)
    y = NETS[model["architecture"]](model["config"], weights, x, widths)
    if known is None:
        model["weights"] = weights.values
    assert len(model["weights"]) == weights.at, (weights.at, len(model["weights"]))
    return y


def model(architecture, config, seed=1, **more):
    return {"version": "0.7.0", "architecture": architecture, "config": config, "seed": seed, "sample_rate": RATE, **more}


def array(channels, dilations, **more):
    given = {"input_size": 1, "condition_size": 1, "channels": channels, "dilations": dilations, "kernel_size": 3,
             "activation": "Tanh", "head_size": 1, "head_bias": False}
    if "kernel_sizes" in more:
        del given["kernel_size"]
    if "head" in more:
        del given["head_size"], given["head_bias"]
    return {**given, **more}


def net(*arrays, scale=0.5, seed=1, **more):
    return model("WaveNet", {"layers": list(arrays), "head": None, "head_scale": scale, **more}, seed)


def film(**places):
    """All places, shifted at every other one; those named differ."""
    return {key: places.get(key, {"active": True, "shift": number % 2 == 0, "groups": 1})
            for number, key in enumerate(FILMS)}


HEAD1X1 = {"active": True, "out_channels": 3, "groups": 1}
EVERY = ["Tanh", "Hardtanh", "Fasttanh", "ReLU", {"type": "LeakyReLU", "negative_slope": 0.2}, "LeakyReLU", "Sigmoid", "SiLU",
         "Hardswish", "Softsign", {"type": "PReLU", "negative_slope": 0.3}, {"type": "PReLU", "negative_slopes": [0.1, 0.4, 0.2, 0.3]},
         {"type": "LeakyHardtanh", "min_val": -0.5, "max_val": 0.7, "min_slope": 0.1, "max_slope": 0.2}, "LeakyHardTanh"]


def models():
    """name -> (model, widths of each size)."""
    plain = array(3, [1, 2, 5])
    yield "linear_bias", model("Linear", {"receptive_field": 300, "bias": True}, 2), None
    yield "convnet_batchnorm", model("ConvNet", {"channels": 4, "dilations": [1, 2, 4, 8], "batchnorm": True, "activation": "Tanh"}, 3), None
    yield "convnet_plain", model("ConvNet", {"channels": 6, "dilations": [1, 3, 9], "batchnorm": False, "activation": {"type": "LeakyReLU", "negative_slope": 0.1}, "groups": 1}, 4), None
    yield "lstm_two_layers", model("LSTM", {"input_size": 1, "hidden_size": 5, "num_layers": 2}, 5), None
    yield "wavenet_gated", net(array(4, [1, 2, 4], gated=True, head_size=3), array(3, [8, 16], input_size=4, gated=False, head_bias=True), seed=6), None
    yield "wavenet_activations", net(array(4, [1] * len(EVERY), kernel_size=2, activation=EVERY), seed=7), None
    yield "wavenet_gating_modes", net(array(4, [1, 2, 4, 8], gating_mode=["none", "gated", "blended", "blended"], secondary_activation=[None, "Hardtanh", "Sigmoid", {"type": "LeakyHardtanh", "min_val": 0.0, "max_val": 1.0}], activation=["Tanh", "ReLU", "SiLU", {"type": "PReLU", "negative_slopes": [0.1, 0.2, 0.3, 0.4]}]), seed=8), None
    yield "wavenet_kernels", net(array(3, [1, 4, 2], kernel_sizes=[6, 1, 15], head={"out_channels": 1, "kernel_size": 4, "bias": True, "head_dilation": 3}), seed=9), None
    yield "wavenet_bottleneck", net(array(4, [1, 2], bottleneck=2, gating_mode="gated", head1x1=HEAD1X1), seed=10), None
    yield "wavenet_no_layer1x1", net(array(3, [1, 2, 3], layer1x1={"active": False, "groups": 1}), seed=11), None
    yield "wavenet_head", net(array(3, [1, 2], head={"out_channels": 2, "kernel_size": 2, "bias": True}), head={"channels": 4, "out_channels": 1, "kernel_sizes": [3, 1, 2], "activation": "ReLU"}, seed=12), None
    yield "wavenet_stereo", net(array(3, [1, 2], head_size=2, head_bias=True), seed=13), None
    yield "wavenet_film_none", net(array(3, [1, 2], head1x1=HEAD1X1, **film()), seed=14), None
    yield "wavenet_film_gated", net(array(4, [1, 2], bottleneck=2, gating_mode="gated", head1x1=HEAD1X1, **film(conv_pre_film=False)), seed=15), None
    yield "wavenet_film_blended", net(array(4, [1, 2], gating_mode="blended", head1x1=HEAD1X1, **film(head1x1_post_film={"active": False, "shift": True, "groups": 1})), seed=16), None
    two = model("WaveNet", {"layers": [array(3, [1, 2], head_size=2, head_bias=True)], "head": None, "head_scale": 0.7}, 17)
    yield "wavenet_groups", net(array(4, [1, 2], condition_size=2, bottleneck=4, groups_input=2, groups_input_mixin=2, gating_mode=["none", "gated"], layer1x1={"active": True, "groups": 4}, head1x1={"active": True, "out_channels": 4, "groups": 2}, conv_post_film={"active": True, "shift": True, "groups": 2}, activation_pre_film={"shift": False, "groups": 2}), condition_dsp=two, seed=18), None
    recurrent = model("LSTM", {"input_size": 1, "hidden_size": 4, "num_layers": 1, "out_channels": 2}, 19)
    yield "wavenet_condition_lstm", net(array(3, [1, 2], condition_size=2, **film()) | {"layer1x1": {"active": True, "groups": 1}, "head1x1": HEAD1X1}, condition_dsp=recurrent, seed=20), None
    slim = {"method": "slice_channels_uniform"}
    yield "wavenet_slimmable", net(
        array(4, [1, 2], head_size=6, slimmable={**slim, "kwargs": {"allowed_channels": [1, 2, 4]}}),
        array(6, [4, 8], input_size=4, head_bias=True, bottleneck=6, slimmable={**slim, "kwargs": {"allowed_channels": [3, 6]}}, gated=True),
        seed=21) | {"sizes": [0.0, 0.4, 0.6, 1.0]}, [[1, 3], [2, 3], [2, 6], [4, 6]]
    yield "wavenet_slimmable_all", net(array(3, [1, 2], slimmable=slim, bottleneck=2, gating_mode="blended", head1x1=HEAD1X1, **film()), seed=22) | {"sizes": [0.0, 0.5, 1.0]}, [[1], [2], [3]]
    yield "container", model("SlimmableContainer", {"submodels": [
        {"max_value": 0.25, "model": model("Linear", {"receptive_field": 4, "bias": False}, 23, metadata={"loudness": -20.0})},
        {"max_value": 0.5, "model": model("ConvNet", {"channels": 2, "dilations": [1, 2], "batchnorm": False, "activation": "Tanh"}, 24)},
        {"max_value": 1.0, "model": net(plain, seed=25)},
    ]}, metadata={"loudness": -18.0, "name": "Three sizes", "modeled_by": "Tonegraft", "gear_type": "amp_cab"}) | {"sizes": [0.0, 0.3, 1.0]}, "container"


def write():
    FOLDER.mkdir(parents=True, exist_ok=True)
    x = np.clip(np.random.default_rng(0).standard_normal(FRAMES) * 0.4, -1, 1).astype(np.float32).astype(np.float64)
    manifest = {}
    for name, made, widths in models():
        text = json.dumps(made)
        # Half a second of silence before, as it is played before recurrent models.
        before = RATE // 2 if "LSTM" in text else 1024
        signal = np.concatenate([np.zeros(before), x])[None]
        sizes = made.pop("sizes", [1.0])
        if widths == "container":
            outputs = [run(sub["model"], signal) for sub in made["config"]["submodels"]]
            made.pop("seed")
            made["weights"] = []
        else:
            # Full size first: it draws the weights.
            outputs = [run(made, signal, width) for width in reversed(widths or [None])][::-1]
        outputs = [y[:, before:].astype(np.float32) for y in outputs]
        (FOLDER / f"{name}.nam").write_text(json.dumps(made) + "\n")
        np.savez(FOLDER / f"{name}.npz", x=x.astype(np.float32), **{f"y{index}": y for index, y in enumerate(outputs)})
        manifest[name] = {"sizes": sizes, "recurrent": "LSTM" in text}
        for y in outputs:
            assert np.all(np.isfinite(y)) and 1e-3 < np.abs(y).max() < 100, (name, np.abs(y).max())
    (FOLDER / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


if __name__ == "__main__":
    write()
