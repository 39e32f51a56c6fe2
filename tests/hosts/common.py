"""What the host scripts share: the command line program as reference, plugin states as hosts want them, signals, and a list of checks."""

import argparse
import json
import pathlib
import struct
import subprocess
import sys

import numpy as np
import soundfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# The 16 bytes of the VST3 class id; frozen.
CLASS_ID = b"TonegraftVst3FX1"


def arguments(parser=None):
    """The arguments that `cargo xtask hosts` gives to every script."""
    parser = parser or argparse.ArgumentParser()
    for name in ("vst3", "clap", "cli", "standalone", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, help="third-party models and audio")
    args = parser.parse_args()
    args.out = args.out / pathlib.Path(sys.argv[0]).stem
    args.out.mkdir(parents=True, exist_ok=True)
    return args


def skip(why):
    """Ends the script as skipped; `cargo xtask` shows why."""
    print(f"skipped: {why}")
    sys.exit(77)


class Checks:
    """Counts what held and prints it; `finish` ends the script."""

    def __init__(self):
        self.passed = 0
        self.failed = []

    def that(self, holds, what):
        """One check; goes on after a failure, so that one run shows all of them."""
        if holds:
            self.passed += 1
            print(f"  ok    {what}")
        else:
            self.failed.append(what)
            print(f"  WRONG {what}")
        return bool(holds)

    def same(self, got, wanted, what):
        """Equal in every sample. `[channels, frames]`; the first difference is named."""
        got, wanted = np.atleast_2d(got), np.atleast_2d(wanted)
        if got.shape != wanted.shape:
            return self.that(False, f"{what}: shape {got.shape}, not {wanted.shape}")
        if np.array_equal(got, wanted):
            return self.that(True, f"{what}: {got.shape[1]} frames, all equal")
        channel, frame = np.argwhere(got != wanted)[0]
        worst = float(np.abs(got - wanted).max())
        return self.that(
            False,
            f"{what}: channel {channel} frame {frame}: {got[channel, frame]!r}, not {wanted[channel, frame]!r};"
            f" largest difference {worst:.3g}, {np.count_nonzero(got != wanted)} of {got.size} samples differ",
        )

    def finish(self):
        """The last line is the sum."""
        print(f"{self.passed} held, {len(self.failed)} did not")
        sys.exit(1 if self.failed or not self.passed else 0)


class Cli:
    """The command line program."""

    def __init__(self, args):
        self.program, self.out = args.cli, args.out

    def run(self, *words):
        """Standard output; a failure ends the script with the program's own sentence."""
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"`tonegraft {' '.join(map(str, words))}` failed: {done.stderr.strip()}")
        return done.stdout

    def inspect(self, model):
        """The JSON object of `tonegraft inspect`."""
        return json.loads(self.run("inspect", model, "--json"))

    def latency(self, model, rate):
        """Samples that the plugin as it is opened delays with `model` at a host's rate, conversion included."""
        ways = json.loads(self.run("inspect", model, "--rate", rate, "--json"))["conversions"]
        return next(way["latency_samples"] for way in ways if (way["rate_mode"], way["oversampling"]) == ("linear-phase", "off"))

    def state(self, model, *params):
        """Bytes of a plugin state that loads `model`; `params` as `NAME=VALUE`."""
        path = self.out / "a.state"
        words = [word for param in params for word in ("--param", param)]
        self.run("state", "--model", model, *words, "--out", path)
        return path.read_bytes()

    def render(self, model, audio, rate, *words):
        """`audio: [channels, frames]` played by the command line, `[channels, frames]`."""
        source, target = self.out / "in.wav", self.out / "out.wav"
        write(source, audio, rate)
        self.run("render", "--model", model, *words, source, target)
        return read(target)[0]


def write(path, audio, rate):
    """32-bit float WAV of `audio: [channels, frames]`."""
    soundfile.write(path, np.atleast_2d(audio).T, rate, subtype="FLOAT")


def read(path):
    """`([channels, frames] float32, rate)`."""
    audio, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return np.ascontiguousarray(audio.T), rate


def guitar(args, seconds, channels=1):
    """A guitar from the pickup, `[channels, frames]` at 48 kHz; the second channel is another passage, softer."""
    path = ROOT / "tests/data/pluck_di.wav"
    if args.data is not None and (args.data / "audio/nam_guitar_di.wav").is_file():
        path = args.data / "audio/nam_guitar_di.wav"
    audio, rate = read(path)
    assert rate == 48_000, f"{path} is at {rate} Hz"
    frames = int(seconds * rate)
    mono = np.tile(audio[0], -(-(2 * frames) // audio.shape[1]))
    return np.ascontiguousarray(np.stack([mono[:frames], 0.6 * mono[frames : 2 * frames]])[:channels].astype(np.float32))


def noise(frames, channels=1, seed=1):
    """White noise at the level of a guitar, `[channels, frames]`."""
    return (0.1 * np.random.default_rng(seed).standard_normal((channels, frames))).astype(np.float32)


def shipped():
    """Ids of the models that ship."""
    return sorted(path.stem for path in (ROOT / "models/shipped").glob("*.onnx"))


def with_lookahead(cli):
    """Models of the project that need future input: `[(path, samples)]`, the samples as `tonegraft inspect` says."""
    return _named_by_latency(cli, "ahead", 2)


def through(cli):
    """Models of the project that give back their input bit for bit, but work on hops or blocks; as [`with_lookahead`]."""
    return _named_by_latency(cli, "through", 3)


def _named_by_latency(cli, word, count):
    found = [(path, cli.inspect(path)["latency_samples"]) for path in sorted((ROOT / "tests/data").glob(f"{word}*.onnx"))]
    assert len(found) == count and all(latency == int(path.stem.removeprefix(word)) for path, latency in found), found
    return found


def shift(delayed, original):
    """By how many frames `delayed` lags `original`, as the peak of their cross-correlation. Both `[frames]`."""
    size = 1 << int(np.ceil(np.log2(len(delayed) + len(original))))
    spectrum = np.fft.rfft(delayed, size) * np.conj(np.fft.rfft(original, size))
    correlation = np.abs(np.fft.irfft(spectrum, size))
    lag = int(np.argmax(correlation))
    return lag if lag < size // 2 else lag - size


# JUCE, which all three Python hosts are built on, wraps a VST3 state in XML with a base 64 of its own.
_JUCE_DIGITS = ".ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+"


def juce_state(component):
    """The state that JUCE hosts take, around the component's stream."""
    bits = int.from_bytes(component, "little")
    digits = (len(component) * 8 + 5) // 6
    text = "".join(_JUCE_DIGITS[(bits >> (6 * index)) & 63] for index in range(digits))
    xml = f'<?xml version="1.0" encoding="UTF-8"?> <VST3PluginState><IComponent>{len(component)}.{text}</IComponent></VST3PluginState>'
    data = xml.encode()
    return struct.pack("<II", 0x21324356, len(data)) + data + b"\0"


def component_state(juce):
    """The component's stream out of the state of a JUCE host."""
    xml = juce[8:].split(b"\0")[0].decode()
    body = xml.split("<IComponent>")[1].split("</IComponent>")[0].strip()
    length, text = body.split(".", 1)
    bits = 0
    for index, digit in enumerate(text):
        bits |= _JUCE_DIGITS.index(digit) << (6 * index)
    return (bits & ((1 << (8 * int(length))) - 1)).to_bytes(int(length), "little")


def vst3_preset(component):
    """A `.vstpreset` file around the component's stream."""
    class_id = CLASS_ID.hex().upper().encode()
    start = 48
    entries = struct.pack("<4sqq", b"Comp", start, len(component))
    return struct.pack("<4si32sq", b"VST3", 1, class_id, start + len(component)) + component + struct.pack("<4si", b"List", 1) + entries
