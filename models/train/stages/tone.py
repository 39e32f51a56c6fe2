"""The linear stages behind a device: FIRs, beside them the poles that are too slow for one.

A coupling capacitor rings for a tenth of a second, thousands of samples; as a recursion of its own
it costs two operations and is exact. The poles are those of the schematic, all else is least
squares.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz
from scipy.signal import correlate, lfilter, oaconvolve

from ..circuits import RATE, amp, distortion, fuzz_sustain
from ..oversample import around
from ..recipes import Recipe
from .filters import level_of

_SLOW = 1000.0
"""Poles below this, in 1 / s, become recursions."""

_DEGREE = 4
"""Of the polynomial in a tone knob that no straight line follows."""

_RAW_BLOCK_HZ = 30.0
"""The last high-pass of ``circuits/fuzz_raw.py``."""


@dataclass(frozen=True)
class Tone:
    """Polynomials in the tone knob: ``taps [K, L]`` (the first sees the newest sample) and, of the
    poles that decay by ``decays [P]`` from one sample to the next, ``shares [K, P]``; ``K - 1`` is
    the degree."""

    taps: np.ndarray
    decays: np.ndarray
    shares: np.ndarray

    def __call__(self, x: np.ndarray, tone: float) -> np.ndarray:
        """``x [n]`` at a setting of the knob."""
        at = tone ** np.arange(len(self.taps))
        y = oaconvolve(x, at @ self.taps)[: len(x)]
        for decay, share in zip(self.decays, at @ self.shares, strict=True):
            y += share * lfilter([1.0], [1.0, -decay], x)
        return y


def slow_poles(core: str) -> np.ndarray:
    """Decay per sample of the slow poles behind that core."""
    if core.startswith("amp"):
        rates = -np.roots(amp.stack(core.removeprefix("amp_"))[1]).real
    elif core == "overdrive":
        return np.zeros(0)
    else:
        module = {"distortion": distortion, "fuzz_sustain": fuzz_sustain}.get(core)
        rates = np.array(
            [1.0 / (module.R_LEVEL * module.C_LEVEL) if module else 2 * np.pi * _RAW_BLOCK_HZ]
        )
    return np.exp(-rates[rates < _SLOW] / RATE)


def tone(
    recipe: Recipe, played: np.ndarray, core: np.ndarray, folded: np.ndarray, weight: float
) -> Tone:
    """Fitted from what the stages played, ``[n]``, to what the circuit's own filters make of its
    core, ``core [n]``, at an even level: what the filter that leads down from the stages costs in
    the band is made good here as far as the past allows. A little noise is added to both: the taps
    answer for what playing lacks, too. Energy from ``folded`` counts ``weight`` times."""
    level = level_of(core, 1e-2)
    noise = 1e-3 * np.random.default_rng(4).normal(size=len(core))
    x, truth = (
        np.concatenate([s / level + noise, np.zeros(RATE)]) for s in (played, core)
    )
    decays, count, circuit = slow_poles(recipe.core), recipe.post_taps, recipe.circuit
    slow = [lfilter([1.0], [1.0, -d], x) for d in decays]

    def lags(signal: np.ndarray, other: np.ndarray) -> np.ndarray:
        """``sum_n signal[n] other[n - k]``."""
        return correlate(signal, other, method="fft")[len(x) - 1 :][:count]

    normal = np.empty((count + len(slow),) * 2)
    normal[:count, :count] = toeplitz(lags(x, x))
    for p, s in enumerate(slow):
        normal[:count, count + p] = normal[count + p, :count] = lags(s, x)
        for o, other in enumerate(slow):
            normal[count + p, count + o] = s @ other
    if np.any(folded):
        own = correlate(folded, folded, method="fft")[len(folded) - 1 :][:count]
        normal[:count, :count] += toeplitz(own) * (weight * len(x) / len(folded))
    size = np.sqrt(np.diag(normal))
    normal /= size[:, None] * size
    normal[np.diag_indices(len(normal))] += 1e-10
    solved = []
    for setting in circuit.tone_grid:
        y = around(lambda f, t=setting: circuit.tone_stage(f, t), truth)
        right = np.concatenate([lags(y, x), [s @ y for s in slow]])
        solved.append(circuit.output * np.linalg.solve(normal, right / size) / size)
    degree = min(len(circuit.tone_grid) - 1, _DEGREE)
    powers = np.vander(circuit.tone_grid, degree + 1, increasing=True)
    made = np.linalg.lstsq(powers, np.array(solved), rcond=None)[0]
    return Tone(made[:, :count], decays, made[:, count:])
