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


def band_powers(x: np.ndarray) -> np.ndarray:
    """Powers in 40 bands even in octaves from 40 Hz to 5 kHz, ``[40, frames]``, from windows of
    4096 samples every 1024."""
    size = 4096
    power = np.abs(stft(x, nperseg=size, noverlap=size - 1024)[2]) ** 2
    hertz = np.arange(power.shape[0]) * RATE / size
    edges = np.geomspace(40.0, 5000.0, 41)
    # A band narrower than a bin takes the bin it begins in.
    return np.stack(
        [
            power[(hertz >= a) & (hertz < max(b, a + RATE / size))].sum(axis=0)
            for a, b in zip(edges[:-1], edges[1:], strict=True)
        ]
    )


def log_distance(y: np.ndarray, p: np.ndarray) -> float:
    """Mean difference in dB of the band powers of ``y`` and ``p`` at equal level, down to 60 dB
    below the strongest."""
    a, b = band_powers(y), band_powers(p * np.std(y) / np.std(p))
    floor = 1e-6 * a.max()
    return float(np.mean(np.abs(10 * np.log10((a + floor) / (b + floor)))))
