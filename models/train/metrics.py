"""Error measures and the baselines a model has to be read against.

ESR is ``sum (y - p)^2 / sum y^2``: 0 is perfect, 1 is as bad as silence. Signals are ``[n]``.
"""

import numpy as np
from scipy.linalg import solve_toeplitz
from scipy.signal import correlate, lfilter

PRE_EMPHASIS = 0.95


def pre_emphasise(x: np.ndarray) -> np.ndarray:
    """``x[n] - 0.95 x[n - 1]``."""
    return lfilter([1.0, -PRE_EMPHASIS], [1.0], x)


def esr(y: np.ndarray, p: np.ndarray) -> float:
    """Error-to-signal ratio of the prediction ``p`` of ``y``."""
    return float(np.sum((y - p) ** 2) / np.sum(y**2))


def worst_second(y: np.ndarray, p: np.ndarray, rate: int, floor_db: float = -50.0) -> float:
    """The largest ESR of any whole second whose target is louder than ``floor_db`` RMS."""
    n = len(y) // rate * rate
    power = np.sum(y[:n].reshape(-1, rate) ** 2, axis=1)
    error = np.sum((y[:n] - p[:n]).reshape(-1, rate) ** 2, axis=1)
    loud = power / rate > 10 ** (floor_db / 10)
    return float(np.max(error[loud] / power[loud]))


def scaled_dry(x: np.ndarray, y: np.ndarray) -> float:
    """ESR of the input times the best constant."""
    return esr(y, x * (np.dot(x, y) / np.dot(x, x)))


def fit_fir(x: np.ndarray, y: np.ndarray, taps: int, ahead: int = 0) -> np.ndarray:
    """Least-squares FIR ``[taps]`` from ``x`` to ``y``; tap ``k`` sees ``x[n + ahead - k]``."""
    shifted = np.concatenate([np.zeros(ahead), y])[: len(y)] if ahead else y
    auto = correlate(x, x, method="fft")[len(x) - 1 :][:taps].copy()
    cross = correlate(shifted, x, method="fft")[len(x) - 1 :][:taps]
    auto[0] *= 1.0 + 1e-9
    return solve_toeplitz(auto, cross)


def linear_fir(x: np.ndarray, y: np.ndarray, taps: int = 256) -> float:
    """ESR of the best linear FIR of ``taps`` taps, fitted on the very signal it is judged on."""
    return esr(y, lfilter(fit_fir(x, y, taps), [1.0], x))


def decibels(value: float) -> float:
    """Amplitude in dB, with a floor at -200 dB."""
    return float(20 * np.log10(max(abs(value), 1e-10)))
