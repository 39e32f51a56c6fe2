"""Every shipped model in a session of 44.1 kHz: ``models/train/run rates``.

The engine plays the first held-out recording at 44.1 kHz, converting to the model's rate and back,
and what comes out is held against the model's reference where that runs at any rate, else against
what the engine plays at 48 kHz, resampled. ``models/shipped/rates.json`` keeps the figures with the
hash of the file that they are of; ``models/train/run report`` shows them.
"""

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import soundfile
from scipy.signal import resample_poly

from .dataset import TEST, read_audio
from .material import synthetic
from .metrics import esr

OWN, OTHER = 48_000, 44_100
SECONDS = 6
REFERENCES = ("compressor", "delay", "high-pass", "low-pass")
"""Whose reference is the same effect at any rate. Oscillators of others run at rates of their own,
a reverb's echoes are cut to whole frames of each, and the circuits run at multiples of 48 kHz."""

SPECTRA = ("octave",)
"""Whose bands start with either sign, as the first frames toss it: spectra are compared."""


def file_hash(path: Path) -> str:
    """SHA-256 of the file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _to_other(x: np.ndarray) -> np.ndarray:
    """``[n]`` at 48 kHz to 44.1 kHz."""
    return resample_poly(x, 147, 160, window=("kaiser", 12.0))


def _play(program: Path, path: Path, x: np.ndarray, rate: int) -> np.ndarray:
    """``x [n]`` at ``rate`` through the model at its defaults; the engine takes its latency off."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder) / "in.wav", Path(folder) / "out.wav"
        soundfile.write(source, x.astype(np.float32), rate, subtype="FLOAT")
        command = [str(program), "render", "--model", str(path), str(source), str(result)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{path.name}: {done.stderr.strip()}")
        return soundfile.read(result, dtype="float64")[0]


def _latencies(program: Path, path: Path) -> dict[int, int]:
    """Frames that ``tonegraft inspect`` tells, by the rate of the session."""
    told = {}
    for rate in (OWN, OTHER):
        command = [str(program), "inspect", "--rate", str(rate), "--json", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{path.name}: {done.stderr.strip()}")
        told[rate] = _latency_of(json.loads(done.stdout))
    return told


def _latency_of(facts: dict) -> int:
    """The latency of the usual conversion in what ``inspect --rate`` says."""
    ways = [w for w in facts["conversions"] if w["rate_mode"] == "linear-phase"]
    return next(int(w["latency_samples"]) for w in ways if w["oversampling"] == "off")


def _reference(name: str) -> Callable[[np.ndarray], np.ndarray] | None:
    if name not in REFERENCES:
        return None
    from .greybox import EFFECTS
    from .greybox.measure import session_rate

    effect = EFFECTS[name]

    def play(x: np.ndarray) -> np.ndarray:
        with session_rate(OTHER):
            return effect.reference(x, effect.defaults())

    return play


def write(shipped: Path, audio: Path, program: Path) -> Path:
    """Plays all models of ``shipped`` that have changed since and writes its ``rates.json``;
    returns its path. Remove the file to measure all again."""
    out = shipped / "rates.json"
    before = json.loads(out.read_text(encoding="utf-8")) if out.is_file() else {}
    present = [s.file for s in TEST if (audio / s.file).is_file()]
    # Half a second of silence first, in which the engine's knobs stand still.
    clip = read_audio(audio / present[0]) if present else synthetic(3, 15.0)
    clip = np.concatenate([np.zeros(OWN // 2), clip[: SECONDS * OWN]])
    x = _to_other(clip)
    rows = {}
    for path in sorted(shipped.glob("*.onnx")):
        if before.get(path.stem, {}).get("sha256") == file_hash(path):
            rows[path.stem] = before[path.stem]
            continue
        keys = {p.key: p.value for p in onnx.load(path).metadata_props}
        assert keys["tonegraft.sample_rate"] == str(OWN), f"{path.name} is of another rate"
        played = _play(program, path, x, OTHER)
        reference = _reference(path.stem)
        wanted = reference(x) if reference else _to_other(_play(program, path, clip, OWN))
        length = min(len(played), len(wanted))
        latency = _latencies(program, path)
        assert latency[OWN] == 0, f"{path.name} adds {latency[OWN]} frames at its own rate"
        told = {}
        if path.stem in SPECTRA:
            # Here, since the learned models need nothing of it.
            from .greybox.spectra import log_distance

            told["distance_db"] = float(f"{log_distance(wanted[:length], played[:length]):.3g}")
        else:
            told["esr"] = float(f"{esr(wanted[:length], played[:length]):.3g}")
        rows[path.stem] = told | {
            "sha256": file_hash(path),
            "against": "reference at 44.1 kHz" if reference else "itself at 48 kHz, resampled",
            "latency_samples": latency[OTHER],
            "file": present[0] if present else "synthetic",
        }
        print(f"{path.stem}: {told} against {rows[path.stem]['against']}")
    out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return out


def section(shipped: Path) -> str:
    """The report's section; empty where nothing was measured. Figures of a file that has changed
    since are left out, and it is said of which."""
    path = shipped / "rates.json"
    if not path.is_file():
        return ""
    rows, stale = [], []
    for name, told in json.loads(path.read_text(encoding="utf-8")).items():
        model = shipped / f"{name}.onnx"
        if not model.is_file() or file_hash(model) != told["sha256"]:
            stale.append(name)
            continue
        error = (
            f"{told['esr']:.2g}" if "esr" in told else f"spectra {told['distance_db']:.2g} dB apart"
        )
        rows.append(f"| {name} | {told['against']} | {error} | {told['latency_samples']} |")
    measured = {p.stem for p in shipped.glob("*.onnx")} - {r.split(" | ")[0][2:] for r in rows}
    left = sorted(set(stale) | measured)
    note = f"\n\nNot measured since they were last made: {', '.join(left)}." if left else ""
    head = ["| model | against | ESR | latency, frames |", "| --- | --- | --- | --- |"]
    table = "\n".join([*head, *rows])
    return f"""\
## In a session of 44.1 kHz

Played at 44.1 kHz at the default settings, converted to 48 kHz and back (`models/train/run rates`):
error against the reference processed at 44.1 kHz where that is the same at any rate, else against
the model at 48 kHz, resampled. At 48 kHz all add no latency. `tests/tests/rates.rs` plays all of
them at 44.1, 48, 88.2 and 96 kHz.

{table}{note}
"""
