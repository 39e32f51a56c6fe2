"""Plays a finished file: with the engine's command line, and with ONNX Runtime as another opinion.

The engine is the program ``tonegraft``: the one in the variable ``TONEGRAFT``, in the checkout's
``target`` folders, or on the path.
"""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import soundfile

from .effect import Settings
from .graph import RATE

_ROOT = Path(__file__).resolve().parents[3]


def engine() -> Path:
    """The program. Raises ``SystemExit`` with a sentence if there is none."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", _ROOT / "target"))
    candidates = [os.environ.get("TONEGRAFT"), shutil.which("tonegraft")]
    candidates += [target / "release" / "tonegraft", target / "rt-check" / "tonegraft"]
    for candidate in candidates:
        if candidate and Path(candidate).is_file():
            return Path(candidate)
    raise SystemExit(
        "The command line that plays the models was not found: build it with "
        "`cargo build --release -p tonegraft`, or name it in the variable TONEGRAFT."
    )


class Engine:
    """Plays the file at ``path`` as the plugin does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._program = engine()
        keys = {p.key: p.value for p in onnx.load(path).metadata_props}
        self.knobs = [knob["name"] for knob in json.loads(keys["tonegraft.knobs"])]

    def __call__(self, x: np.ndarray, settings: Settings) -> np.ndarray:
        """``x [n]`` to ``[n]``, or ``[2, n]`` to ``[2, n]``."""
        with tempfile.TemporaryDirectory() as folder:
            source, result = Path(folder) / "in.wav", Path(folder) / "out.wav"
            soundfile.write(source, x.T.astype(np.float32), RATE, subtype="FLOAT")
            command = [self._program, "render", "--model", self._path, source, result]
            # By number, since a name like Mix is also one of the chain around the model.
            for number, name in enumerate(self.knobs, start=1):
                command += ["--param", f"knob {number}={float(settings[name])!r}"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr.strip())
            return soundfile.read(result, dtype="float64")[0].T

    def facts(self) -> dict:
        """What ``tonegraft inspect --json`` says."""
        command = [self._program, "inspect", "--json", self._path]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return json.loads(done.stdout)


class Runtime:
    """Plays the file with ONNX Runtime, in runs as long as the shortest feedback allows.

    Each run sees ``reach`` frames before its own, so that nothing has to be kept but the sends.
    """

    def __init__(self, path: Path, reach: int) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        keys = {p.key.removeprefix("tonegraft."): p.value for p in onnx.load(path).metadata_props}
        self._feedback = json.loads(keys.get("feedback", "{}"))
        self._knobs = json.loads(keys["knobs"])
        self._reach = reach

    def __call__(self, x: np.ndarray, settings: Settings) -> np.ndarray:
        """``x [n]`` to ``[n]``, or ``[2, n]`` to ``[2, n]``: as many channels as the graph has."""
        n = x.shape[-1]
        audio = np.atleast_2d(x).astype(np.float32)[None]
        feeds: dict[str, np.ndarray] = {}
        columns = [k for k in self._knobs if k["input"] == "knobs"]
        if columns:
            values = [settings[k["name"]] for k in sorted(columns, key=lambda k: k["index"])]
            feeds["knobs"] = np.array([values], np.float32)
        moving = {"audio": audio}
        for knob in self._knobs:
            if knob["input"] == "phase":
                turns = np.arange(n) * settings[knob["name"]] / RATE % 1.0
                moving["phase"] = turns.astype(np.float32)[None, None]
        shapes = {value.name: value.shape for value in self._session.get_inputs()}
        for name in self._feedback:
            moving[name] = np.zeros((1, shapes[name][1], n), np.float32)
        step = min((int(f["delay"]) for f in self._feedback.values()), default=1 << 14)
        sends = [str(f["output"]) for f in self._feedback.values()]
        out = np.empty(audio.shape[1:])
        for a in range(0, n, step):
            b = min(a + step, n)
            first = max(0, a - self._reach)
            window = {k: v[:, :, first:b] for k, v in moving.items()}
            results = self._session.run(["output", *sends], feeds | window)
            out[:, a:b] = results[0][0, :, a - b :]
            for name, result in zip(self._feedback, results[1:], strict=True):
                later = int(self._feedback[name]["delay"])
                end = min(b + later, n)
                if a + later < n:
                    made = result[0, :, a - b :]
                    moving[name][0, :, a + later : end] = made[:, : end - a - later]
        return out.reshape(x.shape)
