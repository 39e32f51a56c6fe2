"""The ``loudness`` key of ``models/FORMAT.md``: how loud a model is for a standard signal.

The signal is our own: twelve seconds of plucked notes and chords at -23 dB RMS of full scale, about
what a guitar straight into an interface gives. The key lets a player turn all models to one level,
so that switching does not jump.
"""

from collections.abc import Callable

import numpy as np

from .material import plucked
from .metrics import decibels

INPUT_DB = -23.0
"""RMS of the standard signal, dB of full scale."""


def standard_signal() -> np.ndarray:
    """``[n]`` at 48 kHz."""
    x = plucked(77, 12.0)
    return x * 10 ** (INPUT_DB / 20) / np.sqrt(np.mean(x**2))


def measure(play: Callable[[np.ndarray], np.ndarray]) -> float:
    """RMS in dB of full scale of what ``play`` (``[n]`` to ``[n]``) makes of the signal."""
    y = play(standard_signal())
    return min(0.0, max(-100.0, decibels(float(np.sqrt(np.mean(y**2))))))
