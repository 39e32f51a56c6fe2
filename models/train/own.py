"""``models/train/run own --dry DRY.wav --wet WET.wav --name NAME``: a model of your own device.

The recording is checked and aligned (``recording.py``), split by time into training, validation and
test, learned by the network of the shipped models without a front, exported and judged.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from . import loudness
from .dataset import Clip, Material
from .devices import team
from .export import Player, core_nodes, front_nodes
from .fit import fit
from .front import plain
from .graph import Graph
from .metrics import decibels, esr, linear_fir, scaled_dry, worst_second
from .network import Core
from .recipes import RECIPES, Recipe
from .recording import BadRecording, Pair, load

HELD_OUT, VALIDATION = 0.15, 0.10


def _recipe(name: str, updates: int, hidden: int, seed: int, category: str) -> Recipe:
    return replace(
        RECIPES["overdrive"],
        name=name,
        title=name,
        category=category,
        description="",
        knob=False,
        linear=True,
        hidden=hidden,
        updates=updates,
        seed=seed,
        average=0.998,
        chunk=512,
        enough=0.0,
        times=0,
        tried=(),
    )


def _material(pair: Pair) -> tuple[Material, tuple[np.ndarray, np.ndarray]]:
    """Split by time: the end is for the test, what stands before it for validation."""
    n = len(pair.dry)
    a, b = int(n * (1 - HELD_OUT - VALIDATION)), int(n * (1 - HELD_OUT))

    def clip(name: str, cut: slice) -> Clip:
        x = pair.dry[cut]
        return Clip(name, x, np.zeros(len(x)), pair.wet[cut])

    material = Material(
        clip("training", slice(0, a)), [clip("validation", slice(a, b))], {}, [], []
    )
    return material, (pair.dry[b:], pair.wet[b:])


def _keys(recipe: Recipe, pair: Pair, figures: dict[str, float], author: str) -> dict[str, str]:
    keys = {
        "version": "1",
        "name": recipe.title,
        "kind": "effect",
        "category": recipe.category,
        "sample_rate": str(pair.rate),
        "audio_input": "audio",
        "audio_output": "output",
        "author": author,
        "training_latency": str(pair.delay),
    }
    keys |= {name: f"{value:.5g}" for name, value in figures.items()}
    return {f"tonegraft.{name}": value for name, value in keys.items() if value}


def _save(
    net: Core, recipe: Recipe, pair: Pair, path: Path, figures: dict[str, float], author: str
) -> None:
    g = Graph(recipe.name)
    audio = g.input("audio", [1, 1, "T"])
    features = front_nodes(g, plain(), audio, None)
    y = g.scale(core_nodes(g, net, features, None), float(net.output))
    g.save(path, y, _keys(recipe, pair, figures, author))


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="models/train/run own", description=__doc__.replace("``", "")
    )
    parser.add_argument("--dry", type=Path, required=True, help="what went into the device")
    parser.add_argument("--wet", type=Path, required=True, help="what came out of it")
    parser.add_argument("--name", required=True, help="the model's name; also the file's")
    parser.add_argument("--out", type=Path, default=Path(), help="folder of the model (here)")
    parser.add_argument("--updates", type=int, default=12_000, help="length of the training")
    parser.add_argument("--hidden", type=int, default=24, help="cells of the network, 8 to 64")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 …")
    parser.add_argument("--devices", type=int, default=1, help="train on so many (Lightning)")
    parser.add_argument("--nodes", type=int, default=1, help="on each of so many machines")
    parser.add_argument("--category", default="own", help="overdrive, fuzz, amp, compressor …")
    parser.add_argument("--author", default="", help="your name, for the file")
    parser.add_argument("--sure", action="store_true", help="train in spite of doubts")
    parser.add_argument("--check", action="store_true", help="check the recording, do not train")
    args = parser.parse_args(given)
    if not 8 <= args.hidden <= 64:
        parser.error("--hidden goes from 8 to 64")
    if args.updates < 100:
        parser.error("--updates is at least 100")
    if min(args.devices, args.nodes) < 1:
        parser.error("--devices and --nodes are at least 1")
    if not args.name.strip() or any(c in args.name for c in '/\\:*?"<>|'):
        parser.error("--name becomes a file's name: without / \\ : * ? \" < > |")
    return args


def main(given: list[str]) -> None:
    """Checks, trains, writes the file and says how good it is."""
    from .make import MODELS

    args = _arguments(given)
    processes = team(args.device, args.devices, args.nodes)
    try:
        pair = load(args.dry, args.wet, args.sure)
    except BadRecording as error:
        raise SystemExit(f"Not trained. {error}" if processes.first else 1) from error
    seconds = len(pair.dry) / pair.rate
    share = 100 * (1 - HELD_OUT - VALIDATION)
    print(f"{seconds:.1f} s at {pair.rate} Hz; the first {share:.0f} % train.")
    for note in pair.notes:
        print(f"  {note}")
    if args.check:
        return
    processes.launch()
    work = MODELS / "train" / "work"
    work.mkdir(parents=True, exist_ok=True)
    args.out.mkdir(parents=True, exist_ok=True)
    recipe = _recipe(args.name, args.updates, args.hidden, args.seed, args.category)
    material, (x, y) = _material(pair)
    net, progress = fit(recipe, material, plain(), work, processes)
    if not processes.first:
        return
    path = args.out / f"{args.name}.onnx"
    _save(net, recipe, pair, path, {}, args.author)
    play = Player(path)
    # The test begins where the validation ended: a second of run-in.
    run_in = pair.rate
    before = pair.dry[len(pair.dry) - len(x) - run_in : len(pair.dry) - len(x)]
    p = play(np.concatenate([before, x]), {})[run_in:]
    error = esr(y, p)
    level = loudness.measure(lambda s: play(s, {}))
    _save(
        net, recipe, pair, path, {"training_esr": error, "loudness": level}, args.author
    )
    idle = decibels(np.max(np.abs(play(np.zeros(pair.rate), {}))))
    print(
        f"{path}: ESR {error:.4f} on the last {len(x) / pair.rate:.1f} s, which it never saw "
        f"(worst second {worst_second(y, p, pair.rate):.4f}; the dry signal, scaled: "
        f"{scaled_dry(x, y):.3f}; the best linear filter of 256 taps: {linear_fir(x, y):.3f}). "
        f"Silence in: {'digital silence' if idle <= -199 else f'{idle:.0f} dBFS'} out. "
        f"{progress.update} updates, {progress.cpu_seconds:.0f} CPU-seconds."
    )
    print(
        "Below 0.01 is very good, below 0.05 usable; above that look at the recording, or at "
        "--updates and --hidden. Drop the file on the plugin, or put it in its folder of models."
    )
