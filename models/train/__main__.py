"""The one command, ``models/train/run``.

``run NAME`` makes a shipped model, its figures and its card; ``run NAME --seed N`` adds another
seed's figures to it; ``run baselines NAME`` trains others' networks on the same data, grey-box
effects included, ``run mulaw NAME`` the one with classes for samples; ``run report`` writes
``models/REPORT.md``; ``run rates`` plays all at 44.1 kHz for it; ``run process`` plays dry audio
through a plugin, with checks; ``run own --dry DRY.wav --wet WET.wav --name NAME`` makes a model of
a recording of yours.
"""

import argparse
import os
import sys
from pathlib import Path

from . import report
from .greybox import EFFECTS
from .recipes import RECIPES

_MODELS = Path(__file__).resolve().parent.parent
_ROOT = _MODELS.parent


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="models/train/run",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    others = ["baselines", "mulaw", "report", "rates", "own", "process"]
    parser.add_argument("name", choices=[*sorted(RECIPES | EFFECTS), *others])
    of_which = "baselines: of which model; mulaw: of which learned one (both: distortion)"
    parser.add_argument("of", nargs="?", choices=sorted(RECIPES | EFFECTS), help=of_which)
    default = os.environ.get("TONEGRAFT_TEST_DATA") or _ROOT.parent / "shared" / "data"
    parser.add_argument(
        "--audio",
        type=Path,
        default=Path(default) / "audio",
        help="folder with the recordings that train/dataset.py names",
    )
    parser.add_argument(
        "--extra",
        type=Path,
        default=_ROOT / "training_audio",
        help="folder whose every audio file is added to the training split",
    )
    parser.add_argument("--out", type=Path, default=_MODELS / "shipped", help="where results go")
    parser.add_argument(
        "--work", type=Path, default=_MODELS / "train" / "work", help="where checkpoints go"
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 …")
    parser.add_argument("--devices", type=int, default=1, help="train on so many (Lightning)")
    parser.add_argument("--nodes", type=int, default=1, help="on each of so many machines")
    parser.add_argument("--seed", type=int, help="train with another seed, for the spread")
    parser.add_argument("--tonegraft", type=Path, help="the tonegraft command, if it is not found")
    args = parser.parse_args(given)
    if min(args.devices, args.nodes) < 1:
        parser.error("--devices and --nodes are at least 1")
    network = args.name in RECIPES and not RECIPES[args.name].times
    if (args.devices, args.nodes) != (1, 1) and not network:
        raise SystemExit(
            f"{args.name} takes one core, for seconds to minutes: --devices and --nodes are for "
            "the training of a network, as `own` does it."
        )
    return args


def main() -> None:
    """Does what the command line says."""
    given = sys.argv[1:]
    if given[:1] == ["own"]:
        from . import own

        own.main(given[1:])
        return
    if given[:1] == ["process"]:
        from . import process

        process.main(given[1:])
        return
    args = _arguments(given)
    if args.tonegraft:
        # Where all that plays a model looks first.
        os.environ["TONEGRAFT"] = str(args.tonegraft)
    if args.name == "rates":
        from . import rates
        from .greybox.play import engine

        print(f"Wrote {rates.write(args.out, args.audio, engine())}")
        return
    if args.name == "report":
        from .make import find_tonegraft

        print(f"Wrote {report.write(args.out, tonegraft=find_tonegraft())}")
        return
    if args.name in EFFECTS:
        # Grey-box effects need no torch.
        from .greybox.make import make as make_effect

        args.out.mkdir(parents=True, exist_ok=True)
        figures = make_effect(EFFECTS[args.name], args.audio, args.out)
        for bar in figures["report"]["bars"]:
            print(f"{args.name}: {bar['measure']} {bar['worst']:.3g} (bar {bar['limit']:g})")
        return
    if args.name == "baselines" and args.of in EFFECTS:
        from .greybox.baselines import compare

        compare(EFFECTS[args.of], args.audio, args.out)
        return
    if args.name == "mulaw" and args.of in EFFECTS:
        raise SystemExit(f"mulaw is for learned models; {args.of} is fitted.")
    from .make import Places, find_tonegraft, make

    places = Places(
        args.audio, args.extra, args.out, args.work, args.device,
        find_tonegraft(), args.devices, args.nodes,
    )
    if args.name == "baselines":
        from .baselines import compare

        compare(args.of or "distortion", places)
    elif args.name == "mulaw":
        from .mulaw import compare

        compare(args.of or "distortion", places)
    else:
        make(args.name, places, args.seed)


if __name__ == "__main__":
    main()
