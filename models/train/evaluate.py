"""Judges the exported file, as it will ship, on the test split. Run once per training.

Every test clip is played after half a second of silence, the way a plugin is before the first note.
Baselines: the input times the best constant, and the best linear FIR of 256 taps, both fitted on
the test clip itself (so they are flattered).

* Sweep: the held-out playing at five settings of the first knob by four of the tone knob, of which
  two lie between the tone bank's settings. The bar is for its worst.
* Aliasing (ASR): a sine of a whole, prime number of hertz, one second of the settled output. What
  lies on a multiple of the sine's frequency is distortion, anything else but DC is aliasing.
* Hiss: a sustained note with a noise floor; power between the harmonics, model against circuit.
* The engine: what ``tonegraft compare`` says about the same file and the same audio.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from . import loudness
from .circuits import RATE
from .dataset import kept
from .export import Player
from .metrics import decibels, esr, linear_fir, pre_emphasise, scaled_dry, worst_second
from .recipes import Recipe

DRIVES = (0.0, 0.25, 0.5, 0.75, 1.0)
TONES = (0.0, 0.31, 0.69, 1.0)
ALIAS_HZ, ALIAS_DBFS = (997, 4177), (-12, -6)
NOTE_HZ, NOTE_NOISE_DB = 110, -66.0
_SILENCE = np.zeros(RATE // 2)

Knobs = dict[str, float]


def after_silence(play: Player, x: np.ndarray, knobs: Knobs) -> np.ndarray:
    """What ``play`` makes of ``x`` after half a second of silence."""
    return play(np.concatenate([_SILENCE, x]), knobs)[len(_SILENCE) :]


def _judge(x: np.ndarray, y: np.ndarray, p: np.ndarray) -> dict:
    return {
        "esr": esr(y, p),
        "esr_pre_emphasised": esr(pre_emphasise(y), pre_emphasise(p)),
        "esr_worst_second": worst_second(y, p, RATE),
        "baseline_scaled_dry": scaled_dry(x, y),
        "baseline_linear_fir": linear_fir(x, y),
        "peak_dbfs": decibels(np.max(np.abs(p))),
        "rms_dbfs": decibels(np.sqrt(np.mean(p**2))),
        "dry_rms_dbfs": decibels(np.sqrt(np.mean(x**2))),
        "seconds": len(x) / RATE,
    }


def alias_db(play: Callable[[np.ndarray], np.ndarray], frequency: int, dbfs: float) -> float:
    """Energy beside the harmonics over energy on them, in dB, for a sine."""
    t = np.arange(2 * RATE) / RATE
    y = play(10 ** (dbfs / 20) * np.sin(2 * np.pi * frequency * t))[RATE:]
    power = np.abs(np.fft.rfft(y)) ** 2
    power[0] = 0.0
    harmonic = np.zeros(len(power), bool)
    harmonic[frequency::frequency] = True
    return float(10 * np.log10(power[~harmonic].sum() / power[harmonic].sum()))


def hiss_db(play: Callable[[np.ndarray], np.ndarray]) -> float:
    """Power between the harmonics of a sustained note, 100 Hz to 10 kHz, in dB of the whole.

    The note has twelve partials at -20 dBFS together and noise at ``NOTE_NOISE_DB``, a DI's floor.
    """
    t = np.arange(3 * RATE) / RATE
    rng = np.random.default_rng(11)
    note = sum(
        np.sin(2 * np.pi * NOTE_HZ * k * t + rng.uniform(0, 2 * np.pi)) / k for k in range(1, 13)
    )
    note *= 0.1 / np.sqrt(np.mean(note**2))
    note += 10 ** (NOTE_NOISE_DB / 20) * rng.normal(size=len(t))
    y = play(note)[RATE:] * np.hanning(2 * RATE)
    power = np.abs(np.fft.rfft(y)) ** 2
    f = np.arange(len(power)) / 2.0
    away = np.abs((f + NOTE_HZ / 2) % NOTE_HZ - NOTE_HZ / 2) > 8.0
    between = power[away & (f > 100.0) & (f < 10_000.0)].sum()
    return float(10 * np.log10(between / power[2:].sum()))


def in_engine(
    tonegraft: Path | None, path: Path, x: np.ndarray, y: np.ndarray, knobs: Knobs
) -> dict | None:
    """ESR of the file in the Rust engine, by ``tonegraft compare``; nothing without the command."""
    if tonegraft is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        dry, wet = Path(folder) / "dry.wav", Path(folder) / "wet.wav"
        soundfile.write(dry, np.concatenate([_SILENCE, x]), RATE, subtype="FLOAT")
        soundfile.write(wet, np.concatenate([_SILENCE, y]), RATE, subtype="FLOAT")
        command = [str(tonegraft), "compare", "--model", str(path), "--json", "--align", "off"]
        command += ["--input", str(dry), "--reference", str(wet)]
        for name, value in knobs.items():
            command += ["--param", f"{name}={value}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"tonegraft compare: {done.stderr.strip()}")
    told = json.loads(done.stdout)
    return {"esr": told["esr"], "esr_pre_emphasised": told.get("esr_pre_emphasised")}


def engine_cost(tonegraft: Path | None, path: Path) -> dict | None:
    """Cost in per cent of real time in blocks of 64 frames, multiply-adds, latency."""
    if tonegraft is None:
        return None

    def run(*arguments: str) -> str:
        return subprocess.run(
            [str(tonegraft), *arguments], capture_output=True, text=True, check=True
        ).stdout

    told = json.loads(run("inspect", str(path), "--json"))
    bench = run("bench", str(path), "--block", "64", "--json").splitlines()[0]
    return {
        "realtime_percent": json.loads(bench)["realtime_percent"],
        "latency_samples": told["latency_samples"],
        "runtime": told["runtime"],
        "bytes": path.stat().st_size,
    }


def sweep(
    recipe: Recipe,
    play: Player,
    clips: dict[str, np.ndarray],
    work: Path,
    progress: Callable[[str], None],
) -> list[dict]:
    """ESR over all ``clips`` together at each setting; the level at its default, since it is a
    factor. What the circuit plays is kept in ``work``, for other seeds."""
    drive_name, tone_name, level_name = recipe.circuit.knobs
    level = recipe.defaults[2]
    tones = TONES if tone_name else (0.0,)
    found = []
    for drive in DRIVES:
        error, power = np.zeros(len(tones)), np.zeros(len(tones))
        for x in clips.values():
            targets = kept(
                work,
                f"{recipe.name}-test",
                x.tobytes() + repr((recipe.name, drive, tones, level)).encode(),
                lambda x=x, drive=drive: np.array(
                    recipe.circuit.render_tones(x, drive, tones, level), np.float32
                ),
            )
            for k, (tone, y) in enumerate(zip(tones, targets, strict=True)):
                knobs = {drive_name: drive, tone_name: tone, level_name: level}
                p = after_silence(play, x, knobs)
                error[k] += np.sum((y - p) ** 2)
                power[k] += np.sum(y**2)
        for tone, ratio in zip(tones, error / power, strict=True):
            settings = {drive_name: drive} | ({tone_name: tone} if tone_name else {})
            found.append({"settings": settings, "value": float(ratio)})
        progress(f"{drive_name} {drive}: {max(error / power):.5f}")
    return found


def worst_and_median(swept: list[dict]) -> dict[str, float]:
    """Of what ``sweep`` found."""
    values = [point["value"] for point in swept]
    return {"median": float(np.median(values)), "worst": max(values)}


def real_playing(test: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Without the synthetic excerpts, unless there is nothing else."""
    return {n: x for n, x in test.items() if not n.startswith("synthetic")} or test


def evaluate(
    recipe: Recipe,
    play: Player,
    path: Path,
    test: dict[str, np.ndarray],
    work: Path,
    tonegraft: Path | None = None,
    progress: Callable[[str], None] = print,
) -> dict:
    """All figures of the file at ``path``, which ``play`` plays, on the test excerpts."""
    names = recipe.circuit.knobs
    knobs = {k: d for k, d in zip(names, recipe.defaults, strict=True) if k}
    reference = recipe.circuit.render
    real = real_playing(test)

    def circuit(x: np.ndarray) -> np.ndarray:
        parts = x.tobytes() + repr((recipe.name, recipe.defaults)).encode()
        made = kept(
            work, f"{recipe.name}-test", parts, lambda: reference(x, *recipe.defaults).astype("f4")
        )
        return made.astype(np.float64)

    def model(x: np.ndarray) -> np.ndarray:
        return play(x, knobs)

    targets = {name: circuit(x) for name, x in test.items()}
    played = {name: after_silence(play, x, knobs) for name, x in test.items()}
    dry, y, p = (np.concatenate([s[n] for n in real]) for s in (test, targets, played))
    settings = sweep(recipe, play, real, work, progress)
    quiet = {
        f"{gain:+.0f} dB": esr(
            np.concatenate([circuit(x * 10 ** (gain / 20)) for x in real.values()]),
            np.concatenate(
                [after_silence(play, x * 10 ** (gain / 20), knobs) for x in real.values()]
            ),
        )
        for gain in (-12.0, 6.0)
    }
    idle = max(
        float(np.max(np.abs(play(np.zeros(RATE), dict.fromkeys(play.knobs, at)))))
        for at in (0.0, 0.25, 0.5, 0.75, 1.0)
    )
    engine = {
        name: in_engine(tonegraft, path, x, targets[name], knobs) for name, x in real.items()
    }
    return {
        "overall": {
            "files": list(real),
            "esr": esr(y, p),
            "esr_pre_emphasised": esr(pre_emphasise(y), pre_emphasise(p)),
            "baseline_scaled_dry": scaled_dry(dry, y),
            "baseline_linear_fir": linear_fir(dry, y),
        },
        "files": {name: _judge(x, targets[name], played[name]) for name, x in test.items()},
        "other_levels": quiet,
        "aliasing_db": {
            f"{f} Hz at {dbfs} dBFS": {
                "model": alias_db(model, f, dbfs), "circuit": alias_db(circuit, f, dbfs)
            }
            for f in ALIAS_HZ
            for dbfs in ALIAS_DBFS
        },
        "hiss_db": {"model": hiss_db(model), "circuit": hiss_db(circuit)},
        "idle_output_dbfs": decibels(idle),
        "loudness_db": loudness.measure(model),
        "engine": engine if tonegraft is not None else None,
        "cost": engine_cost(tonegraft, path),
        "report": {
            "title": recipe.title,
            "category": recipe.category,
            "pipeline": "learned",
            "bars": [
                {
                    "measure": "ESR over the knobs",
                    "limit": recipe.bar,
                    "unit": "",
                }
                | worst_and_median(settings)
            ],
            "sweep": settings,
            "baselines": {
                "scaled dry": scaled_dry(dry, y),
                "linear FIR, 256 taps": linear_fir(dry, y),
            },
            "idle_dbfs": decibels(idle),
            "notes": [],
        },
    }
