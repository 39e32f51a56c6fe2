"""pedalboard, which compensates latency by itself and switches the side-chain off: equal to the command line in every sample."""

import common
import numpy as np
import pedalboard


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    stereo = common.guitar(args, 1.0, channels=2)
    for model in common.shipped() + [path for path, _ in common.with_lookahead(cli)]:
        name = getattr(model, "name", model)
        state = cli.state(model)
        for channels, audio in ((1, stereo[:1]), (2, stereo)):
            for rate in (44_100, 48_000, 96_000):
                wanted, told = cli.render(model, audio, rate, "--start", "silence"), cli.latency(model, rate)
                for block in (64, 512, 333) if rate == 48_000 else (512,):
                    plugin = pedalboard.load_plugin(str(args.vst3))
                    plugin.raw_state = common.juce_state(state)
                    got = plugin.process(audio, rate, buffer_size=block, reset=True)
                    what = f"{name}, {channels} channels, {rate} Hz, blocks {block}"
                    checks.same(got, wanted, what)
                    checks.that(plugin.reported_latency_samples == told, f"{what}: reported latency {plugin.reported_latency_samples}")
        again = pedalboard.load_plugin(str(args.vst3))
        again.preset_data = common.vst3_preset(state)
        checks.same(again.process(stereo, 48_000, buffer_size=512), cli.render(model, stereo, 48_000, "--start", "silence"),
                    f"{name}: from a .vstpreset")

    # A gain is heard with the side-chain off: processing is not skipped.
    model = common.shipped()[0]
    for gain in (-12.0, 0.0, 12.0):
        plugin = pedalboard.load_plugin(str(args.vst3))
        plugin.raw_state = common.juce_state(cli.state(model, f"output_gain={gain}"))
        got = plugin.process(stereo, 48_000, buffer_size=512)
        checks.same(got, cli.render(model, stereo, 48_000, "--start", "silence", "--param", f"output_gain={gain}"), f"output gain {gain} dB")

    # A state that the host saved is one that it can load.
    plugin = pedalboard.load_plugin(str(args.vst3))
    plugin.raw_state = common.juce_state(cli.state(model, "mix=40"))
    plugin.process(stereo[:, :4800], 48_000)
    saved = plugin.raw_state
    second = pedalboard.load_plugin(str(args.vst3))
    second.raw_state = saved
    wanted = cli.render(model, stereo, 48_000, "--start", "silence", "--param", "mix=40")
    checks.same(second.process(stereo, 48_000, buffer_size=512), wanted, "a state saved by the host, in a new instance")
    checks.that(np.abs(wanted).max() > 0.01, "there is sound")
    checks.finish()


if __name__ == "__main__":
    main()
