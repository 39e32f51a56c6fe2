"""DawDreamer, which compensates nothing: equal to the command line once the reported latency is taken off."""

import common
import dawdreamer
import numpy as np


def render(args, state_file, audio, rate, block, seconds, sidechain=None):
    """What DawDreamer makes of `audio: [channels, frames]`; also the latency that it was told."""
    engine = dawdreamer.RenderEngine(float(rate), block)
    plugin = engine.make_plugin_processor("plugin", str(args.vst3))
    plugin.load_state(str(state_file))
    graph = [(engine.make_playback_processor("in", audio), [])]
    inputs = ["in"]
    if plugin.get_num_input_channels() > audio.shape[0]:
        aux = sidechain if sidechain is not None else np.zeros_like(audio)
        graph.append((engine.make_playback_processor("side", aux), []))
        inputs.append("side")
    graph.append((plugin, inputs))
    engine.load_graph(graph)
    engine.render(seconds)
    return engine.get_audio()


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    audio = common.guitar(args, 1.0, channels=2)
    state_file = args.out / "dawdreamer.state"
    for model in common.shipped() + [path for path, _ in common.with_lookahead(cli)]:
        name = getattr(model, "name", model)
        state_file.write_bytes(common.juce_state(cli.state(model)))
        for rate in (44_100, 48_000, 96_000):
            wanted, latency = cli.render(model, audio, rate, "--start", "silence"), cli.latency(model, rate)
            for block in (64, 512, 480) if rate == 48_000 else (512,):
                padded = np.pad(audio, ((0, 0), (0, latency + block)))
                frames = audio.shape[1]
                for side in (None, common.noise(padded.shape[1], 2, seed=3)):
                    got = render(args, state_file, padded, rate, block, (frames + latency) / rate, side)
                    fed = "side-chain fed" if side is not None else "side-chain silent"
                    last = min(frames, got.shape[1] - latency)
                    checks.that(last >= frames - block, f"{name}, {rate} Hz, blocks {block}: {got.shape[1]} frames rendered")
                    checks.same(got[:2, latency : latency + last], wanted[:, :last], f"{name}, {rate} Hz, blocks {block}, {fed}")
    checks.finish()


if __name__ == "__main__":
    main()
