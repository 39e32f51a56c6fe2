"""minihost: captures at any rate, in any way, with gate, cabinet, tone and levels = the command line, in every sample."""

import json
import time

import common
import mini
import numpy as np

# Everything around the model, none of it at its default.
AROUND = [
    "gate=on", "gate_threshold=-50", "gate_hold=30", "gate_release=120", "gate_range=60", "tone_stack=on", "tone_bass=6.5", "tone_middle=3",
    "tone_treble=7", "output_mode=normalized", "calibrate_input=on", "interface_dbu=14", "input_gain=3", "mix=85",
]
WAYS = [("linear-phase", "off"), ("minimum-phase", "off"), ("host-rate", "off"), ("linear-phase", "2x"), ("minimum-phase", "4x")]


def models(args):
    """Captures of the project, and third-party ones where they are."""
    folder = common.ROOT / "models/fixtures"
    own = [folder / "nam/container.nam", folder / "nam/wavenet_gated.nam", folder / "nam/lstm_two_layers.nam", folder / "json/aidax_lstm.aidax"]
    if args.data is None:
        return own
    return own + [args.data / name for name in ("nam/A2.nam", "nam/BossWN-nano.nam", "json/TS9.json", "json/WaveNet1-ts7.json")]


def cabinet(args, channels):
    """An impulse response at 44.1 kHz, half a second, falling."""
    path = args.out / f"cab{channels}.wav"
    frames = 22_050
    common.write(path, common.noise(frames, channels, seed=5) * np.exp(-np.arange(frames) / 2_000).astype(np.float32), 44_100)
    return path


def told(cli, model, rate, way):
    """Samples of latency that `tonegraft inspect` says."""
    ways = json.loads(cli.run("inspect", model, "--rate", rate, "--json"))["conversions"]
    return next(found["latency_samples"] for found in ways if (found["rate_mode"], found["oversampling"]) == way)


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    audio = common.guitar(args, 0.7, channels=2)
    for index, model in enumerate(models(args)):
        for rate, way in [(44_100, WAYS[0]), (48_000, WAYS[0]), (48_000, WAYS[3]), (96_000, WAYS[2]), (96_000, WAYS[1]), (44_100, WAYS[4])]:
            words = ["--rate-mode", way[0], "--oversampling", way[1], "--ir", cabinet(args, 1 + index % 2), "--cab", "on"]
            params = [word for param in AROUND for word in ("--param", param)]
            path = args.out / "a.state"
            cli.run("state", "--model", model, *words, *params, "--out", path)
            wanted = cli.render(model, audio, rate, "--start", "silence", *words, *params)
            latency = told(cli, model, rate, way)
            for cut, cuts, offline in (("64", mini.every(64), False), ("random", mini.random_cuts(9, 512), True)):
                plugin = mini.open_plugin(args, rate, 512, state=path.read_bytes(), offline=offline)
                if offline:
                    # minihost asks for the latency before it activates, and again when its message thread comes to it.
                    time.sleep(mini.SETTLE)
                what = f"{model.name}, {way[0]}, {way[1]}, {rate} Hz, blocks {cut}"
                checks.that(plugin.latency_samples == latency, f"{what}: reported latency {plugin.latency_samples}, inspect says {latency}")
                got = mini.compensated(plugin, audio, cuts, latency)
                checks.same(got[:, : audio.shape[1] - latency], wanted[:, : audio.shape[1] - latency], what)
                plugin.close()
    checks.finish()


if __name__ == "__main__":
    main()
