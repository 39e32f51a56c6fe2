#!/usr/bin/env python3
"""Makes models/fixtures/operators: NAME.onnx, NAME.npz (in_<input>, out_<output>, by ONNX Runtime) and manifest.json.

    python3 -m venv .venv-fixtures
    .venv-fixtures/bin/pip install -r models/generators/requirements.txt torch onnxscript
    .venv-fixtures/bin/python models/generators/generate_operators.py

These graphs are read and computed, not played. Everything is seeded by the fixture's name.
"""

import json
import pathlib
import sys
import warnings
import zlib

import numpy as np
import onnx
import onnxruntime as ort

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import loops
import operators
from build import Model
from generate import run

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures" / "operators"
LIMIT = 600_000
OPEN = 19


def values(model, name):
    random = np.random.default_rng(zlib.crc32(name.encode()) ^ 0x5EED)
    shapes = {i.name: [d.dim_value or OPEN for d in i.type.tensor_type.shape.dim] for i in model.graph.input}
    return {key: random.uniform(-1, 1, shape).astype(np.float32) for key, shape in shapes.items()}


def proto(name, build):
    builder = Model(name)
    builder.functions = []
    builder.opset = 17
    build(builder)
    graph = onnx.helper.make_graph(builder.nodes, name, builder.inputs, builder.outputs, builder.weights)
    opsets = [onnx.helper.make_opsetid("", builder.opset)]
    if builder.functions:
        opsets.append(onnx.helper.make_opsetid("here", 1))
    model = onnx.helper.make_model(graph, opset_imports=opsets, functions=builder.functions,
                                   producer_name="tonegraft-fixtures")
    model.ir_version = 10
    # The checker no longer takes the deprecated form of group normalisation, which files still have.
    if name != "group_norm_per_group":
        onnx.checker.check_model(model)
    return model


def main():
    warnings.filterwarnings("ignore")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.npz")]:
        old.unlink()
    models = {}
    for name, build in operators.ALL.items():
        model = proto(name, build)
        models[name] = (model, values(model, name), build.__doc__ or name.replace("_", " "))
    for name in loops.MODELS:
        for suffix, dynamo in (("dynamo", True), ("torchscript", False)):
            model, feed = loops.export(name, dynamo)
            about = f"{type(loops.MODELS[name]()).__doc__} By PyTorch's {suffix} exporter."
            models[f"{name}_{suffix}"] = (model, feed, about)
    manifest = []
    for name, (model, feed, about) in models.items():
        try:
            results = run(model, feed)
        except Exception as error:
            raise RuntimeError(f"{name} does not run: {error}") from None
        assert all(np.isfinite(result).all() for result in results.values()), name
        assert any(np.abs(result).max() > 0.05 for result in results.values()), f"{name} is silent"
        (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
        np.savez(FOLDER / f"{name}.npz", **{f"in_{k}": v for k, v in feed.items()},
                 **{f"out_{k}": v for k, v in results.items()})
        manifest.append({"name": name, "about": " ".join(about.split())})
    text = {
        "made_by": "models/generators/generate_operators.py",
        "licence": "MIT OR Apache-2.0",
        "reference": f"onnxruntime {ort.__version__}, CPU, no optimisation",
        "tolerance": 1e-5,
        "tolerance_is": "largest absolute difference, times max(1, peak of the reference)",
        "fixtures": manifest,
    }
    (FOLDER / "manifest.json").write_text(json.dumps(text, indent=1) + "\n")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert size < LIMIT, size
    print(f"{len(manifest)} fixtures, {size} bytes")


if __name__ == "__main__":
    main()
