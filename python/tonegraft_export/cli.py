"""The command line: ``check``, ``describe``, ``annotate``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import onnx

from .metadata import Knob, Metadata, MetadataError, annotate, dims, graph_inputs, read
from .renderer import read_wav

if TYPE_CHECKING:
    from torch import nn

_PLAIN: tuple[str, ...] = ("name", "kind", "category", "audio_input", "audio_output")
_PLAIN += ("author", "licence", "description")
_WHOLE = ("sample_rate", "declared_delay", "block_size", "seed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command; gives the exit code."""
    args = _parser().parse_args(arguments)
    try:
        return int(args.run(args))
    except (
        ImportError,
        MetadataError,
        OSError,
        RuntimeError,
        ValueError,
        onnx.checker.ValidationError,
    ) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def knob(text: str) -> Knob:
    """``NAME[,FIELD=VALUE…]`` to a knob: ``Drive,input=knobs,index=0,min=0,max=10,unit=dB``."""
    name, *rest = text.split(",")
    fields: dict[str, Any] = {}
    for item in rest:
        key, equals, value = item.partition("=")
        key = key.strip()
        try:
            if not equals:
                raise KeyError
            kinds = {"input": str, "unit": str, "scale": str, "sync": str, "index": int}
            kinds |= dict.fromkeys(("min", "max", "default"), float)
            fields[key] = kinds[key](value.strip())
        except (KeyError, ValueError):
            raise argparse.ArgumentTypeError(
                f"{item!r} in {text!r}: write NAME,input=…,index=…,min=…,max=…,default=…,unit=…,scale=…,sync=…"
            ) from None
    try:
        return Knob(name.strip(), **fields)
    except MetadataError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def pair(text: str) -> tuple[str, str]:
    """``A=B``."""
    left, equals, right = text.partition("=")
    if not (left and equals and right):
        raise argparse.ArgumentTypeError(f"{text!r}: write LEFT=RIGHT")
    return left, right


def load_module(text: str, weights: str | None = None) -> nn.Module:
    """``FILE.py:NAME`` or ``PACKAGE.MODULE:NAME``; a class or function is called without arguments.

    ``weights`` is a file that ``torch.load`` reads: a state dict.
    """
    import torch

    place, _, name = text.rpartition(":")
    if not place:
        raise ValueError(f"{text!r}: write FILE.py:NAME")
    if place.endswith(".py"):
        path = Path(place).resolve()
        spec = importlib.util.spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None or not path.is_file():
            raise ValueError(f"{place} cannot be loaded")
        source = importlib.util.module_from_spec(spec)
        sys.modules.setdefault(path.stem, source)
        sys.path.insert(0, str(path.parent))
        try:
            spec.loader.exec_module(source)
        finally:
            sys.path.remove(str(path.parent))
    else:
        source = importlib.import_module(place)
    if not hasattr(source, name):
        raise ValueError(f"{place} has no {name}")
    found = getattr(source, name)
    module = found if isinstance(found, torch.nn.Module) else found()
    if not isinstance(module, torch.nn.Module):
        raise ValueError(f"{text} is no torch.nn.Module")
    if weights is not None:
        state = torch.load(weights, map_location="cpu", weights_only=True)
        module.load_state_dict(state.get("state_dict", state))
    return module


def _check(args: argparse.Namespace) -> int:
    from .checking import CheckError, check

    module = load_module(args.module, args.weights)
    audio, rate = read_wav(args.audio) if args.audio else (None, None)
    options: dict[str, Any] = {"blocks": args.block} if args.block else {}
    try:
        report = check(
            module,
            args.model,
            audio,
            {name: float(value) for name, value in args.knob},
            sample_rate=rate,
            renderer=args.renderer,
            tolerance=args.tolerance,
            **options,
        )
    except CheckError as error:
        report = error.report
    print(json.dumps(report.to_json(), indent=2) if args.json else report)
    return 0 if report.ok else 1


def _describe(args: argparse.Namespace) -> int:
    model = onnx.load(args.model, load_external_data=False)
    declared = read(args.model)
    declared.check_against(model)
    operators = Counter(node.op_type for node in model.graph.node)
    described = {
        "file": str(args.model),
        "producer": f"{model.producer_name} {model.producer_version}".strip(),
        "opset": {entry.domain or "ai.onnx": entry.version for entry in model.opset_import},
        "inputs": {value.name: dims(value) for value in graph_inputs(model)},
        "outputs": {value.name: dims(value) for value in model.graph.output},
        "weights": sum(_size(tensor) for tensor in model.graph.initializer),
        "operators": dict(operators.most_common()),
        "declared": {key: value for key, value in declared.to_json().items() if key != "version"},
    }
    if args.json:
        print(json.dumps(described, indent=2, ensure_ascii=False))
        return 0
    for key, value in described.items():
        if isinstance(value, dict):
            print(f"{key}{'' if value else ': none'}")
            for name, item in value.items():
                print(f"  {name:<16} {item if isinstance(item, str) else json.dumps(item)}")
        else:
            print(f"{key:<18} {value}")
    return 0


def _annotate(args: argparse.Namespace) -> int:
    changes: dict[str, Any] = {
        key: getattr(args, key)
        for key in (*_PLAIN, *_WHOLE, "training_esr", "stft", "phase_input")
        if getattr(args, key) is not None
    }
    if args.knob:
        changes["knobs"] = tuple(args.knob)
    if args.state:
        changes["states"] = dict(args.state)
    if args.meter:
        changes["meters"] = tuple(args.meter)
    if args.frame:
        changes["frame"] = tuple(args.frame)
    start = Metadata() if args.fresh else read(args.model)
    if not changes and not args.fresh:
        raise ValueError("nothing to write: give --name, --knob, …")
    written = annotate(
        args.model, replace(start, **changes), output=args.output, sidecar=args.sidecar
    )
    print(written)
    return 0


def _size(tensor: onnx.TensorProto) -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tonegraft-export",
        description="Metadata of ONNX files for Tonegraft, and the check against PyTorch.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    check = commands.add_parser("check", help="compare the streamed file with the PyTorch module")
    check.add_argument("model", type=Path)
    check.add_argument("--module", required=True, metavar="FILE.py:NAME")
    check.add_argument("--weights", metavar="FILE", help="a state dict for the module")
    check.add_argument("--audio", metavar="WAV", help="by default a test signal")
    check.add_argument("--knob", type=pair, action="append", default=[], metavar="NAME=VALUE")
    check.add_argument("--block", action="append", metavar="N|random:SEED")
    check.add_argument("--tolerance", type=float, help="largest difference over the peak")
    check.add_argument("--renderer", metavar="PATH", help="the program `tonegraft`")
    check.add_argument("--json", action="store_true")
    check.set_defaults(run=_check)

    describe = commands.add_parser("describe", help="what a file is and declares")
    describe.add_argument("model", type=Path)
    describe.add_argument("--json", action="store_true")
    describe.set_defaults(run=_describe)

    change = commands.add_parser("annotate", help="add metadata to a file (without torch)")
    change.add_argument("model", type=Path)
    change.add_argument("--output", type=Path, help="another file rather than the same")
    change.add_argument("--sidecar", action="store_true", help="beside the file, not into it")
    change.add_argument("--fresh", action="store_true", help="drop what was declared before")
    for key in _PLAIN:
        change.add_argument("--" + key.replace("_", "-"))
    for key in _WHOLE:
        change.add_argument("--" + key.replace("_", "-"), type=int)
    change.add_argument("--training-esr", type=float)
    change.add_argument(
        "--knob", type=knob, action="append", metavar="NAME,input=…,index=…,min=…,max=…,…"
    )
    change.add_argument("--state", type=pair, action="append", metavar="INPUT=OUTPUT")
    change.add_argument("--meter", action="append", metavar="OUTPUT")
    change.add_argument("--frame", type=int, nargs=2, metavar=("SIZE", "HOP"))
    change.add_argument("--stft", type=_object, metavar="JSON")
    change.add_argument("--phase-input", type=_object, metavar="JSON")
    change.set_defaults(run=_annotate)
    return parser
