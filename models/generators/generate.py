#!/usr/bin/env python3
"""Makes models/fixtures: NAME.onnx, NAME.npz (in_<input>, out_<output>, by ONNX Runtime) and manifest.json.

    python3 -m venv .venv-fixtures
    .venv-fixtures/bin/pip install -r models/generators/requirements.txt
    .venv-fixtures/bin/python models/generators/generate.py

Everything is seeded by the fixture's name: a second run writes the same models and inputs.
"""

import json
import pathlib
import sys
import zlib

import numpy as np
import onnxruntime as ort

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import convolutional
import sequential
from build import Model

FRAMES = 192
FOLDER = pathlib.Path(__file__).resolve().parent.parent / "fixtures"
LIMIT = 1_500_000

CONVOLUTION = (2e-6, "single-precision sums in another order than ONNX Runtime's; values below 4")
RECURRENCE = (5e-6, "rounding of one frame feeds the next through the state")


def audio(random, shape):
    """Noise with a level that rises and falls, and silence at the start of a part."""
    frames = max(shape)
    time = np.arange(frames) / frames
    level = 0.8 * np.abs(np.sin(2 * np.pi * 1.5 * time)) * (time > 0.02)
    samples = random.uniform(-1, 1, shape) * level.reshape([-1 if size == frames else 1 for size in shape])
    return samples.astype(np.float32)


def feed(model, name):
    random = np.random.default_rng(zlib.crc32(name.encode()) ^ 0x5EED)
    values = {}
    for info in model.graph.input:
        shape = [d.dim_value or FRAMES for d in info.type.tensor_type.shape.dim]
        if name == "conv_transpose_grouped":
            shape[-1] = 40
        if info.name == "input":
            values[info.name] = audio(random, shape)
        elif info.name == "knobs":
            values[info.name] = random.uniform(0.1, 0.9, shape).astype(np.float32)
        else:
            values[info.name] = random.uniform(-0.5, 0.5, shape).astype(np.float32)
    return values


def run(model, values):
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, values)))


def main():
    FOLDER.mkdir(exist_ok=True)
    for old in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.npz")]:
        old.unlink()
    manifest = []
    groups = ((convolutional.ALL, CONVOLUTION), (sequential.ALL, RECURRENCE))
    for fixtures, (tolerance, reason) in groups:
        for name, build in fixtures.items():
            builder = Model(name)
            build(builder)
            model = builder.proto()
            values = feed(model, name)
            results = run(model, values)
            assert all(np.isfinite(result).all() for result in results.values()), name
            assert any(np.abs(result).max() > 0.05 for result in results.values()), f"{name} is silent"
            (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString())
            arrays = {f"in_{k}": v for k, v in values.items()} | {f"out_{k}": v for k, v in results.items()}
            np.savez(FOLDER / f"{name}.npz", **arrays)
            manifest.append({
                "name": name,
                "about": " ".join((build.__doc__ or name.replace("_", " ")).split()),
                "inputs": {k: list(v.shape) for k, v in values.items()},
                "outputs": {k: list(v.shape) for k, v in results.items()},
                "static": all(d.dim_value for i in model.graph.input for d in i.type.tensor_type.shape.dim),
                "tolerance": tolerance,
                "reason": reason,
            })
            print(f"{name}: {', '.join(f'{k} {list(v.shape)}' for k, v in results.items())}")
    text = {
        "made_by": "models/generators/generate.py",
        "licence": "MIT OR Apache-2.0",
        "reference": f"onnxruntime {ort.__version__}, CPU, no optimisation",
        "tolerance_is": "largest absolute difference, times max(1, peak of the reference)",
        "fixtures": manifest,
    }
    (FOLDER / "manifest.json").write_text(json.dumps(text, indent=1) + "\n")
    size = sum(path.stat().st_size for path in FOLDER.iterdir())
    assert size < LIMIT, size
    print(f"{len(manifest)} fixtures, {size} bytes")


if __name__ == "__main__":
    main()
