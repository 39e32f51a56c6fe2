"""Linear stages from their analog transfer functions, by the bilinear transform at the fast rate.

Polynomials are in ``s``, highest power first. The fast rate lies eight times above the audio rate,
so that the transform's warping stays below 0.05 dB and 0.02 rad at 8 kHz.
"""

import numpy as np
from scipy.signal import bilinear, lfilter

from .parts import STEP


def play(b: list[float], a: list[float], x: np.ndarray) -> np.ndarray:
    """``x`` ``[n]`` at the fast rate through ``b(s) / a(s)``."""
    num, den = bilinear(b, a, fs=1.0 / STEP)
    return lfilter(num, den, x)


def response(b: list[float], a: list[float], f: np.ndarray) -> np.ndarray:
    """``b(s) / a(s)`` at ``f`` hertz."""
    s = 2j * np.pi * f
    return np.polyval(b, s) / np.polyval(a, s)


def low_pass(corner: float) -> tuple[list[float], list[float]]:
    """First order, ``corner`` in hertz."""
    return [1.0], [1.0 / (2 * np.pi * corner), 1.0]


def high_pass(corner: float) -> tuple[list[float], list[float]]:
    """First order, ``corner`` in hertz."""
    return [1.0 / (2 * np.pi * corner), 0.0], [1.0 / (2 * np.pi * corner), 1.0]
