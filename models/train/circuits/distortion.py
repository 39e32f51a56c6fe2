"""Hard clipping: a high-gain op-amp that reaches its rails, then diodes to ground."""

import numpy as np
from numba import njit

from . import linear
from .circuit import Circuit
from .parts import DIODE_IS, DIODE_NVT, FACTOR, STEP, diode_node

R_IN, C_IN = 1e6, 10e-9
R_G, C_G = 2.7e3, 150e-9
R_F, R_DRIVE, C_F = 4.7e3, 245e3, 100e-12
R_S, C_C, C_D, R_L = 2.2e3, 470e-9, 15e-9, 100e3
R_OUT, C_OUT = 2.2e3, 10e-9
R_LEVEL, C_LEVEL = 100e3, 47e-9

TEXT = """\
A high-gain non-inverting op-amp that reaches its (uneven) rails, then an anti-parallel diode pair
to ground (hard clipping), of our own values. Input coupling 10 nF into 1 MΩ; gain leg 2.7 kΩ +
150 nF, feedback 4.7 kΩ + 245 kΩ · drive² with 100 pF; rails +4.2 V and -3.6 V, smooth; 470 nF and
2.2 kΩ into 15 nF, 100 kΩ and the diodes; tone as a blend of an 800 Hz low-pass and a 1.3 kHz
high-pass (a mid scoop); output low-pass 2.2 kΩ, 10 nF, coupling 47 nF into 100 kΩ (34 Hz), make-up
gain 2 · level.

With `u` the op-amp's output, `v` the diode voltage, `v_c` that of the coupling capacitor:

    i = (u - v_c - v) / R_s        C_c dv_c/dt = i
    C_d dv/dt = i - v / R_l - 2 I_s sinh(v / (n V_t))

The op-amp has no slew rate."""


@njit(cache=True)
def _core(x, drive, out):
    h = STEP
    k_in = 1.0 / (1.0 + 0.5 * h / (C_IN * R_IN))
    a_in = (1.0 - 0.5 * h / (C_IN * R_IN)) * k_in
    g, b = 0.5 * h / (R_G * C_G), 0.5 * h / C_F
    series = 1.0 / (R_S + h / C_C)
    x1 = vp = vc = ig = v = cap = vd = vd_old = 0.0
    worst = 0
    for n in range(x.size):
        rf = R_F + R_DRIVE * drive[n // FACTOR] ** 2
        vp = a_in * vp + k_in * (x[n] - x1)
        x1 = x[n]
        ig_old = ig
        vc = (vc + 0.5 * h / C_G * ig + g * vp) / (1.0 + g)
        ig = (vp - vc) / R_G
        v = (v * (1.0 - b / rf) + b * (ig + ig_old)) / (1.0 + b / rf)
        u = vp + v
        rail = 4.2 if u > 0.0 else 3.6
        u = u / (1.0 + (u / rail) ** 6) ** (1.0 / 6.0)
        known = (u - cap) * series + C_D / h * (2.0 * vd - 0.5 * vd_old)
        vd_old = vd
        vd, steps = diode_node(vd, known, 1.5 * C_D / h + 1.0 / R_L + series)
        worst = max(worst, steps)
        cap += h / C_C * (u - cap - vd) * series
        out[n] = vd
    return worst


def _blend(tone: float) -> tuple[list[float], list[float]]:
    low, high = linear.low_pass(800.0), linear.high_pass(1300.0)
    b = np.polyadd(
        (1.0 - tone) * np.polymul(low[0], high[1]), tone * np.polymul(high[0], low[1])
    )
    a = np.polymul(np.polymul(low[1], high[1]), [R_OUT * C_OUT, 1.0])
    tau = R_LEVEL * C_LEVEL
    return list(np.polymul(b, [tau, 0.0])), list(np.polymul(a, [tau, 1.0]))


def _core_response(f: np.ndarray, drive: float) -> np.ndarray:
    s = 2j * np.pi * f
    rf = R_F + R_DRIVE * drive**2
    high_pass = s * C_IN * R_IN / (1 + s * C_IN * R_IN)
    stage = 1 + (rf / (1 + s * rf * C_F)) / (R_G + 1 / (s * C_G))
    shunt = 1 / (1 / R_L + s * C_D + 2 * DIODE_IS / DIODE_NVT)
    return high_pass * stage * shunt / (shunt + R_S + 1 / (s * C_C))


CIRCUIT = Circuit(
    name="distortion",
    knobs=("Drive", "Tone", "Level"),
    core=_core,
    tone_stage=lambda x, tone: linear.play(*_blend(tone), x),
    tone_grid=(0.0, 1.0),
    output=2.0,
    core_response=_core_response,
    tone_response=lambda f, tone: linear.response(*_blend(tone), f),
    text=TEXT,
)
