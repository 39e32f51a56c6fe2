"""The one command: ``python -m train NAME`` makes ``NAME.onnx``, its figures and its card."""

import argparse
import json
import os
from pathlib import Path

from .greybox import EFFECTS
from .greybox.make import make
from .recipes import RECIPES

_MODELS = Path(__file__).resolve().parent.parent
_ROOT = _MODELS.parent


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="models/train/run", description=__doc__)
    parser.add_argument("name", choices=sorted(RECIPES | EFFECTS), help="which model to make")
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
    return parser.parse_args()


def main() -> None:
    """Makes what was named."""
    args = _arguments()
    args.out.mkdir(parents=True, exist_ok=True)
    if args.name in EFFECTS:
        figures = make(EFFECTS[args.name], args.audio, args.out)
        for bar in figures["report"]["bars"]:
            print(f"{args.name}: {bar['measure']} {bar['worst']:.3g} (bar {bar['limit']:g})")
    else:
        _learn(args)


def _learn(args: argparse.Namespace) -> None:
    """Checks the circuits, trains, exports, judges, writes the card."""
    # Here, since grey-box effects need no torch.
    from . import check
    from .card import write_card
    from .dataset import load
    from .evaluate import evaluate
    from .export import Player, export, write_metadata
    from .fit import fit

    recipe = RECIPES[args.name]
    args.work.mkdir(parents=True, exist_ok=True)
    check.main()
    material = load(recipe, args.audio, args.extra)
    if material.missing:
        print(
            f"Missing {', '.join(material.missing)}: give their folder with --audio; without them "
            "the model is made from less material and its figures are not those of the card."
        )
    net, progress = fit(recipe, material, args.work)
    path = args.out / f"{recipe.name}.onnx"
    difference = export(net, recipe, path, float("nan"))
    figures = evaluate(recipe, Player(path), material.test)
    write_metadata(path, recipe, figures["overall"]["esr"])
    figures["validation"] = progress.history
    figures["training"] = {
        "updates": progress.update,
        "cpu_seconds": round(progress.cpu_seconds, 1),
        "seconds_of_audio": round(len(material.train.x) / 48_000, 1),
        "weights": sum(p.numel() for p in net.parameters()),
        "onnxruntime_difference": difference,
        "missing_files": material.missing,
        "extra_files": material.extra,
    }
    (args.out / f"{recipe.name}.json").write_text(json.dumps(figures, indent=1) + "\n")
    write_card(args.out / f"{recipe.name}.md", recipe, figures)
    print(f"{path.name}: held-out ESR {figures['overall']['esr']:.4f}")


if __name__ == "__main__":
    main()
