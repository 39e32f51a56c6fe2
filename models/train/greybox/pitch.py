"""Fundamental frequencies by YIN (de Cheveigné and Kawahara 2002)."""

from dataclasses import dataclass

import numpy as np

from .graph import RATE

_WINDOW, _HOP, _LONGEST = 3200, 1200, 1600


def yin(x: np.ndarray, low: float, high: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frequency in Hz, aperiodicity (0 is periodic) and RMS of each frame of ``x [n]``."""
    longest = min(int(RATE / low), _LONGEST)
    shortest = int(RATE / high)
    size = 1 << int(np.ceil(np.log2(2 * _WINDOW + longest)))
    rows = []
    for a in range(0, len(x) - _WINDOW - longest, _HOP):
        wide = x[a : a + _WINDOW + longest]
        head = wide[:_WINDOW]
        spectrum = np.fft.rfft(wide, size) * np.conj(np.fft.rfft(head, size))
        product = np.fft.irfft(spectrum, size)[:longest]
        energy = np.cumsum(np.concatenate([[0.0], wide**2]))
        moving = energy[_WINDOW : _WINDOW + longest] - energy[:longest]
        difference = np.maximum(moving[0] + moving - 2 * product, 0.0)
        difference[0] = 0.0
        mean = np.cumsum(difference) / np.maximum(np.arange(longest), 1)
        d = np.where(np.arange(longest) > 0, difference / np.maximum(mean, 1e-12), 1.0)
        below = np.nonzero(d[shortest:] < 0.12)[0]
        if len(below):
            lag = shortest + int(below[0])
            while lag + 1 < longest and d[lag + 1] < d[lag]:
                lag += 1
        else:
            lag = shortest + int(np.argmin(d[shortest:]))
        shift = 0.0
        if 0 < lag < longest - 1:
            bend = d[lag - 1] - 2 * d[lag] + d[lag + 1]
            shift = 0.5 * (d[lag - 1] - d[lag + 1]) / bend if bend else 0.0
        rows.append((RATE / (lag + shift), d[lag], np.sqrt(np.mean(head**2))))
    frequency, aperiodicity, rms = np.array(rows).T
    return frequency, aperiodicity, rms


@dataclass(frozen=True)
class OctaveHits:
    """Of how many voiced frames the pitch was found, and the same of those among them whose pitch
    stands still: within 30 cents of the frames before and behind, which are voiced, too."""

    good: int
    voiced: int
    good_steady: int
    steady: int


def octave_hits(dry: np.ndarray, wet: np.ndarray, factor: float) -> OctaveHits:
    """Of the voiced frames of ``dry`` (YIN's aperiodicity below 0.08, louder than -40 dBFS, 65 to
    800 Hz), in how many ``wet`` has ``factor`` times its frequency within 10 cents. Which frames
    are voiced, and which of them steady, is up to ``dry`` alone."""
    f, aperiodicity, rms = yin(dry, 60.0, 800.0)
    found, _, _ = yin(wet, 30.0 if factor < 1 else 60.0, 800.0 if factor < 1 else 1700.0)
    frames = min(len(f), len(found))
    f, found = f[:frames], found[:frames]
    voiced = (aperiodicity[:frames] < 0.08) & (rms[:frames] > 0.01) & (f > 65.0)
    good = np.zeros(frames, bool)
    good[voiced] = np.abs(1200 * np.log2(found[voiced] / (factor * f[voiced]))) < 10
    both = voiced[:-1] & voiced[1:]
    still = np.zeros(frames - 1, bool)
    still[both] = np.abs(1200 * np.log2(f[1:][both] / f[:-1][both])) < 30
    steady = np.zeros(frames, bool)
    steady[1:-1] = still[:-1] & still[1:]
    counts = (good, voiced, good & steady, steady)
    return OctaveHits(*(int(np.sum(frames)) for frames in counts))
