"""For `cargo xtask demo`: plays a file in pedalboard, writes what came out, and measures the latency in minihost; prints JSON."""

import argparse
import json
import pathlib

import common
import mini
import numpy as np
import pedalboard


def main():
    parser = argparse.ArgumentParser()
    for name in ("state", "input", "wav", "reference"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    args = common.arguments(parser)
    audio, rate = common.read(args.input)
    reference, _ = common.read(args.reference)
    state = args.state.read_bytes()

    plugin = pedalboard.load_plugin(str(args.vst3))
    plugin.raw_state = common.juce_state(state)
    played = plugin.process(audio, rate, buffer_size=512, reset=True)
    common.write(args.wav, played, rate)
    if not np.array_equal(played, reference):
        raise SystemExit(f"the host's samples differ from the command line's by {np.abs(played - reference).max():.3g}")

    # A host that compensates nothing shows the latency as it is.
    bare = mini.open_plugin(args, rate, channels=audio.shape[0], state=state)
    reported = bare.latency_samples
    raw = mini.play(bare, np.pad(audio, ((0, 0), (0, 48_000))), mini.every(512))
    print(json.dumps({"reported_latency": reported, "measured_latency": common.shift(raw[0], reference[0])}))


if __name__ == "__main__":
    main()
