"""A fuzz of two transistors, the second biased near saturation, so that it clips unevenly."""

import numpy as np
from numba import njit

from . import linear
from .circuit import Circuit
from .parts import FACTOR, bjt_response, bjt_stage

FIRST = (9.0, 10e3, 47e-9, 100e3, 0.75, 10e3, 1e-9, 220.0)
SECOND = (9.0, 10e3, 22e-9, 100e3, 0.95, 8.2e3, 1e-9, 220.0)
P_MIN, P_MAX = 0.03, 1.0

TEXT = """\
Two common-emitter stages at 9 V, of our own values, coupled by a pot. First: 10 kΩ and 47 nF to the
base, 100 kΩ to a bias of 0.75 V, collector 10 kΩ and 1 nF, emitter 220 Ω. The Fuzz pot passes on
3 to 100 % (0.03 + 0.97 · fuzz²). Second: 10 kΩ and 22 nF, 100 kΩ to 0.95 V, which leaves the
collector (8.2 kΩ, 1 nF) nearer to saturation than to the supply, emitter 220 Ω. \
The tone blends a 700 Hz
low-pass and what lies above it; a high-pass of 30 Hz and a gain of 0.2 · level follow.

The transistors are Ebers-Moll's (I_s 10 fA, β 120, reverse 4). The stages' output impedance is part
of the next one's series resistor; their base current charges the coupling capacitors, which moves
the bias while loud notes last. No junction capacitance, no temperature."""


@njit(cache=True)
def _between(x, fuzz):
    for n in range(x.size):
        x[n] *= P_MIN + (P_MAX - P_MIN) * fuzz[n // FACTOR] ** 2


def _core(x: np.ndarray, fuzz: np.ndarray, out: np.ndarray) -> int:
    middle = np.empty_like(x)
    worst = bjt_stage(x, middle, *FIRST)
    _between(middle, fuzz)
    return max(worst, bjt_stage(middle, out, *SECOND))


def _blend(tone: float) -> tuple[list[float], list[float]]:
    low, block = linear.low_pass(700.0), linear.high_pass(30.0)
    # (1 - tone) low + tone (1.5 high + 0.15 low): never thin, never without treble.
    b = np.polyadd([1.5 * tone * low[1][0], 0.0], [(1.0 - tone) + 0.15 * tone])
    return list(np.polymul(b, block[0])), list(np.polymul(low[1], block[1]))


CIRCUIT = Circuit(
    name="fuzz_raw",
    knobs=("Fuzz", "Tone", "Level"),
    core=_core,
    tone_stage=lambda x, tone: linear.play(*_blend(tone), x),
    tone_grid=(0.0, 1.0),
    output=0.2,
    core_response=lambda f, fuzz: (
        bjt_response(f, *FIRST)
        * (P_MIN + (P_MAX - P_MIN) * fuzz**2)
        * bjt_response(f, *SECOND)
    ),
    tone_response=lambda f, tone: linear.response(*_blend(tone), f),
    text=TEXT,
)
