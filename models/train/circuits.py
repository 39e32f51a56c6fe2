"""The two reference circuits, solved sample by sample at eight times the audio rate.

Both are our own designs on well-known principles. The way of solving them follows Yeh, Abel and
Smith, "Simplified, physically-informed models of distortion and overdrive guitar effects pedals",
DAFx-07: each stage by itself, ideal op-amps, Newton's method for the diode node. Linear parts use
the trapezoidal rule. Diode nodes use the second backward difference formula (BDF2), because the
trapezoidal rule rings at the Nyquist frequency where a conducting diode makes the node stiff.

Units: one sample of 1.0 is one volt; ohm, farad, ampere, second. Controls run from 0 to 1.
``drive`` is an array, one value per audio sample, so that it can move; it is held within a sample.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit

from .oversample import FACTOR, around

RATE = 48_000
"""Audio rate of every model made here, in Hz."""

STEP = 1.0 / (RATE * FACTOR)
DIODE_IS = 2.52e-9
DIODE_NVT = 1.75 * 25.85e-3
NEWTON_MAX = 40
NEWTON_TOL = 1e-10


@njit(cache=True)
def _diode_node(v, known, conductance):
    """Solves ``conductance * v + 2 Is sinh(v / nVt) = known`` for ``v`` (the voltage over an
    anti-parallel pair), starting from the last solution. Returns ``(v, steps)``."""
    for step in range(NEWTON_MAX):
        e = np.exp(v / DIODE_NVT)
        f = conductance * v + DIODE_IS * (e - 1.0 / e) - known
        d = conductance + DIODE_IS * (e + 1.0 / e) / DIODE_NVT
        dv = f / d
        # A long Newton step would overflow the exponential: 100 mV at most.
        v -= min(max(dv, -0.1), 0.1)
        if abs(dv) < NEWTON_TOL:
            return v, step + 1
    return v, NEWTON_MAX + 1


@njit(cache=True)
def _overdrive(x, drive, tone, level, out):
    """Diodes in the feedback of a non-inverting op-amp. Returns the worst Newton step count."""
    h = STEP
    # Input coupling 22 nF into 470 kohm (15 Hz).
    k_in = 1.0 / (1.0 + 0.5 * h / (22e-9 * 470e3))
    a_in = (1.0 - 0.5 * h / (22e-9 * 470e3)) * k_in
    # Leg to ground 4.3 kohm + 56 nF (661 Hz): only what lies above it is driven into the diodes.
    rg, cg = 4.3e3, 56e-9
    cf = 82e-12
    # Tone: 1 kohm, then 150 nF in series with the tone resistance to ground (a shelf).
    rt = 33.0 + 1.8e3 * tone * tone
    pole, zero = 150e-9 * (1e3 + rt), 150e-9 * rt
    t0, t1 = 1.0 + 2.0 * zero / h, 1.0 - 2.0 * zero / h
    p0, p1 = 1.0 + 2.0 * pole / h, 1.0 - 2.0 * pole / h
    # Output low-pass 3.3 kohm, 6.8 nF (7.1 kHz).
    q = 0.5 * h / (3.3e3 * 6.8e-9)
    x1 = vp = vc = ig = v = v_old = t_in = t_out = o_in = o_out = 0.0
    worst = 0
    for n in range(x.size):
        rf = 22e3 + 480e3 * drive[n // FACTOR] ** 2
        vp = a_in * vp + k_in * (x[n] - x1)
        x1 = x[n]
        g = 0.5 * h / (rg * cg)
        vc = (vc + 0.5 * h / cg * ig + g * vp) / (1.0 + g)
        ig = (vp - vc) / rg
        known = ig + cf / h * (2.0 * v - 0.5 * v_old)
        v_old = v
        v, steps = _diode_node(v, known, 1.5 * cf / h + 1.0 / rf)
        worst = max(worst, steps)
        s = vp + v
        t_out = (t0 * s + t1 * t_in - p1 * t_out) / p0
        t_in = s
        o_out = ((1.0 - q) * o_out + q * (t_out + o_in)) / (1.0 + q)
        o_in = t_out
        out[n] = level * o_out
    return worst


@njit(cache=True)
def _distortion(x, drive, tone, level, out):
    """A high-gain op-amp that reaches its rails, then diodes to ground. Returns the worst Newton
    step count."""
    h = STEP
    # Input coupling 10 nF into 1 Mohm (16 Hz).
    k_in = 1.0 / (1.0 + 0.5 * h / (10e-9 * 1e6))
    a_in = (1.0 - 0.5 * h / (10e-9 * 1e6)) * k_in
    # Gain stage: 2.7 kohm + 150 nF to ground (393 Hz), 100 pF over the feedback resistor.
    rg, cg, cf = 2.7e3, 150e-9, 100e-12
    # Clipper: 470 nF and 2.2 kohm in series, then 15 nF, 100 kohm and the diode pair to ground.
    rs, cc, cd, rl = 2.2e3, 470e-9, 15e-9, 100e3
    # Tone: a blend of a low-pass (800 Hz) and a high-pass (1.3 kHz).
    lo, hi = np.pi * 800.0 * h, np.pi * 1300.0 * h
    # Output low-pass 2.2 kohm, 10 nF (7.2 kHz).
    q = 0.5 * h / (2.2e3 * 10e-9)
    x1 = vp = vc = ig = v = cap = vd = vd_old = low = high = o_in = o_out = 0.0
    worst = 0
    for n in range(x.size):
        rf = 4.7e3 + 245e3 * drive[n // FACTOR] ** 2
        vp = a_in * vp + k_in * (x[n] - x1)
        x1 = x[n]
        g = 0.5 * h / (rg * cg)
        ig_old = ig
        vc = (vc + 0.5 * h / cg * ig + g * vp) / (1.0 + g)
        ig = (vp - vc) / rg
        b = 0.5 * h / cf
        v = (v * (1.0 - b / rf) + b * (ig + ig_old)) / (1.0 + b / rf)
        u = vp + v
        rail = 4.2 if u > 0.0 else 3.6
        u = u / (1.0 + (u / rail) ** 6) ** (1.0 / 6.0)
        series = 1.0 / (rs + h / cc)
        known = (u - cap) * series + cd / h * (2.0 * vd - 0.5 * vd_old)
        vd_old = vd
        vd, steps = _diode_node(vd, known, 1.5 * cd / h + 1.0 / rl + series)
        worst = max(worst, steps)
        cap += h / cc * (u - cap - vd) * series
        low = ((1.0 - lo) * low + lo * (vd + vd_old)) / (1.0 + lo)
        high = ((1.0 - hi) * high + (vd - vd_old)) / (1.0 + hi)
        s = (1.0 - tone) * low + tone * high
        o_out = ((1.0 - q) * o_out + q * (s + o_in)) / (1.0 + q)
        o_in = s
        out[n] = 2.0 * level * o_out
    return worst


@dataclass(frozen=True)
class Circuit:
    """A circuit and what its three controls do."""

    name: str
    solver: Callable[..., int]
    small_signal: Callable[[np.ndarray, float, float, float], np.ndarray]

    def render(
        self, x: np.ndarray, drive: float | np.ndarray, tone: float, level: float
    ) -> np.ndarray:
        """Plays ``x`` ``[n]`` (volts, 48 kHz) from rest. ``drive`` is a number or ``[n]``.

        Raises ``ArithmeticError`` where the solver did not converge or left the finite numbers.
        """
        moving = np.ascontiguousarray(np.broadcast_to(np.asarray(drive, np.float64), x.shape))

        def fast(signal: np.ndarray) -> np.ndarray:
            out = np.empty_like(signal)
            if self.solver(signal, moving, tone, level, out) > NEWTON_MAX:
                raise ArithmeticError(f"{self.name}: Newton's method did not converge")
            return out

        y = around(fast, x)
        if not np.isfinite(y).all():
            raise ArithmeticError(f"{self.name}: output is not finite")
        return y


def _overdrive_response(f: np.ndarray, drive: float, tone: float, level: float) -> np.ndarray:
    s = 2j * np.pi * f
    rf = 1.0 / (1.0 / (22e3 + 480e3 * drive**2) + 2 * DIODE_IS / DIODE_NVT)
    high_pass = s * 22e-9 * 470e3 / (1 + s * 22e-9 * 470e3)
    stage = 1 + (rf / (1 + s * rf * 82e-12)) / (4.3e3 + 1 / (s * 56e-9))
    rt = 33.0 + 1.8e3 * tone**2
    shelf = (1 + s * 150e-9 * rt) / (1 + s * 150e-9 * (1e3 + rt))
    return level * high_pass * stage * shelf / (1 + s * 3.3e3 * 6.8e-9)


def _distortion_response(f: np.ndarray, drive: float, tone: float, level: float) -> np.ndarray:
    s = 2j * np.pi * f
    rf = 4.7e3 + 245e3 * drive**2
    high_pass = s * 10e-9 * 1e6 / (1 + s * 10e-9 * 1e6)
    stage = 1 + (rf / (1 + s * rf * 100e-12)) / (2.7e3 + 1 / (s * 150e-9))
    shunt = 1 / (1 / 100e3 + s * 15e-9 + 2 * DIODE_IS / DIODE_NVT)
    clipper = shunt / (shunt + 2.2e3 + 1 / (s * 470e-9))
    w_low, w_high = 2 * np.pi * 800.0, 2 * np.pi * 1300.0
    blend = (1 - tone) / (1 + s / w_low) + tone * s / (s + w_high)
    return 2 * level * high_pass * stage * clipper * blend / (1 + s * 2.2e3 * 10e-9)


OVERDRIVE = Circuit("overdrive", _overdrive, _overdrive_response)
DISTORTION = Circuit("distortion", _distortion, _distortion_response)
