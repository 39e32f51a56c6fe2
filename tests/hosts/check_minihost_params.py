"""minihost: names, units, plain values and texts of the parameters; automation inside a block; the frozen order."""

import common
import mini
import numpy as np

# Name, unit, text at 0, text at 1. Frozen: sessions and automation of users depend on them.
PARAMETERS = [
    ("Bypass", "", None, None),
    ("Input Gain", "dB", -24.0, 24.0),
    ("Output Gain", "dB", -24.0, 24.0),
    ("Mix", "%", 0.0, 100.0),
    ("A Trim", "dB", -24.0, 24.0),
    ("B Trim", "dB", -24.0, 24.0),
    ("Reference Trim", "dB", -24.0, 24.0),
] + [(f"{slot} Knob {number}", None, None, None) for slot in "AB" for number in range(1, 9)]

# Stepped ones, with the texts of their values.
CHOICES = {
    "Source": ["A", "B", "Reference", "Dry", "Difference"],
    "Program": ["Slot A"] + [f"{number}: empty" for number in range(1, 17)],
}


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    model = common.shipped()[0]
    plugin = mini.open_plugin(args, state=cli.state(model))
    infos = [plugin.get_param_info(index) for index in range(plugin.num_params)]
    names = [info["name"] for info in infos]
    for name, unit, low, high in PARAMETERS:
        if not checks.that(names.count(name) == 1, f"a parameter `{name}`"):
            continue
        index = names.index(name)
        info = infos[index]
        if unit is not None:
            checks.that(info["label"] == unit, f"{name}: unit `{info['label']}`")
        if low is not None:
            for value, plain in ((0.0, low), (1.0, high), (0.5, (low + high) / 2)):
                text = plugin.param_to_text(index, value)
                number = text.replace(unit, "").strip()
                checks.that(abs(float(number) - plain) < 0.06, f"{name} at {value}: `{text}`")
                checks.that(abs(plugin.param_from_text(index, number) - value) < 1e-3, f"{name}: `{number}` is read as {value}")
    for name, texts in CHOICES.items():
        if checks.that(names.count(name) == 1, f"a parameter `{name}`"):
            index, last = names.index(name), len(texts) - 1
            found = [plugin.param_to_text(index, step / last) for step in range(last + 1)]
            checks.that(found == texts, f"{name}: {', '.join(found)}")
            checks.that(plugin.get_param(index) == 0.0, f"{name} starts at `{texts[0]}`")
    checks.that(abs(plugin.get_param(names.index("Mix")) - 1.0) < 1e-6, "mix starts at 100 %")
    checks.that(abs(plugin.get_param(names.index("Output Gain")) - 0.5) < 1e-6, "the output gain starts at 0 dB")
    plugin.close()

    # State, 64 times with random values: what was set comes back.
    random = np.random.default_rng(5)
    plugin = mini.open_plugin(args, state=cli.state(model))
    second = mini.open_plugin(args)
    worst = 0.0
    for _ in range(64):
        values = random.uniform(0, 1, len(names))
        for index, value in enumerate(values):
            plugin.set_param(index, float(value))
        mini.play(plugin, np.zeros((2, 64), dtype=np.float32), mini.every(64))
        before = [plugin.get_param(index) for index in range(len(names))]
        second.set_state(plugin.get_state())
        after = [second.get_param(index) for index in range(len(names))]
        for index, (a, b) in enumerate(zip(before, after, strict=True)):
            if names[index] in [name for name, *_ in PARAMETERS]:
                # A switch keeps its step, not the value between two.
                worst = max(worst, abs(a - b) if names[index] != "Bypass" else abs(round(a) - round(b)))
    checks.that(worst < 1e-5, f"64 state round trips with random values: largest difference {worst:.1e}")
    plugin.close()
    second.close()

    # A point inside a block is where it is, at any block length: the same samples as one block that holds it.
    audio = common.guitar(args, 0.5, channels=2)
    gain = names.index("Output Gain")
    results = {}
    for block in (64, 512):
        plugin = mini.open_plugin(args, state=cli.state(model))
        out = np.zeros_like(audio)
        for at in range(0, audio.shape[1], block):
            piece = np.ascontiguousarray(audio[:, at : at + block])
            result = np.zeros_like(piece)
            points = [(frame - at, gain, value) for frame, value in ((5_000, 0.75), (9_999, 0.25), (16_000, 0.5)) if at <= frame < at + piece.shape[1]]
            plugin.process_auto(piece, result, [], points)
            out[:, at : at + block] = result
        results[block] = out
        plugin.close()
    checks.same(results[64], results[512], "automation inside blocks of 64 and of 512")
    still = cli.render(model, audio, 48_000, "--start", "silence")
    checks.same(results[512][:, :4_992], still[:, :4_992], "before the first point")
    checks.that(not np.array_equal(results[512][:, 5_100:9_000], still[:, 5_100:9_000]), "the point is heard")
    checks.finish()


if __name__ == "__main__":
    main()
