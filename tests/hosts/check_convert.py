"""`tonegraft convert`: what it writes is valid ONNX, and ONNX Runtime plays it as the command line plays the original."""

import check_onnxruntime
import common
import numpy as np
from offline import Offline

try:
    import onnx
except ImportError:
    onnx = None


# Times max(1, peak). Two single-precision runtimes through twenty layers.
TOLERANCE = 2e-5


def whole(model, audio):
    """ONNX Runtime's samples on a mono track, `[frames]`: two channels out are averaged, as the command line does."""
    channels = model.session.get_outputs()[0].shape[1]
    if channels != 2:
        return model.run(audio)
    out = model.session.run(None, {model.audio.name: audio.astype(np.float32).reshape(1, 1, -1)})[0]
    return out.mean(axis=1).reshape(-1)


def main():
    args = common.arguments()
    cli, checks = common.Cli(args), common.Checks()
    fixtures = common.ROOT / "models/fixtures"
    models = sorted(path for path in (fixtures / "json").iterdir() if path.suffix in (".json", ".aidax") and path.stem != "manifest")
    models += sorted((fixtures / "nam").glob("*.nam"))
    models += [common.ROOT / "models/shipped" / f"{name}.onnx" for name in common.shipped()]
    if args.data is not None:
        # The RTNeural file whose layers do not fit each other is refused.
        models += sorted(path for path in (args.data / "json").glob("*.json") if "bad" not in path.name)
        models += sorted((args.data / "nam").glob("*.nam"))
    else:
        print("skipped: the third-party models (set TONEGRAFT_TEST_DATA)")
    if onnx is None:
        print("skipped: onnx.checker (the package `onnx` is not installed)")
    audio = common.guitar(args, 0.5)
    for path in models:
        target = args.out / "converted.onnx"
        cli.run("convert", path, target, "--force")
        if onnx is not None:
            onnx.checker.check_model(str(target), full_check=True)
        about = cli.inspect(target)
        rate = about["sample_rate"] or 48_000
        tolerance = check_onnxruntime.RECURRENT_TOLERANCE if set(about["operators"]) & {"LSTM", "GRU", "RNN"} else TOLERANCE
        original = cli.render(path, audio, rate, "--start", "zero")[0]
        converted = cli.render(target, audio, rate, "--start", "zero")[0]
        checks.that(np.array_equal(original, converted), f"{path.name}: converted, it plays the same bits")
        if not check_onnxruntime.is_one_run(about):
            continue
        model = Offline(target)
        knobs = {}
        for knob in about["knobs"]:
            knobs.setdefault(knob["input"], {})[knob["index"]] = knob["default"]
        model.knobs = {name: [values[index] for index in sorted(values)] for name, values in knobs.items()}
        wanted = whole(model, audio[0])
        first = len(wanted) - np.count_nonzero(wanted) if wanted[0] == 0.0 else 0
        peak = max(1.0, float(np.abs(wanted).max()))
        worst = float(np.abs(original[first:] - wanted[first:]).max())
        checks.that(worst <= tolerance * peak, f"{path.name}: {worst:.2e} from ONNX Runtime, peak {np.abs(wanted).max():.2f}, from frame {first}")
    checks.finish()


if __name__ == "__main__":
    main()
