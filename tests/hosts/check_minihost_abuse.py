"""minihost: NaN and infinity in, denormals, blocks of nothing and blocks that are too long, states that are no states."""

import time

import common
import mini
import numpy as np


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    model = common.shipped()[0]
    state = cli.state(model)
    audio = common.guitar(args, 0.5, channels=2)

    for name, value in (("NaN", np.nan), ("infinity", np.inf), ("-infinity", -np.inf), ("1e38", 1e38)):
        plugin = mini.open_plugin(args, state=state)
        bad = audio[:, :4_800].copy()
        bad[:, 1_000:1_010] = value
        got = mini.play(plugin, bad, mini.every(64))
        checks.that(np.isfinite(got).all(), f"{name} in: every sample out is a number")
        if not np.isfinite(value):
            checks.that(float(np.abs(got).max()) < 10.0, f"{name} in: no bang ({np.abs(got).max():.3g})")
        # A second is more than any receptive field here: afterwards it plays as if nothing had been.
        mini.play(plugin, np.zeros((2, 48_000), dtype=np.float32), mini.every(512))
        after = mini.play(plugin, audio, mini.every(512))
        checks.that(float(np.abs(after).max()) > 0.01, f"{name} in: it plays again")
        plugin.close()

    plugin = mini.open_plugin(args, state=state)
    got = mini.play(plugin, np.full((2, 48_000), 1e-40, dtype=np.float32), mini.every(64))
    loud = mini.open_plugin(args, state=state)
    began = time.perf_counter()
    mini.play(loud, common.noise(96_000, 2), mini.every(64))
    busy = time.perf_counter() - began
    began = time.perf_counter()
    mini.play(plugin, np.full((2, 96_000), 1e-40, dtype=np.float32), mini.every(64))
    quiet = time.perf_counter() - began
    checks.that(np.isfinite(got).all(), "denormals in: numbers out")
    checks.that(quiet < 2.5 * busy, f"denormals cost {quiet / busy:.2f} of noise")
    plugin.close()
    loud.close()

    plugin = mini.open_plugin(args, state=state)
    wanted = cli.render(model, audio, 48_000, "--start", "silence")
    pieces, at = [], 0
    for length in (64, 0, 1, 0, 333, 512, 0):
        piece = np.ascontiguousarray(audio[:, at : at + length])
        result = np.zeros_like(piece)
        try:
            plugin.process(piece, result)
        except (ValueError, RuntimeError) as refusal:
            checks.that(length == 0, f"the host refuses a block of {length} by itself: {refusal}")
            continue
        pieces.append(result)
        at += length
    checks.same(np.concatenate(pieces, axis=1), wanted[:, :at], "empty blocks between others change nothing")
    try:
        long = np.zeros((2, 4_096), dtype=np.float32)
        plugin.process(long, long.copy())
        checks.that(True, "a block longer than announced is survived")
    except (ValueError, RuntimeError) as refusal:
        checks.that(True, f"a block longer than announced: {refusal}")
    after = mini.play(plugin, audio[:, :4_800], mini.every(512))
    checks.that(np.isfinite(after).all() and np.abs(after).max() > 0.001, "it plays on afterwards")
    plugin.close()

    # States that are none: the sound that was there goes on.
    for name, data in {
        "empty": b"", "noise": bytes(range(256)) * 8, "truncated": state[: len(state) // 2],
        "another plugin's": b'{"version":"9","params":{},"fields":{}}', "a huge length": b"\xff" * 8 + state[8:],
    }.items():
        plugin = mini.open_plugin(args, state=state)
        mini.restore(plugin, data)
        mini.activate(plugin, 48_000)
        got = mini.play(plugin, audio, mini.every(512))
        checks.same(got, wanted, f"a state that is {name}: the model before plays on")
        plugin.close()

    # A model that is gone: a session still opens, dry or with what it has, and says nothing to the audio.
    gone = args.out / "gone.onnx"
    gone.write_bytes((common.ROOT / "models/shipped" / f"{model}.onnx").read_bytes())
    lost = cli.state(gone)
    gone.unlink()
    plugin = mini.open_plugin(args, state=lost)
    got = mini.play(plugin, audio, mini.every(512))
    checks.that(np.isfinite(got).all() and float(np.abs(got).max()) > 0.001, "a state whose model is gone: the track still sounds")
    plugin.close()
    checks.finish()


if __name__ == "__main__":
    main()
