"""minihost: forty instances made, restored, switched, rendered and dropped in disorder; the loader threads must not outlive them."""

import random
import threading
import time

import common
import mini
import numpy as np


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    models = common.shipped() + [path for path, _ in common.with_lookahead(cli)]
    states = {str(model): cli.state(model) for model in models}
    latencies = {str(model): cli.inspect(model)["latency_samples"] for model in models}
    chance = random.Random(11)
    audio = common.noise(512, 2)
    # Disorder is the point here.
    mini.SETTLE = 0.0
    before = len(list_threads())
    instances = []
    for _ in range(40):
        plugin = mini.open_plugin(args, state=states[chance.choice(list(states))])
        instances.append(plugin)
    last = {}
    for turn in range(400):
        plugin = chance.choice(instances)
        action = chance.random()
        if action < 0.35:
            name = chance.choice(list(states))
            mini.restore(plugin, states[name])
            last[id(plugin)] = name
        elif action < 0.5:
            mini.activate(plugin, chance.choice((44_100, 48_000, 96_000)), offline=chance.random() < 0.5)
        elif action < 0.6:
            plugin.set_param(chance.randrange(plugin.num_params), chance.random())
        elif action < 0.65:
            index = instances.index(plugin)
            last.pop(id(plugin), None)
            # Dropped while a model may still be loading.
            mini.restore(plugin, states[chance.choice(list(states))])
            plugin.close()
            instances[index] = mini.open_plugin(args)
        else:
            got = mini.play(plugin, audio, mini.every(chance.choice((1, 64, 333, 512))))
            if not np.isfinite(got).all():
                checks.that(False, f"turn {turn}: not a number")
    wrong = []
    for plugin in instances:
        name = last.get(id(plugin))
        if name is None:
            continue
        mini.activate(plugin, 48_000)
        end = time.monotonic() + 5
        while time.monotonic() < end and plugin.latency_samples != latencies[name]:
            mini.play(plugin, audio, mini.every(512))
            time.sleep(0.005)
        if plugin.latency_samples != latencies[name]:
            wrong.append((name, plugin.latency_samples))
    checks.that(not wrong, f"the latency of the last model restored, in {len(last)} instances: {wrong or 'right'}")
    checks.that(True, "400 turns over 40 instances without a fault")
    for plugin in instances:
        plugin.close()
    instances.clear()
    end = time.monotonic() + 5
    while time.monotonic() < end and len(list_threads()) > before + 4:
        time.sleep(0.05)
    checks.that(len(list_threads()) <= before + 4, f"threads before {before}, after all instances are gone {len(list_threads())}")
    checks.finish()


def list_threads():
    """Ids of the process's threads, those of the plugin too (Linux; elsewhere Python's own)."""
    try:
        import os

        return os.listdir("/proc/self/task")
    except OSError:
        return threading.enumerate()


if __name__ == "__main__":
    main()
