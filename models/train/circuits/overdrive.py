"""Soft clipping: anti-parallel diodes in the feedback of a non-inverting op-amp."""

import numpy as np
from numba import njit

from . import linear
from .circuit import Circuit
from .parts import DIODE_IS, DIODE_NVT, FACTOR, STEP, diode_node

R_IN, C_IN = 470e3, 22e-9
R_G, C_G = 4.3e3, 56e-9
R_F, R_DRIVE, C_F = 22e3, 480e3, 82e-12
R_T, C_T = 1e3, 150e-9
R_OUT, C_OUT = 3.3e3, 6.8e-9

TEXT = """\
A non-inverting op-amp with an anti-parallel diode pair in its feedback (soft clipping), of our own
values. Input coupling 22 nF into 470 kΩ; leg to ground 4.3 kΩ + 56 nF, so that only what lies above
661 Hz is driven hard (the mid hump); feedback 22 kΩ + 480 kΩ · drive², 82 pF and the diodes; tone
shelf 1 kΩ against 150 nF + 33 Ω + 1.8 kΩ · tone²; output low-pass 3.3 kΩ, 6.8 nF.

With `v` the feedback voltage, `i` the leg's current and `u` the coupled input:

    i = (u - v_c) / R_g        C_g dv_c/dt = i
    C_f dv/dt = i - v / R_f - 2 I_s sinh(v / (n V_t))        out of the stage: u + v

The op-amp is ideal: it has neither rails nor a slew rate."""


@njit(cache=True)
def _core(x, drive, out):
    h = STEP
    k_in = 1.0 / (1.0 + 0.5 * h / (C_IN * R_IN))
    a_in = (1.0 - 0.5 * h / (C_IN * R_IN)) * k_in
    g = 0.5 * h / (R_G * C_G)
    x1 = vp = vc = ig = v = v_old = 0.0
    worst = 0
    for n in range(x.size):
        rf = R_F + R_DRIVE * drive[n // FACTOR] ** 2
        vp = a_in * vp + k_in * (x[n] - x1)
        x1 = x[n]
        vc = (vc + 0.5 * h / C_G * ig + g * vp) / (1.0 + g)
        ig = (vp - vc) / R_G
        known = ig + C_F / h * (2.0 * v - 0.5 * v_old)
        v_old = v
        v, steps = diode_node(v, known, 1.5 * C_F / h + 1.0 / rf)
        worst = max(worst, steps)
        out[n] = vp + v
    return worst


def _shelf(tone: float) -> tuple[list[float], list[float]]:
    rt = 33.0 + 1.8e3 * tone**2
    shelf = [C_T * rt, 1.0], [C_T * (R_T + rt), 1.0]
    low = [1.0], [R_OUT * C_OUT, 1.0]
    return list(np.polymul(shelf[0], low[0])), list(np.polymul(shelf[1], low[1]))


def _core_response(f: np.ndarray, drive: float) -> np.ndarray:
    s = 2j * np.pi * f
    rf = 1.0 / (1.0 / (R_F + R_DRIVE * drive**2) + 2 * DIODE_IS / DIODE_NVT)
    high_pass = s * C_IN * R_IN / (1 + s * C_IN * R_IN)
    return high_pass * (1 + (rf / (1 + s * rf * C_F)) / (R_G + 1 / (s * C_G)))


CIRCUIT = Circuit(
    name="overdrive",
    knobs=("Drive", "Tone", "Level"),
    core=_core,
    tone_stage=lambda x, tone: linear.play(*_shelf(tone), x),
    tone_grid=tuple(k / 8 for k in range(9)),
    output=1.0,
    core_response=_core_response,
    tone_response=lambda f, tone: linear.response(*_shelf(tone), f),
    text=TEXT,
)
