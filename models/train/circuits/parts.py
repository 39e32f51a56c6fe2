"""The nonlinear parts and how they are solved: diode pairs, transistors, triodes.

Linear parts use the trapezoidal rule, or backward Euler where a series resistor and capacitor are
in front of a node. Diode nodes use the second backward difference formula (BDF2), because the
trapezoidal rule rings at the Nyquist frequency where a conducting diode makes the node stiff.
"""

import numpy as np
from numba import njit

from ..oversample import FACTOR

RATE = 48_000
"""Audio rate of every model made here, in Hz."""

STEP = 1.0 / (RATE * FACTOR)
"""Seconds per fast sample."""

DIODE_IS = 2.52e-9
DIODE_NVT = 1.75 * 25.85e-3
NEWTON_MAX = 60
NEWTON_TOL = 1e-10


@njit(cache=True)
def diode_node(v, known, conductance):
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


TRIODE_MU, TRIODE_EX, TRIODE_KG, TRIODE_KP, TRIODE_KVB = 100.0, 1.4, 1060.0, 600.0, 300.0
GRID_G, GRID_C = 6.1e-4, 9.9


@njit(cache=True)
def triode_plate(vgk, vpk):
    """Plate current of a 12AX7-like triode and its slope over the plate's voltage: Koren,
    "Improved vacuum tube models for SPICE simulations", 1996."""
    if vpk < 1e-3:
        vpk = 1e-3
    root = np.sqrt(TRIODE_KVB + vpk * vpk)
    a = TRIODE_KP * (1.0 / TRIODE_MU + vgk / root)
    if a > 30.0:
        soft, slope = a, 1.0
    else:
        e = np.exp(a)
        soft, slope = np.log1p(e), e / (1.0 + e)
    e1 = vpk / TRIODE_KP * soft
    d1 = soft / TRIODE_KP - vpk * slope * vgk * vpk / (root * root * root)
    current = 2.0 * e1**TRIODE_EX / TRIODE_KG
    return current, current * TRIODE_EX * d1 / max(e1, 1e-30)


@njit(cache=True)
def triode_grid(vgk):
    """Grid current and its slope: Dempwolf and Zölzer, "A physically-motivated triode model for
    circuit simulations", DAFx-11, with an exponent of 1.5."""
    a = GRID_C * vgk
    if a > 30.0:
        soft, slope = a, 1.0
    else:
        e = np.exp(a)
        soft, slope = np.log1p(e), e / (1.0 + e)
    root = np.sqrt(soft / GRID_C)
    return GRID_G * root * root * root, GRID_G * 1.5 * root * slope


@njit(cache=True)
def triode_rest(supply, rp, rk, rl):
    """Plate and cathode voltage of a stage at rest (grid leak ``rl`` to ground)."""
    vk, vp, vg = 1.0, 0.7 * supply, 0.0
    for _ in range(20_000):
        ig = triode_grid(vg - vk)[0]
        vg += 0.1 * (-rl * ig - vg)
        current = triode_plate(vg - vk, vp - vk)[0]
        vk += 0.02 * (rk * (current + ig) - vk)
        vp += 0.02 * (supply - rp * current - vp)
    return vp, vk, vg


@njit(cache=True)
def triode_stage(x, out, supply, rp, cp, rk, ck, rs, cc, rl):
    """A common-cathode stage: ``cc`` and ``rs`` in series to the grid, leak ``rl``; plate load
    ``rp`` with ``cp`` over it; cathode ``rk`` beside ``ck``. ``out`` is the plate's change from
    rest. Returns the worst Newton step count."""
    h = STEP
    vp0, vk, vg = triode_rest(supply, rp, rk, rl)
    vp, vp_old = vp0, vp0
    vc = -vg
    series = 1.0 / (rs + h / cc)
    worst = 0
    for n in range(x.size):
        # Grid: the coupling capacitor by backward Euler, the cathode held for this step.
        steps = 0
        while True:
            ig, dig = triode_grid(vg - vk)
            f = (x[n] - vc - vg) * series - vg / rl - ig
            dv = min(max(f / (series + 1.0 / rl + dig), -20.0), 20.0)
            vg += dv
            steps += 1
            if abs(dv) < 1e-7:
                ig += dig * dv
                break
            if steps > NEWTON_MAX:
                return steps
        worst = max(worst, steps)
        vc += h / cc * (x[n] - vc - vg) * series
        # Plate, by BDF2, from where the last two solutions point.
        a, b = 1.5 * cp / h, cp / h * (2.0 * vp - 0.5 * vp_old)
        guess = 2.0 * vp - vp_old
        vp_old, vp = vp, guess
        steps = 0
        while True:
            current, slope = triode_plate(vg - vk, vp - vk)
            f = (supply - vp) / rp - current - a * vp + b
            dv = min(max(f / (1.0 / rp + slope + a), -60.0), 60.0)
            vp += dv
            steps += 1
            if abs(dv) < 1e-5:
                current += slope * dv
                break
            if steps > NEWTON_MAX:
                return steps
        worst = max(worst, steps)
        vk += h / ck * (current + ig - vk / rk)
        out[n] = vp - vp0
    return worst


def triode_response(
    f: np.ndarray,
    supply: float,
    rp: float,
    cp: float,
    rk: float,
    ck: float,
    rs: float,
    cc: float,
    rl: float,
) -> np.ndarray:
    """The stage's transfer function for small signals, from the schematic: the tube as a
    transconductance and a plate resistance at its point of rest."""
    s = 2j * np.pi * f
    vp, vk, vg = triode_rest(supply, rp, rk, rl)
    d = 1e-5
    gm = (triode_plate(vg - vk + d, vp - vk)[0] - triode_plate(vg - vk - d, vp - vk)[0]) / (2 * d)
    gp = triode_plate(vg - vk, vp - vk)[1]
    gg = triode_grid(vg - vk)[1]
    yk = 1 / rk + s * ck
    # The grid's own current is a thousandth of the plate's: it loads the input alone.
    zin = 1 / (1 / rl + gg)
    divider = zin / (zin + rs + 1 / (s * cc))
    # Unknowns plate p and cathode k for a grid of one volt:
    #   p (1/rp + s cp + gp) - k (gm + gp) = -gm;   k (yk + gm + gp) - p gp = gm
    yp = 1 / rp + s * cp + gp
    det = yp * (yk + gm + gp) - gp * (gm + gp)
    return divider * (-gm * (yk + gm + gp) + gm * (gm + gp)) / det


BJT_VT, BJT_IS, BJT_BF, BJT_BR = 25.85e-3, 1e-14, 120.0, 4.0


@njit(cache=True)
def bjt(vbe, vbc):
    """Ebers-Moll: collector and base current and their slopes
    ``(ic, ib, dic/dvbe, dic/dvbc, dib/dvbe, dib/dvbc)``."""
    ef, er = np.exp(vbe / BJT_VT), np.exp(vbc / BJT_VT)
    ic = BJT_IS * (ef - er) - BJT_IS / BJT_BR * (er - 1.0)
    ib = BJT_IS / BJT_BF * (ef - 1.0) + BJT_IS / BJT_BR * (er - 1.0)
    gf, gr = BJT_IS * ef / BJT_VT, BJT_IS * er / BJT_VT
    return ic, ib, gf, -gr * (1.0 + 1.0 / BJT_BR), gf / BJT_BF, gr / BJT_BR


@njit(cache=True)
def bjt_solve(vbe, vbc, known, gs, supply, rc, gcc, known_c, re):
    """Solves a common-emitter stage with base current source ``known`` beside conductance ``gs``,
    collector resistor ``rc`` beside conductance ``gcc`` with source ``known_c``, emitter ``re``.
    Returns ``(vbe, vbc, steps)``."""
    for step in range(NEWTON_MAX):
        ic, ib, a, b, c, d = bjt(vbe, vbc)
        ve = re * (ic + ib)
        vb = ve + vbe
        vc = vb - vbc
        f1 = known - gs * vb - ib
        f2 = (supply - vc) / rc + known_c - gcc * vc - ic
        dve1, dve2 = re * (a + c), re * (b + d)
        j11 = -gs * (dve1 + 1.0) - c
        j12 = -gs * dve2 - d
        gl = 1.0 / rc + gcc
        j21 = -gl * (dve1 + 1.0) - a
        j22 = -gl * (dve2 - 1.0) - b
        det = j11 * j22 - j12 * j21
        d1 = (f1 * j22 - f2 * j12) / det
        d2 = (f2 * j11 - f1 * j21) / det
        # Steps into conduction are short, since they move an exponential.
        d1 = max(min(d1, 20.0), vbe - max(vbe, 0.45) - 0.06)
        d2 = max(min(d2, 20.0), vbc - max(vbc, 0.45) - 0.06)
        vbe -= d1
        vbc -= d2
        if abs(d1) < NEWTON_TOL and abs(d2) < NEWTON_TOL:
            return vbe, vbc, step + 1
    return vbe, vbc, NEWTON_MAX + 1


@njit(cache=True)
def bjt_stage(x, out, supply, rs, cc, rb, bias, rc, cl, re):
    """A common-emitter stage: ``cc`` and ``rs`` in series to the base, ``rb`` to ``bias`` volts,
    collector load ``rc`` beside ``cl`` to ground, emitter resistor ``re``. ``out`` is the
    collector's change from rest. Returns the worst Newton step count."""
    h = STEP
    vbe, vbc, steps = bjt_solve(0.5, -2.0, bias / rb, 1.0 / rb, supply, rc, 0.0, 0.0, re)
    worst = 0
    ic, ib = bjt(vbe, vbc)[:2]
    vb = re * (ic + ib) + vbe
    rest = vb - vbc
    vc, vc_old = rest, rest
    cap = -vb
    series = 1.0 / (rs + h / cc)
    for n in range(x.size):
        known = (x[n] - cap) * series + bias / rb
        a, b = 1.5 * cl / h, cl / h * (2.0 * vc - 0.5 * vc_old)
        vbe, vbc, steps = bjt_solve(vbe, vbc, known, series + 1.0 / rb, supply, rc, a, b, re)
        worst = max(worst, steps)
        ic, ib = bjt(vbe, vbc)[:2]
        vb = re * (ic + ib) + vbe
        cap += h / cc * (x[n] - cap - vb) * series
        vc_old = vc
        vc = vb - vbc
        out[n] = vc - rest
    return worst


def bjt_response(
    f: np.ndarray,
    supply: float,
    rs: float,
    cc: float,
    rb: float,
    bias: float,
    rc: float,
    cl: float,
    re: float,
) -> np.ndarray:
    """The stage's transfer function for small signals, by nodal analysis about the rest point."""
    s = 2j * np.pi * f
    vbe, vbc, _ = bjt_solve(0.5, -2.0, bias / rb, 1.0 / rb, supply, rc, 0.0, 0.0, re)
    _, _, a, b, c, d = bjt(vbe, vbc)
    ys = 1 / (rs + 1 / (s * cc))
    out = np.empty(len(f), np.complex128)
    for k in range(len(f)):
        # Unknowns: base, collector, emitter voltages for one volt at the input.
        matrix = np.array(
            [
                [ys[k] + 1 / rb + c + d, -d, -c],
                [a + b, 1 / rc + s[k] * cl - b, -a],
                [-(a + b + c + d), b + d, 1 / re + a + c],
            ]
        )
        out[k] = np.linalg.solve(matrix, np.array([ys[k], 0, 0]))[1]
    return out
