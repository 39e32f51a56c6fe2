"""The filters around stages that run at a multiple of the audio rate.

``rise`` gives the samples between those that are there, ``fall`` leads back to the audio rate. Both
see the past alone, so that nothing is late. What the stages make above the audio band comes back
as tones that were never played if ``fall`` lets it through; but no filter that sees the past alone
can stop it and leave the band below untouched. So ``fall`` is a compromise, by least squares: near
to the circuit's core on real playing, and near to nothing where only what lies above the band is
heard.
Signals at the multiple are ``[times, n]``: sample ``n`` holds the last ``times`` values up to it.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz
from scipy.signal import correlate, firwin, oaconvolve

from ..circuits import RATE
from ..oversample import FACTOR, up

UP_TAPS, DOWN_TAPS = 32, 32
"""Taps of both, in samples at the audio rate."""

_EVERY = 8
"""One of so many samples of real playing is asked for in ``fall``; more changes nothing."""


def filtered(x: np.ndarray, bank: np.ndarray) -> np.ndarray:
    """``x [n]`` through FIRs ``[K, L]``: ``[K, n]``."""
    return np.array([oaconvolve(x, taps)[: len(x)] for taps in bank])


def level_of(x: np.ndarray, floor: float, rate: int = RATE) -> np.ndarray:
    """The level of ``x [n]`` over a tenth of a second, at least ``floor`` of that of the whole."""
    count = rate // 10
    mean = np.maximum(oaconvolve(x**2, np.full(count, 1.0 / count), "same"), 0.0)
    return np.sqrt(mean) + floor * np.sqrt(np.mean(x**2)) + 1e-30


def rise(x: np.ndarray, times: int) -> np.ndarray:
    """FIRs ``[times, UP_TAPS]`` that give ``times`` values from one sample (left out) to the next
    from the past alone, the first tap for the newest, by least squares over ``x`` at an even level,
    since quiet notes matter to a fuzz as loud ones do."""
    if times == 1:
        return np.eye(1, UP_TAPS)
    level = np.sqrt(np.convolve(x**2, np.ones(RATE // 10) / (RATE // 10), "same")) + 1e-4
    fast = up(x)
    past = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([np.zeros(UP_TAPS - 1), x]), UP_TAPS
    )[:, ::-1]
    past = past / level[:, None]
    normal = past.T @ past
    normal[np.diag_indices(UP_TAPS)] += 1e-6 * np.trace(normal) / UP_TAPS
    between = [
        np.concatenate([np.zeros(FACTOR), fast])[FACTOR * j // times :: FACTOR][: len(x)] / level
        for j in range(1, times + 1)
    ]
    return np.array([np.linalg.solve(normal, past.T @ y) for y in between])


def high_notes(seed: int, seconds: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Sines of a quarter of a second, 300 Hz to 9 kHz, -30 to -3 dB, and a drive for each second:
    ``[n]`` both. They make most of what folds."""
    rng = np.random.default_rng([seed, 7])
    t = np.arange(RATE // 4) / RATE

    def note() -> np.ndarray:
        peak = 10 ** (rng.uniform(-30, -3) / 20)
        pitch = np.exp(rng.uniform(np.log(300), np.log(9000)))
        return peak * np.sin(2 * np.pi * pitch * t + rng.uniform(0, 6))

    parts = [note() for _ in range(4 * seconds)]
    return np.concatenate(parts), np.repeat(rng.random(seconds), RATE)


@dataclass(frozen=True)
class Folding:
    """What lies above the audio band: ``above [times, n]``, at an even level of the whole."""

    above: np.ndarray

    def lags(self, count: int) -> np.ndarray:
        """Autocorrelation at the fast rate for so many lags, per sample of the audio rate."""
        x = self.above.T.ravel()
        return correlate(x, x, method="fft")[len(x) - 1 :][:count] / self.above.shape[1]


def folding(fast: np.ndarray) -> Folding:
    """What of the stages' output ``[times, n]`` lies above the audio band."""
    times = len(fast)
    if times == 1:
        return Folding(np.zeros_like(fast))
    x = fast.T.ravel()
    x = x / level_of(x, 1e-2, times * RATE)
    half = 64 * times
    low = firwin(2 * half + 1, 1.0 / times, window=("kaiser", 8.0))
    return Folding((x - oaconvolve(x, low, "same")).reshape(-1, times).T)


def lowered(fast: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """``[times, n]`` through FIRs ``[times, L]``, first taps for the newest: ``[n]``."""
    return np.sum([filtered(z, t[None])[0] for z, t in zip(fast, taps, strict=True)], 0)


def fall(fast: np.ndarray, y: np.ndarray, folds: Folding, weight: float) -> np.ndarray:
    """FIRs ``[times, DOWN_TAPS]`` from the stages' output ``[times, n]`` to ``y [n]``, by least
    squares at an even level; energy from ``folds`` counts ``weight`` times as much as an error."""
    times = len(fast)
    count = times * DOWN_TAPS
    level = level_of(y, 1e-2)
    at = np.arange(DOWN_TAPS, len(y) - _EVERY, _EVERY)
    at += np.random.default_rng(0).integers(0, _EVERY, len(at))
    # Newest first: sample by sample, and within a sample from the last of its values to the first.
    past = np.lib.stride_tricks.sliding_window_view(fast.T.ravel(), count)
    normal, right = np.zeros((count, count)), np.zeros(count)
    for some in np.array_split(at, 1 + len(at) // 50_000):
        rows = past[(some - DOWN_TAPS + 1) * times][:, ::-1] / level[some, None]
        normal += rows.T @ rows
        right += rows.T @ (y[some] / level[some])
    if times > 1:
        normal += weight * len(at) * toeplitz(folds.lags(count))
    normal[np.diag_indices(count)] += 1e-9 * np.trace(normal) / count
    return np.linalg.solve(normal, right).reshape(DOWN_TAPS, times)[:, ::-1].T
