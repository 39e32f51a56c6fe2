"""From a recipe to a shipped model: checks, data, training, export, judgement, card."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from . import check, figures
from .card import write_card
from .dataset import Material, load
from .devices import Alone, team
from .evaluate import after_silence, evaluate, real_playing, sweep, worst_and_median
from .export import Player, Whole, export, tone_bank
from .fit import fit
from .front import front
from .greybox.graph import set_keys
from .recipes import RECIPES, Recipe
from .stages.make import Played, StagedModel

MODELS = Path(__file__).resolve().parent.parent
ROOT = MODELS.parent


@dataclass(frozen=True)
class Places:
    """Folders and tools that a run uses."""

    audio: Path
    extra: Path
    out: Path
    work: Path
    device: str = "cpu"
    tonegraft: Path | None = None
    devices: int = 1
    nodes: int = 1


def find_tonegraft() -> Path | None:
    """The command line: ``TONEGRAFT``, the build folder of this checkout, or the path."""
    named = os.environ.get("TONEGRAFT")
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    for path in (named, target / "release" / "tonegraft", target / "rt-check" / "tonegraft"):
        if path and Path(path).is_file():
            return Path(path)
    found = shutil.which("tonegraft")
    return Path(found) if found else None


@dataclass(frozen=True)
class Learned:
    """A trained model: what writes it, and what its figures say of the training."""

    export: Callable[[Path], float]
    history: list[dict[str, float]]
    training: dict


def _train(recipe: Recipe, places: Places, processes: Alone) -> tuple[Learned, Material]:
    with processes.first_before_others():
        material = load(recipe, places.audio, places.extra, places.work)
    if material.missing:
        print(
            f"Missing {', '.join(material.missing)}: give their folder with --audio; without them "
            "the model is made from less material and its figures are not those of the card."
        )
    if recipe.times:
        staged = StagedModel(recipe, material)
        return Learned(staged.export, staged.history, staged.training), material
    heard = front(recipe.core)
    net, progress = fit(recipe, material, heard, places.work, processes)
    whole = Whole(recipe, heard, net, tone_bank(recipe))
    training = {
        "updates": progress.update,
        "cpu_seconds": round(progress.cpu_seconds, 1),
        "seconds_of_audio": round(len(material.train.x) / 48_000, 1),
        "weights": sum(p.numel() for p in net.parameters()),
        "fixed_taps": int(whole.post.size + sum(t.taps.size for f in heard for t in f)),
    }
    return Learned(lambda path: export(whole, path, {}), progress.history, training), material


def _check(name: str, work: Path) -> None:
    """The circuit's checks, unless they were passed with the same sources."""
    digest = hashlib.sha256(name.encode())
    for source in (*sorted((MODELS / "train" / "circuits").glob("*.py")), Path(check.__file__)):
        digest.update(source.read_bytes())
    passed = work / f"checked-{name}-{digest.hexdigest()[:16]}"
    if not passed.is_file():
        check.main(name)
        passed.touch()


def _say(line: str) -> None:
    print(f"  {line}", flush=True)


def make(name: str, places: Places, seed: int | None = None) -> None:
    """Makes the model of that name. With a ``seed`` other than the recipe's, its figures join those
    of the shipped model as the spread, and the file stays in the working folder."""
    recipe = RECIPES[name]
    spread = seed is not None and seed != recipe.seed
    if spread:
        recipe = replace(recipe, seed=seed)
    processes = team(places.device, places.devices, places.nodes)
    if places.tonegraft is None:
        print(
            "No tonegraft command (cargo build --release -p tonegraft): judged by ONNX Runtime "
            "alone."
        )
    places.work.mkdir(parents=True, exist_ok=True)
    places.out.mkdir(parents=True, exist_ok=True)
    processes.launch()
    with processes.first_before_others():
        _check(recipe.name, places.work)
    learned, material = _train(recipe, places, processes)
    if not processes.first:
        return
    folder = places.work if spread else places.out
    path = folder / f"{recipe.file}.onnx"
    difference = learned.export(path)
    play = Played(path) if recipe.times else Player(path)
    shipped = places.out / f"{recipe.file}.json"
    before = json.loads(shipped.read_text()) if shipped.is_file() else {}
    if spread:
        swept = sweep(recipe, play, real_playing(material.test), places.work, _say)
        bar = worst_and_median(swept)
        own = str(RECIPES[name].seed)
        seeds = before.setdefault("seeds", {"worst": {}, "median": {}})
        for key in ("worst", "median"):
            if "report" in before:
                seeds[key].setdefault(own, before["report"]["bars"][0][key])
            seeds[key][str(seed)] = bar[key]
        shipped.write_text(json.dumps(before, indent=1) + "\n")
        write_card(shipped.with_suffix(".md"), recipe, before)
        print(f"seed {seed}: worst {bar['worst']:.5f}, median {bar['median']:.5f}")
        return
    told = evaluate(
        recipe, play, path, material.test, places.work, places.tonegraft, _say
    )
    bar = told["report"]["bars"][0]
    set_keys(
        path,
        {
            "training_esr": f"{told['overall']['esr']:.5g}",
            "loudness": f"{told['loudness_db']:.5g}",
        },
    )
    told["report"]["notes"] = list(recipe.notes)
    told["report"]["pipeline"] = "grey-box, learned" if recipe.times else "learned"
    told["validation"] = learned.history
    told["training"] = learned.training | {
        "seed": recipe.seed,
        "device": processes.name,
        "engine_difference" if recipe.times else "onnxruntime_difference": difference,
        "missing_files": material.missing,
        "extra_files": material.extra,
    }
    seeds = before.get("seeds", {"worst": {}, "median": {}})
    for key in ("worst", "median"):
        seeds[key][str(recipe.seed)] = bar[key]
    if len(seeds["worst"]) > 1:
        told["seeds"] = seeds
    if "more_baselines" in before:
        told["more_baselines"] = before["more_baselines"]
        told["report"]["baselines"] |= before["more_baselines"]
    shipped.write_text(json.dumps(told, indent=1) + "\n")
    write_card(places.out / f"{recipe.file}.md", recipe, told)
    _draw(recipe, play, material)
    verdict = "kept" if bar["worst"] <= bar["limit"] else "NOT KEPT: do not ship"
    print(
        f"{path.name}: worst {bar['worst']:.5f} and median {bar['median']:.5f} over the knobs; "
        f"the bar of {bar['limit']} is {verdict}"
    )


def _draw(recipe: Recipe, play: Player | Played, material: Material) -> None:
    real = [n for n in material.test if not n.startswith("synthetic")] or list(material.test)
    x = material.test[real[0]][: 8 * 48_000]
    knobs = {k: d for k, d in zip(recipe.circuit.knobs, recipe.defaults, strict=True) if k}
    y = recipe.circuit.render(x, *recipe.defaults)
    figures.draw(recipe.file, x, y, after_silence(play, x, knobs), 48_000)
