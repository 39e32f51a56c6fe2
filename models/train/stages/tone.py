"""The linear stages behind a device: a FIR, beside it the poles that are too slow for one.

A coupling capacitor rings for a tenth of a second, thousands of samples; as a recursion of its own it
costs two operations and is exact. The poles are those of the schematic, all else is least squares.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import correlate, lfilter, oaconvolve

from ..circuits import RATE, amp, distortion, fuzz_sustain
from ..oversample import around
from ..recipes import Recipe

_SLOW = 1000.0
"""Poles below this, in 1 / s, become recursions."""

_RAW_BLOCK_HZ = 30.0
"""The last high-pass of ``circuits/fuzz_raw.py``."""


@dataclass(frozen=True)
class Tone:
    """``taps [K, L]`` (the first sees the newest sample), ``decays [P]`` from one sample to the next,
    ``shares [K, P]``; ``K`` settings of the tone knob, between which lies a straight line."""

    taps: np.ndarray
    decays: np.ndarray
    shares: np.ndarray

    def __call__(self, x: np.ndarray, tone: float) -> np.ndarray:
        """``x [n]`` at a setting of the knob."""
        at = np.array([1.0]) if len(self.taps) == 1 else np.array([1.0 - tone, tone])
        y = oaconvolve(x, at @ self.taps)[: len(x)]
        for decay, share in zip(self.decays, at @ self.shares, strict=True):
            y += share * lfilter([1.0], [1.0, -decay], x)
        return y


def slow_poles(core: str) -> np.ndarray:
    """Decay per sample of the slow poles behind that core."""
    if core.startswith("amp"):
        rates = -np.roots(amp.stack(core.removeprefix("amp_"))[1]).real
    else:
        module = {"distortion": distortion, "fuzz_sustain": fuzz_sustain}.get(core)
        rates = np.array(
            [1.0 / (module.R_LEVEL * module.C_LEVEL) if module else 2 * np.pi * _RAW_BLOCK_HZ]
        )
    return np.exp(-rates[rates < _SLOW] / RATE)


def tone(recipe: Recipe, core: np.ndarray) -> Tone:
    """Fitted to the circuit's own filters with what the core played, ``core [n]``, at an even level,
    and a little noise: white noise would spend the taps on the last octave."""
    level = np.sqrt(np.convolve(core**2, np.ones(RATE // 10) / (RATE // 10), "same"))
    level += 1e-2 * np.sqrt(np.mean(core**2))
    noise = np.random.default_rng(4).normal(size=len(core))
    x = np.concatenate([core / level + 1e-3 * noise, np.zeros(RATE)])
    decays, count, circuit = slow_poles(recipe.core), recipe.post_taps, recipe.circuit
    slow = [lfilter([1.0], [1.0, -d], x) for d in decays]
    auto = correlate(x, x, method="fft")[len(x) - 1 :][:count]
    normal = np.empty((count + len(slow),) * 2)
    at = np.arange(count)
    normal[:count, :count] = auto[np.abs(at[:, None] - at)]
    for p, s in enumerate(slow):
        # sum_n x[n - k] s[n]
        cross = correlate(s, x, method="fft")[len(x) - 1 :][:count]
        normal[:count, count + p] = normal[count + p, :count] = cross
        for o, other in enumerate(slow):
            normal[count + p, count + o] = s @ other
    size = np.sqrt(np.diag(normal))
    normal /= size[:, None] * size
    normal[np.diag_indices(len(normal))] += 1e-10
    solved = []
    for setting in circuit.tone_grid:
        y = around(lambda f, t=setting: circuit.tone_stage(f, t), x)
        right = np.concatenate(
            [correlate(y, x, method="fft")[len(x) - 1 :][:count], [s @ y for s in slow]]
        )
        solved.append(circuit.output * np.linalg.solve(normal, right / size) / size)
    made = np.array(solved)
    return Tone(made[:, :count], decays, made[:, count:])
