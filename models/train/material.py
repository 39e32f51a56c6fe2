"""Synthetic excerpts, in the spirit of McCool's training set: plain waves, sweeps, plucked notes
and chords, noise, gaps, at many levels. Everything is 48 kHz mono ``[n]`` and follows one seed.
"""

import numpy as np
from numba import njit
from scipy.signal import butter, chirp, sawtooth, sosfilt, square

from .circuits import RATE

_E2 = 82.407
_CHORDS = ((0, 7, 12), (0, 7, 12, 16, 19, 24), (0, 4, 7), (0, 3, 7, 10), (0, 5, 12), (0, 12))


@njit(cache=True)
def _string(noise, period, loss, brightness, n):
    """Karplus-Strong: a burst going round a delay line of ``period`` samples (fractional)."""
    whole = int(period - 0.5)
    line = noise[:whole].copy()
    allpass = (1.0 - (period - 0.5 - whole)) / (1.0 + (period - 0.5 - whole))
    out = np.empty(n)
    last = x1 = y1 = 0.0
    at = 0
    for i in range(n):
        v = line[at]
        out[i] = v
        low = brightness * v + (1.0 - brightness) * last
        last = v
        y1 = allpass * (low - y1) + x1
        x1 = low
        line[at] = loss * y1
        at = (at + 1) % whole
    return out


def _pluck(rng: np.random.Generator, seconds: float, semitones: tuple[int, ...]) -> np.ndarray:
    """A strummed chord (or one note), open or palm-muted."""
    n = int(seconds * RATE)
    out = np.zeros(n)
    root = _E2 * 2 ** (rng.integers(-12, 25) / 12)
    decay = rng.choice([0.08, 0.3, 1.5, 4.0])
    for k, semitone in enumerate(semitones):
        frequency = root * 2 ** (semitone / 12) * 2 ** (rng.normal(0, 2) / 1200)
        period = RATE / frequency
        start = min(int(k * rng.uniform(0, 0.02) * RATE), n - 1)
        burst = rng.uniform(-1, 1, int(period) + 2)
        soft = butter(1, rng.uniform(1500, 9000), fs=RATE, output="sos")
        loss = 10 ** (-3 * period / (decay * RATE))
        out[start:] += _string(
            sosfilt(soft, burst), period, loss, rng.uniform(0.5, 0.98), n - start
        )
    return out


def _wave(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """A sine, square or saw, or a chord of two sines, 80 to 1200 Hz, fading."""
    t = np.arange(int(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.exp(rng.uniform(np.log(80), np.log(1200))) * t
    kind = rng.integers(4)
    if kind == 0:
        out = np.sin(phase)
    elif kind == 1:
        out = 0.5 * square(phase)
    elif kind == 2:
        out = 0.7 * sawtooth(phase)
    else:
        out = 0.5 * (np.sin(phase) + np.sin(phase * 2 ** (rng.integers(1, 13) / 12)))
    return out * np.exp(-t * rng.uniform(0, 4))


def _sweep(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """A logarithmic chirp over 80 to 1200 Hz, up or down; every other one reaches 12 kHz."""
    t = np.arange(int(seconds * RATE)) / RATE
    ends = (80.0, 1200.0 if rng.random() < 0.5 else 12_000.0)
    first, last = ends if rng.random() < 0.5 else ends[::-1]
    return chirp(t, first, seconds, last, method="logarithmic")


def _noise(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Noise below a random corner, RMS well under full scale."""
    low = butter(1, np.exp(rng.uniform(np.log(200), np.log(15_000))), fs=RATE, output="sos")
    out = sosfilt(low, rng.normal(size=int(seconds * RATE)))
    return 0.3 * out / np.max(np.abs(out))


def synthetic(seed: int, seconds: float) -> np.ndarray:
    """About ``seconds`` of excerpts, half of them plucked, each faded in and out, with gaps."""
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    total = 0
    while total < seconds * RATE:
        length = rng.uniform(0.3, 1.5)
        kind = rng.random()
        if kind < 0.55:
            chord = (0,) if rng.random() < 0.4 else _CHORDS[rng.integers(len(_CHORDS))]
            part = _pluck(rng, length, chord)
        elif kind < 0.75:
            part = _wave(rng, length)
        elif kind < 0.9:
            part = _sweep(rng, length)
        else:
            part = _noise(rng, length)
        part *= 10 ** (rng.uniform(-34, -2) / 20) / max(np.max(np.abs(part)), 1e-9)
        edge = int(0.002 * RATE)
        part[:edge] *= np.linspace(0, 1, edge)
        part[-edge:] *= np.linspace(1, 0, edge)
        parts.append(part)
        if rng.random() < 0.25:
            parts.append(np.zeros(int(rng.uniform(0.05, 0.4) * RATE)))
        total = sum(map(len, parts))
    return np.concatenate(parts)


def plucked(seed: int, seconds: float) -> np.ndarray:
    """Exactly ``seconds`` of plucked notes and chords alone, peaks at 1."""
    rng = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * RATE:
        chord = (0,) if rng.random() < 0.5 else _CHORDS[rng.integers(len(_CHORDS))]
        part = _pluck(rng, rng.uniform(0.4, 1.2), chord)
        part *= rng.uniform(0.3, 1.0) / np.max(np.abs(part))
        part[-240:] *= np.linspace(1, 0, 240)
        parts.append(part)
    return np.concatenate(parts)[: int(seconds * RATE)]
