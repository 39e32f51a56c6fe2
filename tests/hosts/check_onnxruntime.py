"""The command line against ONNX Runtime on ten seconds of guitar; and against itself at every block size, bit by bit."""

import common
import numpy as np
from offline import Offline

BLOCKS = ("1", "7", "64", "480", "1024", "random:1", "random:2")

# Times max(1, peak). Recurrent layers feed rounding back.
TOLERANCE = 1e-5
RECURRENT_TOLERANCE = 1e-4


def knob_inputs(about, model, frames):
    """Default values of the knobs, as ONNX Runtime is fed them: by input name; and those that are channels of the audio."""
    by_input, channels = {}, {}
    for knob in about["knobs"]:
        if knob["input"] == model.audio.name:
            channels[knob["index"]] = knob["default"]
        else:
            by_input.setdefault(knob["input"], {})[knob["index"]] = knob["default"]
    return {name: [values[index] for index in sorted(values)] for name, values in by_input.items()}, channels


def is_one_run(about):
    """Whether one run over the whole signal says what is to be heard: not with an oscillator or with what is fed back, which the player adds."""
    return not any(port["role"] in ("phase", "feedback") for port in about["inputs"])


def run_offline(path, about, audio):
    """ONNX Runtime's samples, `[frames]`."""
    model = Offline(path)
    model.knobs, channels = knob_inputs(about, model, len(audio))
    if not channels:
        return model.run(audio)
    # Knobs beside the audio, as constant channels of the last axis: [1, T, channels].
    wide = np.empty((1, len(audio), 1 + len(channels)), dtype=np.float32)
    audio_channel = next(index for index in range(wide.shape[2]) if index not in channels)
    wide[0, :, audio_channel] = audio
    for index, value in channels.items():
        wide[0, :, index] = value
    feed = {model.audio.name: wide}
    for value in model.inputs:
        if value.name != model.audio.name:
            size = [s if isinstance(s, int) else 1 for s in value.shape]
            feed[value.name] = np.zeros(size, dtype=np.float32)
    return np.asarray(model.session.run(None, feed)[0]).reshape(-1)


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    models = [common.ROOT / "models/shipped" / f"{name}.onnx" for name in common.shipped()]
    models.append(common.ROOT / "benches/models/lstm40.onnx")
    if args.data is not None:
        models += [args.data / "onnx/steerable-nafx-libtorch-dynamic.onnx", args.data / "onnx/steerable-nafx-2_blocks-libtorch-dynamic.onnx"]
        zoo = args.data / "export-zoo"
        kinds = ("tcn", "lstm", "gru")
        models += sorted(path for path in zoo.glob("*.onnx") if path.name.startswith(kinds) and Offline(path).is_dynamic())
    else:
        print("skipped: the third-party models (set TONEGRAFT_TEST_DATA)")
    audio = common.guitar(args, 10.0)
    short = audio[:, :96_000]
    for path in models:
        about = cli.inspect(path)
        operators = set(about["operators"])
        tolerance = RECURRENT_TOLERANCE if operators & {"LSTM", "GRU", "RNN"} else TOLERANCE
        got = cli.render(path, audio, 48_000, "--start", "zero")[0]
        if is_one_run(about):
            wanted = run_offline(path, about, audio[0])
            # An unpadded network gives nothing before its receptive field; there the stream starts from silence.
            first = len(audio[0]) - np.count_nonzero(wanted) if wanted[0] == 0.0 else 0
            first = max(first, 0) if first < len(wanted) else 0
            peak = max(1.0, float(np.abs(wanted).max()))
            worst = float(np.abs(got[first:] - wanted[first:]).max())
            checks.that(worst <= tolerance * peak, f"{path.name}: {worst:.2e} from ONNX Runtime, peak {np.abs(wanted).max():.2f}, from frame {first}")
        checks.that(float(np.abs(got).max()) > 1e-4, f"{path.name}: there is sound")
        reference = cli.render(path, short, 48_000, "--start", "zero", "--block", "512")
        different = [
            block for block in BLOCKS if not np.array_equal(cli.render(path, short, 48_000, "--start", "zero", "--block", block), reference)
        ]
        checks.that(not different, f"{path.name}: blocks {', '.join(BLOCKS)} give the same bits" + (f", but not {different}" if different else ""))
    checks.finish()


if __name__ == "__main__":
    main()
