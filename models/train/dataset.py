"""Excerpts, their split by whole files, and what a circuit's core makes of them.

No file is in two splits. Real playing comes from a folder given by the caller; synthetic excerpts
of each split follow a seed of their own. Signals are 48 kHz mono ``[n]`` float64.
"""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from math import gcd
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

from .circuits import RATE
from .material import synthetic
from .recipes import Recipe

_TONE3000 = "MIT (repository licence), tone-3000/neural-amp-modeler-wasm"
_NAFX = "Apache-2.0, faressc/steerable-nafx"


@dataclass(frozen=True)
class Source:
    """A file of the audio folder, at which levels (dB) it is used, and where it is from."""

    file: str
    gains_db: tuple[float, ...]
    licence: str


TRAIN = (
    Source("slide_lead_guitar.wav", (0.0, -10.0), _TONE3000),
    Source("downtown_bass.wav", (-4.0, -16.0), _TONE3000),
    Source("piano_clean.wav", (-6.0,), _NAFX),
    Source("drum_kit_clean.wav", (-10.0,), _NAFX),
)
VALIDATION = (
    Source("nam_guitar_di.wav", (0.0,), "MIT, sdatkinson/NeuralAmpModelerPlugin (Guitar DI)"),
)
TEST = (
    Source("raid_guitar.wav", (0.0,), _TONE3000),
    Source("jazz_hop_guitar.wav", (0.0,), _TONE3000),
)
SYNTHETIC = {"train": (1, 110.0), "validation": (2, 15.0), "test": (3, 15.0)}
"""Seed and seconds of each split's synthetic excerpts."""


@dataclass(frozen=True)
class Clip:
    """An excerpt, the drive it is played with, and what the core makes of it; all ``[n]``."""

    name: str
    x: np.ndarray
    drive: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Material:
    """What a core is trained on. ``train`` is one long clip; ``test`` has inputs alone."""

    train: Clip
    validation: list[Clip]
    test: dict[str, np.ndarray]
    missing: list[str]
    extra: list[str]


def read_audio(path: Path) -> np.ndarray:
    """The file's channel mean at 48 kHz."""
    x, rate = soundfile.read(path, dtype="float64", always_2d=True)
    mono = x.mean(axis=1)
    if rate != RATE:
        g = gcd(rate, RATE)
        mono = resample_poly(mono, RATE // g, rate // g)
    return mono


def moving_drive(rng: np.random.Generator, n: int) -> np.ndarray:
    """Drive held for 0.3 to 2 s, often at an end of its range, with 20 ms ramps between."""
    points, values, at = [0], [rng.random()], 0
    while at < n:
        at += int(rng.uniform(0.3, 2.0) * RATE)
        value = float(rng.choice([0.0, 1.0, rng.random()], p=[0.12, 0.12, 0.76]))
        points += [at, at + RATE // 50]
        values += [values[-1], value]
        at += RATE // 50
    return np.interp(np.arange(n), points, values)


def render_core(recipe: Recipe, x: np.ndarray, drive: np.ndarray, work: Path) -> np.ndarray:
    """``Circuit.render_core``, kept on disk: triodes take longer than the training's first epoch.

    What is kept is found by a hash of the circuit's sources and both signals.
    """
    parts = x.tobytes() + drive.tobytes() + recipe.core.encode()
    return kept(work, recipe.core, parts, lambda: recipe.circuit.render_core(x, drive))


def kept(work: Path, name: str, parts: bytes, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What ``make`` returned when it was last asked with these ``parts`` and these circuits."""
    digest = hashlib.sha256(parts)
    for source in sorted((Path(__file__).parent / "circuits").glob("*.py")):
        digest.update(source.read_bytes())
    path = work / f"{name}-{digest.hexdigest()[:16]}.npy"
    if path.is_file():
        return np.load(path)
    y = make()
    work.mkdir(parents=True, exist_ok=True)
    # Whoever looks meanwhile shall not find half of it.
    part = path.with_suffix(f".{os.getpid()}.part")
    with part.open("wb") as file:
        np.save(file, y)
    part.replace(path)
    return y


def load(recipe: Recipe, audio: Path, extra: Path, work: Path) -> Material:
    """Reads, cuts up and renders. Files that ``audio`` lacks are listed, not fatal; every audio
    file under ``extra`` is added to the training split."""
    rng = np.random.default_rng(20_071)
    missing = [s.file for s in TRAIN + VALIDATION + TEST if not (audio / s.file).is_file()]
    gap = np.zeros(RATE // 20)

    parts = [synthetic(*SYNTHETIC["train"]), gap]
    for source in TRAIN:
        if source.file not in missing:
            x = read_audio(audio / source.file)
            for gain in source.gains_db:
                parts += [x * 10 ** (gain / 20), gap]
    extras = sorted(p for p in extra.glob("**/*") if p.suffix in (".wav", ".flac", ".ogg"))
    for path in extras:
        x = read_audio(path)
        parts += [x, gap, x * 10**-0.5, gap]

    def clip(name: str, x: np.ndarray) -> Clip:
        drive = moving_drive(rng, len(x))
        return Clip(name, x, drive, render_core(recipe, x, drive, work))

    def held_out(split: str, sources: tuple[Source, ...]) -> dict[str, np.ndarray]:
        signals = {s.file: read_audio(audio / s.file) for s in sources if s.file not in missing}
        return signals | {f"synthetic {split}": synthetic(*SYNTHETIC[split])}

    return Material(
        clip("training material", np.concatenate(parts)),
        [clip(name, x) for name, x in held_out("validation", VALIDATION).items()],
        held_out("test", TEST),
        missing,
        [p.name for p in extras],
    )
