"""Eight-fold oversampling with linear-phase filters whose delay is removed exactly.

Signals are 1-D float64 arrays. ``up`` and ``down`` keep sample ``n`` of the slow signal at sample
``FACTOR * n`` of the fast one, so a process between them adds no delay of its own.
"""

from collections.abc import Callable

import numpy as np
from scipy.signal import firwin, resample_poly

FACTOR = 8
"""Fast samples per slow sample."""

_HALF_TAPS = 40 * FACTOR
_TAPS = firwin(2 * _HALF_TAPS + 1, 0.92 / FACTOR, window=("kaiser", 9.5))


def up(x: np.ndarray) -> np.ndarray:
    """``[n]`` to ``[FACTOR * n]``."""
    return resample_poly(x, FACTOR, 1, window=_TAPS)


def down(x: np.ndarray) -> np.ndarray:
    """``[FACTOR * n]`` to ``[n]``."""
    return resample_poly(x, 1, FACTOR, window=_TAPS)


def around(process: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """Runs ``process`` at the fast rate on ``x``."""
    return down(process(up(np.asarray(x, np.float64))))
