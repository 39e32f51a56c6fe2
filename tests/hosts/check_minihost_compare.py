"""minihost: side-chain layouts, a thousand switches by automation under random blocks, latency that never changes on a switch."""

import common
import mini
import numpy as np

SOURCES = {"A": 0.0, "B": 0.25, "Reference": 0.5, "Dry": 0.75}


def roughness(audio):
    """The largest second difference of any channel."""
    return float(np.abs(np.diff(audio, 2, axis=1)).max())


def process(plugin, main, side):
    """One block with a side-chain, `[channels, frames]`."""
    out = np.zeros_like(main)
    plugin.process_sidechain(np.ascontiguousarray(main), out, np.ascontiguousarray(side))
    return out


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    model = "overdrive"
    state = cli.state(model, "use_reference=1", "output_mode=raw") if takes_switch(cli, model) else cli.state(model)

    # Every main width with every side-chain: the reference is heard where it is chosen, and nothing is where it is off.
    frames = 48_000
    time = np.arange(frames) / 48_000
    for channels in (1, 2):
        for sidechain in (1, 2):
            plugin = mini.open_plugin(args, channels=channels, sidechain=sidechain, state=state)
            names = [plugin.get_param_info(index)["name"] for index in range(plugin.num_params)]
            source, use = names.index("Source"), names.index("Use Reference")
            main_in = np.tile(0.25 * np.sin(2 * np.pi * 100 * time), (channels, 1)).astype(np.float32)
            side_in = np.tile(0.25 * np.sin(2 * np.pi * 250 * time), (sidechain, 1)).astype(np.float32)
            what = f"{channels} + {sidechain} channels"
            heard = {}
            for on in (0.0, 1.0):
                plugin.set_param(use, on)
                plugin.set_param(source, SOURCES["Reference"])
                out = np.concatenate([process(plugin, main_in[:, at : at + 480], side_in[:, at : at + 480]) for at in range(0, 24_000, 480)], axis=1)
                spectrum = np.abs(np.fft.rfft(out[0, -9_600:]))
                # Bins of 5 Hz.
                heard[on] = spectrum[50] > spectrum[20]
            checks.that(heard[1.0] and not heard[0.0], f"{what}: the reference is heard if it is in use, and only then")
            plugin.close()

    # A thousand switches.
    plugin = mini.open_plugin(args, channels=2, sidechain=2, block=1024, state=state)
    names = [plugin.get_param_info(index)["name"] for index in range(plugin.num_params)]
    source, use = names.index("Source"), names.index("Use Reference")
    plugin.set_param(use, 1.0)
    random = np.random.default_rng(8)
    seconds = 12
    time = np.arange(seconds * 48_000) / 48_000
    sine = np.tile(0.25 * np.sin(2 * np.pi * 100 * time), (2, 1)).astype(np.float32)
    steady = []
    for value in SOURCES.values():
        plugin.set_param(source, value)
        pieces = [process(plugin, sine[:, at : at + 480], sine[:, at : at + 480]) for at in range(0, 19_200, 480)]
        steady.append(roughness(np.concatenate(pieces[20:], axis=1)))
    latency = plugin.latency_samples
    at, outputs, latencies, switches = 0, [], set(), 0
    # Whole periods, so that the signal goes on smoothly.
    at = 19_200
    while switches < 1_000:
        block = int(random.integers(1, 1_024))
        if at + block > sine.shape[1]:
            at = at % 480
        plugin.set_param(source, float(random.choice(list(SOURCES.values()))))
        outputs.append(process(plugin, sine[:, at : at + block], sine[:, at : at + block]))
        at += block
        switches += 1
        latencies.add(plugin.latency_samples)
    played = np.concatenate(outputs, axis=1)
    # A crossfade of 5 ms bends two signals of at most full scale by this much, beside what they bend themselves.
    bound = 1.1 * max(steady) + 1e-3
    checks.that(np.isfinite(played).all(), f"{switches} switches in {played.shape[1]} frames")
    checks.that(roughness(played[:, 4_800:]) <= bound, f"largest second difference {roughness(played[:, 4_800:]):.2e}, steady {max(steady):.2e}")
    checks.that(latencies == {latency}, f"latency {sorted(latencies)} over all switches")
    plugin.close()
    checks.finish()


def takes_switch(cli, model):
    """Whether the command line writes these parameters into a state."""
    try:
        cli.state(model, "use_reference=1", "output_mode=raw")
    except SystemExit:
        return False
    return True


if __name__ == "__main__":
    main()
