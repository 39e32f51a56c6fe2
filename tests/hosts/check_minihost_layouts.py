"""minihost: mono, stereo, mono to stereo; side-chain fed, silent, absent. A gain is heard in each, so none skips processing."""

import common
import mini
import numpy as np


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    stereo = common.guitar(args, 0.5, channels=2)
    model = common.shipped()[0]
    state = cli.state(model, "output_gain=6")
    wanted = {
        channels: cli.render(model, stereo[:channels], 48_000, "--start", "silence", "--param", "output_gain=6") for channels in (1, 2)
    }
    checks.that(np.abs(wanted[2]).max() > 0.05, "there is sound")
    for channels in (1, 2):
        plugin = mini.open_plugin(args, channels=channels, state=state)
        got = mini.play(plugin, stereo[:channels], mini.every(256))
        checks.same(got, wanted[channels], f"{channels} channels, no side-chain")
        plugin.close()
        sides = {"silent": np.zeros((2, stereo.shape[1]), dtype=np.float32), "fed": common.noise(stereo.shape[1], 2)}
        for name, side in sides.items():
            plugin = mini.open_plugin(args, channels=channels, sidechain=2, state=state)
            got = mini.play(plugin, stereo[:channels], mini.every(256), sidechain=side)
            checks.same(got, wanted[channels], f"{channels} channels, side-chain {name}")
            plugin.close()

    plugin = mini.open_plugin(args, channels=1, outputs=2, state=state)
    got = mini.play(plugin, stereo[:1], mini.every(256), outputs=2)
    checks.same(got, np.repeat(wanted[1], 2, axis=0), "mono to stereo")
    plugin.close()

    plugin = mini.open_plugin(args, channels=2, sidechain=2)
    buses = [plugin.get_bus_info(True, index) for index in range(plugin.num_input_buses)]
    checks.that(len(buses) == 2 and buses[0]["is_main"], f"a main input and a side-chain: {[bus['name'] for bus in buses]}")
    checks.that(plugin.num_output_buses == 1, "one output bus")
    plugin.close()
    checks.finish()


if __name__ == "__main__":
    main()
