"""minihost: the latency changes while the plugin runs and no editor is open, and what is reported is what is measured."""

import time

import common
import mini
import numpy as np
from offline import Offline


def settle(plugin, wanted, audio, seconds=6.0):
    """Plays until the host is told `wanted`; the last value told."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and plugin.latency_samples != wanted:
        mini.play(plugin, audio[:, :512], mini.every(512))
        plugin.poll_callbacks()
        time.sleep(0.005)
    return plugin.latency_samples


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    fixtures = common.with_lookahead(cli)
    audio = common.noise(24_000, 2)

    # Restored while the host is playing: told without an editor, and told once the model is swapped back.
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

    # Measured against ONNX Runtime's run of the whole file, which has no latency at all.
    for path, latency in fixtures:
        model = Offline(path)
        truth = model.run(audio[0])
        for block in (64, 333, 512):
            plugin = mini.open_plugin(args, channels=1, block=512, state=cli.state(path))
            got = mini.play(plugin, np.pad(audio[:1], ((0, 0), (0, latency))), mini.every(block))[0]
            measured = common.shift(got, truth)
            checks.that(measured == latency == plugin.latency_samples, f"{path.name}, blocks {block}: measured {measured}, reported {latency}")
            plugin.close()

        # The dry path is delayed as much: an impulse through mix 0 % and through bypass.
        for param in ("mix=0", "bypass"):
            state = cli.state(path, *([param] if "=" in param else []))
            plugin = mini.open_plugin(args, channels=1, state=state)
            if param == "bypass":
                plugin.set_param(plugin.find_param("Bypass"), 1.0)
                mini.play(plugin, np.zeros((1, 9_600), dtype=np.float32), mini.every(512))
            impulse = np.zeros((1, 4_096 + latency), dtype=np.float32)
            impulse[0, 1000] = 0.5
            got = mini.play(plugin, impulse, mini.every(512))[0]
            at = int(np.argmax(np.abs(got)))
            checks.that(at == 1000 + latency and got[at] == 0.5, f"{path.name}, {param}: impulse at {at - latency} of 1000, {got[at]}")
            plugin.close()
    checks.finish()


if __name__ == "__main__":
    main()
