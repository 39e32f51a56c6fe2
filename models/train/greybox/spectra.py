"""Distances between spectra, and decay times."""

import numpy as np
from scipy.signal import stft

from .graph import RATE

_SIZES = (512, 1024, 2048)


def multi_resolution(y: np.ndarray, p: np.ndarray) -> float:
    """Multi-resolution STFT distance of ``p [n]`` from ``y [n]``: spectral convergence plus the
    mean difference of log magnitudes (natural, of at least 1e-5), mean over windows of 512, 1024
    and 2048 samples with a quarter as hop (Yamamoto, Song and Kim 2020)."""
    total = 0.0
    for size in _SIZES:
        a, b = (
            np.abs(stft(x, nperseg=size, noverlap=size - size // 4)[2]) * size / 2 for x in (y, p)
        )
        convergence = np.linalg.norm(a - b) / np.linalg.norm(a)
        logs = np.mean(np.abs(np.log(np.maximum(a, 1e-5)) - np.log(np.maximum(b, 1e-5))))
        total += float(convergence + logs)
    return total / len(_SIZES)


def decay_seconds(response: np.ndarray) -> float:
    """Time to -60 dB from the slope between -5 and -35 dB of the backward integrated impulse
    response ``[n]`` (Schroeder 1965)."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(np.maximum(energy / energy[0], 1e-12))
    a, b = int(np.argmax(level < -5)), int(np.argmax(level < -35))
    slope = np.polyfit(np.arange(a, b) / RATE, level[a:b], 1)[0]
    return float(-60 / slope)
