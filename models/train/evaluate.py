"""Judges the exported file, as it will ship, on the test split. Run once per training.

Every test clip is played after half a second of silence, the way a plugin is before the first note,
and once more from the zero state. Baselines: the input times the best constant, and the best linear
FIR of 256 taps fitted on the test clip itself (so it is flattered).

Aliasing: a sine of a whole, prime number of hertz, one second of the settled output. What lies on a
multiple of the sine's frequency is distortion, anything else but DC is aliasing.
"""

from collections.abc import Callable

import numpy as np

from .circuits import RATE
from .dataset import Clip, at_drive
from .export import Player
from .metrics import decibels, esr, linear_fir, pre_emphasise, scaled_dry, worst_second
from .recipes import Recipe

KNOB_GRID = tuple(k / 8 for k in range(9))
ALIAS_HZ = (997, 4177)
_SILENCE = np.zeros(RATE // 2)


def _after_silence(play: Player, x: np.ndarray, drive: float | None) -> np.ndarray:
    return play(np.concatenate([_SILENCE, x]), drive)[len(_SILENCE) :]


def _judge(clip: Clip, play: Player, drive: float | None) -> dict:
    p = _after_silence(play, clip.x, drive)
    return {
        "esr": esr(clip.y, p),
        "esr_pre_emphasised": esr(pre_emphasise(clip.y), pre_emphasise(p)),
        "esr_worst_second": worst_second(clip.y, p, RATE),
        "esr_from_zero_state": esr(clip.y, play(clip.x, drive)),
        "baseline_scaled_dry": scaled_dry(clip.x, clip.y),
        "baseline_linear_fir": linear_fir(clip.x, clip.y),
        "peak_dbfs": decibels(np.max(np.abs(p))),
        "rms_dbfs": decibels(np.sqrt(np.mean(p**2))),
        "dry_rms_dbfs": decibels(np.sqrt(np.mean(clip.x**2))),
        "seconds": len(clip.x) / RATE,
    }


def _pooled(
    clips: list[Clip],
    play: Player,
    drive: float | None,
    view: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> float:
    y = np.concatenate([view(c.y) for c in clips])
    p = np.concatenate([view(_after_silence(play, c.x, drive)) for c in clips])
    return esr(y, p)


def _alias_db(play: Callable[[np.ndarray], np.ndarray], frequency: int) -> float:
    """Energy beside the harmonics over energy on them, in dB, for a sine at -12 dBFS."""
    t = np.arange(2 * RATE) / RATE
    y = play(0.25 * np.sin(2 * np.pi * frequency * t))[RATE:]
    energy = np.abs(np.fft.rfft(y)) ** 2
    energy[0] = 0.0
    harmonic = energy[frequency::frequency].sum()
    return float(10 * np.log10((energy.sum() - harmonic) / harmonic))


def evaluate(recipe: Recipe, play: Player, test: list[Clip]) -> dict:
    """All figures of the card. ``overall`` pools the real recordings where there are any."""
    real = [c for c in test if not c.name.startswith("synthetic")] or test
    knob = recipe.drive if recipe.knob else None
    dry = np.concatenate([c.x for c in real])
    target = np.concatenate([c.y for c in real])
    result = {
        "overall": {
            "files": [c.name for c in real],
            "esr": _pooled(real, play, knob),
            "esr_pre_emphasised": _pooled(real, play, knob, pre_emphasise),
            "baseline_scaled_dry": scaled_dry(dry, target),
            "baseline_linear_fir": linear_fir(dry, target),
        },
        "files": {c.name: _judge(c, play, knob) for c in test},
        "other_levels": {
            f"{gain:+.0f} dB": _pooled(
                [at_drive(c, recipe, recipe.drive, gain) for c in real], play, knob
            )
            for gain in (-12.0, -6.0, 6.0)
        },
        "aliasing_db": {
            f"{frequency} Hz": {
                "model": _alias_db(lambda x: play(x, knob), frequency),
                "circuit": _alias_db(
                    lambda x: recipe.circuit.render(x, recipe.drive, recipe.tone, recipe.level),
                    frequency,
                ),
            }
            for frequency in ALIAS_HZ
        },
        "idle_output_dbfs": decibels(
            max(
                np.max(np.abs(play(np.zeros(RATE), drive)))
                for drive in (KNOB_GRID if recipe.knob else (None,))
            )
        ),
    }
    if recipe.knob:
        by_knob = {
            drive: _pooled([at_drive(c, recipe, drive) for c in real], play, drive)
            for drive in KNOB_GRID
        }
        low, high = recipe.drive_range
        offered = [v for k, v in by_knob.items() if low <= k <= high]
        result["drive_knob"] = {
            "esr": {f"{k:.3f}": v for k, v in by_knob.items()},
            "median": float(np.median(offered)),
            "worst": max(offered),
        }
    return result
