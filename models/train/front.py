"""What a network hears: the part of a circuit before its first nonlinear part, known and linear.

A *feature* is a sum of terms ``(a + b q) * sum_k hat_k(q) * (taps_k * x)`` with ``q = drive^2``,
the law of all our gain pots: a bank of FIRs, between whose settings a hat function of the knob
leads over. So the gain control is exact over its whole range, where a network that has to learn
it from examples errs most at its quiet end. Taps are fitted by least squares to the circuit's own
filters at the oversampled rate; nothing here adds latency.
"""

from dataclasses import dataclass

import numpy as np
from scipy.signal import oaconvolve

from .circuits import RATE, linear, overdrive
from .metrics import fit_fir
from .oversample import around


@dataclass(frozen=True)
class Term:
    """``taps`` ``[K, L]``: FIRs at ``K`` equally spaced settings of ``q`` (one: at all)."""

    taps: np.ndarray
    a: float
    b: float


Front = tuple[tuple[Term, ...], ...]
"""Features, each a sum of terms."""


def hats(q: np.ndarray, count: int) -> np.ndarray:
    """Weights ``[count, n]`` of ``count`` equally spaced settings at ``q`` ``[n]`` in 0 to 1."""
    if count == 1:
        return np.ones((1, len(q)))
    return np.maximum(0.0, 1.0 - np.abs((count - 1) * q - np.arange(count)[:, None]))


def play(front: Front, x: np.ndarray, drive: np.ndarray) -> np.ndarray:
    """Features ``[F, n]`` of ``x`` and ``drive`` ``[n]``."""
    q = drive**2
    out = np.zeros((len(front), len(x)))
    for row, terms in zip(out, front, strict=True):
        for term in terms:
            weights = hats(q, len(term.taps))
            for w, taps in zip(weights, term.taps, strict=True):
                row += (term.a + term.b * q) * w * oaconvolve(x, taps)[: len(x)]
    return out


def fir(b: list[float], a: list[float], taps: int) -> np.ndarray:
    """The FIR ``[taps]`` at the audio rate nearest to the analog filter ``b(s) / a(s)``."""
    x = np.random.default_rng(3).normal(size=4 * RATE)
    return fit_fir(x, around(lambda fast: linear.play(b, a, fast), x), taps)


_PLAIN = np.ones((1, 1))


def _overdrive() -> Front:
    # The leg's current into a unit resistor: what the diodes are driven with.
    tau = overdrive.R_G * overdrive.C_G
    return ((Term(_PLAIN, 1.0, 0.0),), (Term(fir([tau, 0.0], [tau, 1.0], 160)[None], 1.0, 0.0),))


def front(name: str) -> Front:
    """The front of the circuit of that name."""
    return _overdrive() if name == "overdrive" else plain()


def plain() -> Front:
    """The input alone, for a device of which nothing is known."""
    return ((Term(_PLAIN, 1.0, 0.0),),)
