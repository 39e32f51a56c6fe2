"""minihost: state set, activated, played at once = the command line, in every sample; blocks, rates, live and offline."""

import common
import mini


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    audio = common.guitar(args, 1.0, channels=2)
    fixtures = common.with_lookahead(cli)
    for model in common.shipped() + [path for path, _ in fixtures]:
        name = getattr(model, "name", model)
        state = cli.state(model)
        for rate in (44_100, 48_000, 96_000):
            wanted = cli.render(model, audio, rate, "--start", "silence")
            told = cli.latency(model, rate)
            kinds = [("64", mini.every(64), False), ("512", mini.every(512), True)]
            if rate == 48_000:
                kinds += [("1", mini.every(1), False), ("333", mini.every(333), False), ("random", mini.random_cuts(7, 512), True)]
            for cut, cuts, offline in kinds:
                plugin = mini.open_plugin(args, rate, 512, state=state, offline=offline)
                what = f"{name}, {rate} Hz, blocks {cut}{', offline' if offline else ''}"
                checks.that(plugin.latency_samples == told, f"{what}: reported latency {plugin.latency_samples}, inspect says {told}")
                short = audio[:, :4800] if cut == "1" else audio
                got = mini.compensated(plugin, short, cuts, told)
                checks.same(got[:, : short.shape[1] - told], wanted[:, : short.shape[1] - told], what)
                plugin.close()
    checks.finish()


if __name__ == "__main__":
    main()
