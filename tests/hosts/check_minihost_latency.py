"""minihost: what is reported is what is measured, at every rate and block length, also when it changes while no editor is open."""

import time

import common
import mini
import numpy as np
from offline import Offline

RATES = (44_100, 48_000, 96_000)

# Shorter than the longest hop, as long, no multiple of it, and longer than every latency.
BLOCKS = (32, 64, 480, 1024)

# Played live; the others as in an export, where the first block waits for the model.
LIVE = 64

# No multiple of any block, hop or rate.
FRAMES = 10_007

# By how much ONNX Runtime's run may differ, at the level of `common.noise`.
CLOSE = 1e-5


def settle(plugin, wanted, audio, seconds=6.0):
    """Plays until the host is told `wanted`; the last value told."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and plugin.latency_samples != wanted:
        mini.play(plugin, audio[:, :512], mini.every(512))
        plugin.poll_callbacks()
        time.sleep(0.005)
    return plugin.latency_samples


def told_while_playing(args, cli, checks, fixtures):
    """Restored while the host is playing: told without an editor, and told once the model is swapped back."""
    audio = common.noise(512, 2)
    plugin = mini.open_plugin(args, state=cli.state(common.shipped()[0]))
    changes = []
    plugin.set_change_callback(lambda flags: changes.append(flags))
    checks.that(plugin.latency_samples == 0, f"a shipped model adds nothing: {plugin.latency_samples}")
    for path, latency in fixtures + fixtures[::-1]:
        mini.restore(plugin, cli.state(path))
        told = settle(plugin, latency, audio)
        checks.that(told == latency, f"{path.name}, restored while playing: reported {told}, inspect says {latency}")
    mini.restore(plugin, cli.state(common.shipped()[0]))
    checks.that(settle(plugin, 0, audio) == 0, "a shipped model again: 0")
    for _ in range(20):
        plugin.poll_callbacks()
        time.sleep(0.01)
    checks.that(len(changes) > 0, f"the host's callback heard of it: {changes}")
    plugin.close()


def measured(args, cli, checks, path, latency, truth, tolerance):
    """Noise at every rate, in blocks of every length; `truth: [frames]` is what comes out where there is no latency.

    Its place is the peak of the cross-correlation. Moved by that, every sample is compared, those before it with silence.
    """
    noise, state = common.noise(FRAMES), cli.state(path)
    wanted = np.concatenate([np.zeros(latency, dtype=np.float32), truth])
    first = None
    for rate in RATES:
        for block in BLOCKS:
            plugin = mini.open_plugin(args, rate, block, channels=1, state=state, offline=block != LIVE)
            got = mini.play(plugin, np.pad(noise, ((0, 0), (0, latency))), mini.every(block))[0]
            reported, peak = plugin.latency_samples, common.shift(got, truth)
            plugin.close()
            what = f"{path.name}, {rate} Hz, blocks {block}"
            checks.that(peak == reported == latency, f"{what}: measured {peak}, reported {reported}, inspect says {latency}")
            # A network that looks ahead answers before the latency has passed: to what it hears already.
            heard = slice(0 if tolerance == 0 else latency, None)
            worst = float(np.abs(got[heard] - wanted[heard]).max())
            checks.that(worst <= tolerance, f"{what}: {len(got[heard])} samples compared, largest difference {worst:.3g}")
            if first is None:
                first = got
            else:
                checks.same(got, first, f"{what}, as the first rate and block length")


def dry(args, cli, checks, path, latency):
    """The dry path is delayed as much: an impulse through mix 0 % and through bypass."""
    for param in ("mix=0", "bypass"):
        state = cli.state(path, *([param] if "=" in param else []))
        plugin = mini.open_plugin(args, channels=1, state=state, offline=True)
        if param == "bypass":
            plugin.set_param(plugin.find_param("Bypass"), 1.0)
            mini.play(plugin, np.zeros((1, 9_600), dtype=np.float32), mini.every(512))
        impulse = np.zeros((1, 4_096 + latency), dtype=np.float32)
        impulse[0, 1000] = 0.5
        got = mini.play(plugin, impulse, mini.every(512))[0]
        at = int(np.argmax(np.abs(got)))
        checks.that(at == 1000 + latency and got[at] == 0.5, f"{path.name}, {param}: impulse at {at - latency} of 1000, {got[at]}")
        plugin.close()


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    ahead, through = common.with_lookahead(cli), common.through(cli)
    told_while_playing(args, cli, checks, ahead + through[:1])
    noise = common.noise(FRAMES)[0]
    for path, latency in through:
        measured(args, cli, checks, path, latency, noise, 0)
    for path, latency in ahead:
        # ONNX Runtime's run of the whole signal has no latency at all.
        measured(args, cli, checks, path, latency, Offline(path).run(noise), CLOSE)
    for path, latency in ahead + through:
        dry(args, cli, checks, path, latency)
    checks.finish()


if __name__ == "__main__":
    main()
