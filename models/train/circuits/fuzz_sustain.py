"""A fuzz of four gain stages: two of them clip with diodes in feedback, a tone that scoops."""

import numpy as np
from numba import njit

from . import linear
from .circuit import Circuit
from .parts import DIODE_IS, DIODE_NVT, FACTOR, STEP, diode_node

R_IN, C_IN = 100e3, 47e-9
G_MIN, G_MAX = 0.2, 20.0
R_LEVEL, C_LEVEL = 100e3, 47e-9
R_S, C_S, R_F, C_F = 10e3, 100e-9, 150e3, 330e-12

TEXT = """\
Four inverting gain stages, of our own values. The first amplifies: 47 nF into 100 kΩ, then 0.2 to
20 times by Sustain (0.2 + 19.8 · sustain²). The second and the third clip: 10 kΩ and 100 nF \
in series (159
Hz) into a virtual ground; in the feedback 150 kΩ, 330 pF (3.2 kHz) and an anti-parallel diode pair,
15 times each for small signals. The tone is a blend of a 400 Hz low-pass and a 1.1 kHz high-pass,
which scoops in the middle. The fourth stage makes up 1.5 · level behind 47 nF and 100 kΩ (34 Hz).

With `v` a clipping stage's feedback voltage, `u` what comes in and `v_c` over the 100 nF:

    i = (u - v_c) / R_s        C_s dv_c/dt = i
    C_f dv/dt = i - v / R_f - 2 I_s sinh(v / (n V_t))        out of the stage: -v

The amplifiers are ideal: no rails, no slew rate, no noise."""


@njit(cache=True)
def _clip_stage(u, vc, ig, v, v_old):
    """One clipping stage. Returns ``(vc, ig, v, steps)``; ``v_old`` is the solution before."""
    h = STEP
    g = 0.5 * h / (R_S * C_S)
    vc = (vc + 0.5 * h / C_S * ig + g * u) / (1.0 + g)
    ig = (u - vc) / R_S
    known = ig + C_F / h * (2.0 * v - 0.5 * v_old)
    v, steps = diode_node(v, known, 1.5 * C_F / h + 1.0 / R_F)
    return vc, ig, v, steps


@njit(cache=True)
def _core(x, sustain, out):
    h = STEP
    k_in = 1.0 / (1.0 + 0.5 * h / (C_IN * R_IN))
    a_in = (1.0 - 0.5 * h / (C_IN * R_IN)) * k_in
    x1 = vp = 0.0
    c1 = i1 = v1 = w1 = 0.0
    c2 = i2 = v2 = w2 = 0.0
    worst = 0
    for n in range(x.size):
        vp = a_in * vp + k_in * (x[n] - x1)
        x1 = x[n]
        u = -vp * (G_MIN + (G_MAX - G_MIN) * sustain[n // FACTOR] ** 2)
        before = v1
        c1, i1, v1, steps = _clip_stage(u, c1, i1, v1, w1)
        w1 = before
        worst = max(worst, steps)
        before = v2
        c2, i2, v2, steps = _clip_stage(-v1, c2, i2, v2, w2)
        w2 = before
        worst = max(worst, steps)
        out[n] = -v2
    return worst


def _blend(tone: float) -> tuple[list[float], list[float]]:
    low, high = linear.low_pass(400.0), linear.high_pass(1100.0)
    b = np.polyadd(
        (1.0 - tone) * np.polymul(low[0], high[1]), tone * np.polymul(high[0], low[1])
    )
    a, tau = np.polymul(low[1], high[1]), R_LEVEL * C_LEVEL
    return list(np.polymul(-b, [tau, 0.0])), list(np.polymul(a, [tau, 1.0]))


def _core_response(f: np.ndarray, sustain: float) -> np.ndarray:
    s = 2j * np.pi * f
    rf = 1.0 / (1.0 / R_F + 2 * DIODE_IS / DIODE_NVT)
    high_pass = s * C_IN * R_IN / (1 + s * C_IN * R_IN)
    stage = -(rf / (1 + s * rf * C_F)) / (R_S + 1 / (s * C_S))
    return -high_pass * (G_MIN + (G_MAX - G_MIN) * sustain**2) * stage**2


CIRCUIT = Circuit(
    name="fuzz_sustain",
    knobs=("Sustain", "Tone", "Level"),
    core=_core,
    tone_stage=lambda x, tone: linear.play(*_blend(tone), x),
    tone_grid=(0.0, 1.0),
    output=1.5,
    core_response=_core_response,
    tone_response=lambda f, tone: linear.response(*_blend(tone), f),
    text=TEXT,
)
