"""A closed-back guitar cabinet, synthesised: no recording of a real one is inside it."""

import numpy as np
from scipy.signal import bilinear, lfilter

from .parts import STEP

PEAKS = ((115.0, 1.6, 4.0), (430.0, 1.2, -5.0), (2300.0, 1.8, 6.0), (3700.0, 3.0, 4.0))
"""Resonances: frequency in Hz, Q, gain in dB."""
REFLECTION, REFLECTION_SECONDS = -0.25, 0.55e-3

TEXT = """

The cabinet is our own synthesis: a closed box (high-pass, 85 Hz, Q 1.1), a cone that ends at \
4.8 kHz
(low-passes of second order, Q 1.2 and Q 0.6), resonances at 115 Hz (+4 dB), 2.3 kHz (+6 dB) and
3.7 kHz (+4 dB), a dip at 430 Hz (-5 dB), and a reflection 0.55 ms late at -12 dB, inverted."""


def _sections() -> list[tuple[list[float], list[float]]]:
    w = 2 * np.pi * 85.0
    sections = [([1.0, 0.0, 0.0], [1.0, w / 1.1, w * w])]
    for q in (1.2, 0.6):
        w = 2 * np.pi * 4800.0
        sections.append(([w * w], [1.0, w / q, w * w]))
    for f, q, db in PEAKS:
        w, a = 2 * np.pi * f, 10 ** (db / 40)
        sections.append(([1.0, a * w / q, w * w], [1.0, w / (a * q), w * w]))
    return sections


def play(x: np.ndarray) -> np.ndarray:
    """``x`` ``[n]`` at the fast rate through the cabinet."""
    for b, a in _sections():
        num, den = bilinear(b, a, fs=1.0 / STEP)
        x = lfilter(num, den, x)
    delay = round(REFLECTION_SECONDS / STEP)
    out = x.copy()
    out[delay:] += REFLECTION * x[:-delay]
    return out


def response(f: np.ndarray) -> np.ndarray:
    """Its transfer function at ``f`` hertz."""
    s = 2j * np.pi * f
    out = 1 + REFLECTION * np.exp(-s * round(REFLECTION_SECONDS / STEP) * STEP)
    for b, a in _sections():
        out = out * np.polyval(b, s) / np.polyval(a, s)
    return out
