"""DawDreamer: the side-chain is heard, a simulated device on it is found to a thousandth of a sample, and a thousand automated switches at
several block sizes click nowhere and change no latency.

pedalboard has no such check: it passes the main input alone and switches the side-chain's bus off.
"""

import common
import dawdreamer
import numpy as np

RATE = 48_000
SOURCES = {"A": 0.0, "B": 0.25, "Reference": 0.5, "Dry": 0.75}
BLOCKS = (32, 100, 333, 512, 1024)
# What the simulated device does beside the model.
DELAY, GAIN_DB = 37.4, -3.1


class Host:
    """One graph: main input and side-chain into the plugin."""

    def __init__(self, args, state_file, block, main, side):
        self.engine = dawdreamer.RenderEngine(float(RATE), block)
        self.plugin = self.engine.make_plugin_processor("plugin", str(args.vst3))
        self.plugin.load_state(str(state_file))
        self.index = {entry["name"]: entry["index"] for entry in self.plugin.get_parameters_description()}
        self.set("Use Reference", 1.0)
        graph = [(self.engine.make_playback_processor("in", main), []), (self.engine.make_playback_processor("side", side), [])]
        self.engine.load_graph([*graph, (self.plugin, ["in", "side"])])
        self.seconds = main.shape[1] / RATE

    def set(self, name, value):
        """A parameter by its name, 0 … 1."""
        self.plugin.set_parameter(self.index[name], value)

    def automate(self, name, values):
        """A value for each frame."""
        self.plugin.set_automation(self.index[name], values.astype(np.float32))

    def render(self):
        """`[channels, frames]`."""
        self.engine.render(self.seconds)
        return self.engine.get_audio()[:2]


def late(signal, frames):
    """`signal: [frames]` later by a fraction of frames: by phase, with silence around it against wrapping."""
    padded = np.pad(signal, (4_096, 4_096))
    turned = np.fft.rfft(padded) * np.exp(-2j * np.pi * np.fft.rfftfreq(len(padded)) * frames)
    return np.fft.irfft(turned, len(padded))[4_096:-4_096].astype(np.float32)


def found(reference, heard):
    """Delay in samples, gain in dB and whether upside down: the whole lag from the correlation, the rest from the phase of the cross-spectrum."""
    lag = common.shift(heard, reference)
    size = len(reference)
    window = np.hanning(size)
    ours = np.fft.rfft(reference * window)
    theirs = np.fft.rfft(np.roll(heard, -lag) * window)
    cross = theirs * np.conj(ours)
    inverted = np.real(cross.sum()) < 0
    cross = -cross if inverted else cross
    turn = 2 * np.pi * np.arange(len(cross)) / size
    weight = np.abs(cross) * (turn < 2 * np.pi * 8_000 / RATE)
    fraction = -np.sum(weight * turn * np.angle(cross)) / np.sum(weight * turn**2)
    gain = np.sum(weight) / np.sum(np.abs(ours) ** 2 * (weight > 0))
    return lag + fraction, 20 * np.log10(gain), bool(inverted)


def roughness(audio):
    """The largest second difference of any channel after the first frames."""
    return float(np.abs(np.diff(audio[:, 9_600:], 2, axis=1)).max())


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    state_file = args.out / "compare.state"
    state_file.write_bytes(common.juce_state(cli.state("overdrive", "output_mode=raw")))

    played = common.guitar(args, 3.0, channels=1)[0]
    both = np.stack([played, played])
    other = common.noise(both.shape[1], 2, seed=5)
    host = Host(args, state_file, 480, both, other)
    model = host.render()
    host.set("Source", SOURCES["Reference"])
    heard = host.render()
    last = heard.shape[1]
    checks.that(np.abs(heard[:, 9_600:] - other[:, 9_600:last]).max() < 1e-6, "the side-chain is what is heard as the reference")
    checks.that(np.abs(model[:, 9_600:] - other[:, 9_600:last]).max() > 0.01, "and slot A is not it")

    device = -(10 ** (GAIN_DB / 20)) * late(model[0], DELAY)
    host = Host(args, state_file, 480, both[:, : len(device)], np.stack([device, device]))
    host.set("Source", SOURCES["Reference"])
    # From where the device's own first frames have passed.
    heard = host.render()[0, 9_600:]
    delay, gain, inverted = found(model[0, 9_600 : 9_600 + len(heard)], heard)
    what = f"a device {DELAY} samples late, {GAIN_DB} dB, upside down: heard at {delay:.4f} samples, {gain:.4f} dB"
    checks.that(abs(delay - DELAY) < 1e-3 and abs(gain - GAIN_DB) < 5e-3 and inverted, what)

    sine = np.tile(0.25 * np.sin(2 * np.pi * 100 * np.arange(7 * RATE) / RATE), (2, 1)).astype(np.float32)
    random = np.random.default_rng(8)
    steady, rough, switches, latencies = 0.0, 0.0, 0, set()
    for block in BLOCKS:
        for value in SOURCES.values():
            host = Host(args, state_file, block, sine[:, :RATE], sine[:, :RATE])
            host.set("Source", value)
            steady = max(steady, roughness(host.render()))
        host = Host(args, state_file, block, sine, sine)
        values = random.choice(list(SOURCES.values()), size=sine.shape[1] // 1_200)
        host.automate("Source", np.repeat(values, 1_200))
        latencies.add(host.plugin.get_latency_samples())
        switched = host.render()
        latencies.add(host.plugin.get_latency_samples())
        checks.that(np.isfinite(switched).all(), f"blocks of {block}: {np.count_nonzero(np.diff(values))} switches")
        switches += np.count_nonzero(np.diff(values))
        rough = max(rough, roughness(switched))
        differs = np.abs(switched - sine[:, : switched.shape[1]]).max()
        checks.that(differs > 0.01, f"blocks of {block}: the automation is followed")
    # A crossfade of 5 ms bends two signals of this level by this much, beside what they bend themselves.
    checks.that(switches >= 1_000 and rough <= 1.1 * steady + 1e-3, f"{switches} switches: largest second difference {rough:.2e}, steady {steady:.2e}")
    checks.that(len(latencies) == 1, f"latency {sorted(latencies)} over all switches")
    checks.finish()


if __name__ == "__main__":
    main()
