"""The devices as rows of stages, with the constants of their schematics.

A device's ``step(u, m, s, k, f)`` plays one sample: input ``u``, what the first knob moves ``m``
(``moving`` gives it for ``q = drive²``), states ``s``, constants ``k`` and learned functions ``f``,
one of each a stage. It returns the output, the new states and all nodes' inputs. ``nodes`` says
what is learned: which columns of those inputs belong to a function, and what the part itself
answers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numba.extending import register_jitable

from ..circuits import RATE, amp, distortion, fuzz_raw, fuzz_sustain, overdrive
from ..circuits.parts import (
    NEWTON_MAX,
    bjt,
    bjt_solve,
    diode_node,
    triode_grid,
    triode_plate,
    triode_rest,
)
from .arithmetic import Value, bend, odd
from .steps import feedback_diodes, high_pass, shunt_diodes, transistor, triode

Answer = Callable[[np.ndarray], np.ndarray]
"""From node inputs ``[n, columns]`` to what the part answers ``[n]``."""


@dataclass(frozen=True)
class Node:
    """A function to be learned, with so many hidden units, from the node inputs at ``places``
    (columns, for each stage that uses it). ``kind`` is the function in ``arithmetic.py``. An error
    counts in proportion to the answer, but to ``floor`` at least."""

    kind: str
    units: int
    places: tuple[tuple[int, ...], ...]
    answer: Answer
    floor: float
    reach: tuple[tuple[float, float], ...]
    """Lowest and highest of each input; beyond, the part answers as at the edge."""


@dataclass(frozen=True)
class Device:
    """A row of stages at ``times`` the audio rate."""

    name: str
    times: int
    states: int
    step: Callable
    moving: Callable[[Value], tuple[Value, ...]]
    constants: tuple[np.ndarray, ...]
    nodes: tuple[Node, ...]


# ------------------------------------------------------------------ what the parts answer


@njit(cache=True)
def _diodes(known, conductance):
    """Voltage over a pair of diodes for currents and conductances ``[n]``."""
    out = np.empty_like(known)
    order = np.argsort(known)
    v = 0.0
    for n in order[np.searchsorted(known[order], 0.0) :]:
        v = diode_node(v, known[n], conductance[n])[0]
        out[n] = v
    v = 0.0
    for n in order[: np.searchsorted(known[order], 0.0)][::-1]:
        v = diode_node(v, known[n], conductance[n])[0]
        out[n] = v
    return out


def _pair(conductance: float) -> Answer:
    """Diodes beside a fixed conductance."""
    return lambda x: _diodes(np.ascontiguousarray(x[:, 0]), np.full(len(x), conductance))


@njit(cache=True)
def _transistor(drop, load, collector, series, supply, rb, bias, rc, gcc, re):
    """Base or collector voltage, from rest; not a number where the solver finds none."""
    out = np.empty_like(drop)
    vbe0, vbc0, _ = bjt_solve(0.5, -2.0, bias / rb, 1.0 / rb, supply, rc, 0.0, 0.0, re)
    ic, ib = bjt(vbe0, vbc0)[:2]
    vb0 = re * (ic + ib) + vbe0
    vc0 = vb0 - vbc0
    gl = 1.0 / rc + gcc
    for n in range(drop.size):
        known = (drop[n] + vb0) * series + bias / rb
        known_c = gl * load[n] + gcc * vc0
        vbe, vbc, steps = bjt_solve(
            vbe0, vbc0, known, series + 1.0 / rb, supply, rc, gcc, known_c, re
        )
        ic, ib = bjt(vbe, vbc)[:2]
        vb = re * (ic + ib) + vbe
        out[n] = vb - vbc - vc0 if collector else vb - vb0
        if steps > NEWTON_MAX:
            out[n] = np.nan
    return out


@njit(cache=True)
def _plate(vgk, load, gp, vgk0, vpk0):
    out = np.empty_like(vgk)
    rest = triode_plate(vgk0, vpk0)[0]
    for n in range(vgk.size):
        low, high = -vpk0, 600.0
        for _ in range(60):
            v = 0.5 * (low + high)
            if gp * (v - load[n]) + triode_plate(vgk0 + vgk[n], vpk0 + v)[0] - rest > 0:
                high = v
            else:
                low = v
        out[n] = 0.5 * (low + high)
    return out


# ------------------------------------------------------------------ rows of stages


def sustain(times: int, units: int) -> Device:
    """Two amplifiers with diodes in their feedback behind a gain."""
    c, h = fuzz_sustain, 1.0 / (RATE * times)
    g = 0.5 * h / (c.R_S * c.C_S)
    half = 0.5 * h / (c.C_IN * c.R_IN)
    conductance = 1.5 * c.C_F / h + 1.0 / c.R_F
    stage = [g / (1 + g), 1 / (1 + g), 1 / c.R_S, 0.5 * h / c.C_S, 2 * c.C_F / h, 0.5 * c.C_F / h]

    @register_jitable
    def step(u, m, s, k, f):
        v, hp = high_pass(u, s[0], k[0])
        v1, s1, n1 = feedback_diodes(v * m[0], s[1], s[2], s[3], k[1], f[0])
        v2, s2, n2 = feedback_diodes(v1, s[4], s[5], s[6], k[1], f[0])
        return v2 * -1.0, (hp, s1, v1, s[2], s2, v2, s[5]), (n1, n2)

    def moving(q: Value) -> tuple[Value, ...]:
        return (q * -(c.G_MAX - c.G_MIN) - c.G_MIN,)

    coupling = np.array([1 / (1 + half), (1 - half) / (1 + half)])
    node = Node("odd", units, ((0,), (1,)), _pair(conductance), 0.002, ((-4e-3, 4e-3),))
    return Device("fuzz_sustain", times, 7, step, moving, (coupling, np.array(stage)), (node,))


def soft(times: int, units: int) -> Device:
    """Diodes in the feedback of a non-inverting amplifier, whose resistor is the knob."""
    c, h = overdrive, 1.0 / (RATE * times)
    half, g = 0.5 * h / (c.C_IN * c.R_IN), 0.5 * h / (c.R_G * c.C_G)

    @register_jitable
    def step(u, m, s, k, f):
        p, hp = high_pass(u, s[0], k[0])
        vc = p * k[1][0] + s[1] * k[1][1]
        i = (p - vc) * k[1][2]
        node = i + s[2] * k[2][0] - s[3] * k[2][1]
        v = odd(node, m[0], f[0])
        return p + v, (hp, vc + i * k[1][3], v, s[2]), (node, m[0])

    def moving(q: Value) -> tuple[Value, ...]:
        return (1.0 / (q * c.R_DRIVE + c.R_F),)

    k = (
        np.array([1 / (1 + half), (1 - half) / (1 + half)]),
        np.array([g / (1 + g), 1 / (1 + g), 1 / c.R_G, 0.5 * h / c.C_G]),
        np.array([2 * c.C_F / h, 0.5 * c.C_F / h]),
    )

    def answer(x: np.ndarray) -> np.ndarray:
        return _diodes(np.ascontiguousarray(x[:, 0]), 1.5 * c.C_F / h + x[:, 1])

    reach = ((-2e-3, 2e-3), (0.0, 1.0 / c.R_F))
    node = Node("odd", units, ((0, 1),), answer, 0.02, reach)
    return Device("overdrive", times, 4, step, moving, k, (node,))


def hard(times: int, units: tuple[int, int]) -> Device:
    """A loud amplifier, its rails, and diodes to ground."""
    c, h = distortion, 1.0 / (RATE * times)
    half, g, b = 0.5 * h / (c.C_IN * c.R_IN), 0.5 * h / (c.R_G * c.C_G), 0.5 * h / c.C_F
    series = 1.0 / (c.R_S + h / c.C_C)
    conductance = 1.5 * c.C_D / h + 1.0 / c.R_L + series

    @register_jitable
    def step(u, m, s, k, f):
        p, hp = high_pass(u, s[0], k[0])
        vc = p * k[1][0] + s[1] * k[1][1]
        i = (p - vc) * k[1][2]
        # The feedback's voltage by the trapezoidal rule; its resistor is the knob. What comes back
        # has to lie in a loop: a mere delay would cut the engine's work into single samples.
        v = s[2] + i * m[1]
        rails = bend(p + v, f[0])
        d, cap, n = shunt_diodes(rails, s[3], s[4], s[5], k[2], f[1])
        return d, (hp, vc + i * k[1][3], v * m[0] + i * m[1], cap, d, s[4]), (p + v, n)

    def moving(q: Value) -> tuple[Value, ...]:
        leak = b / (q * c.R_DRIVE + c.R_F)
        return (1.0 - leak) / (leak + 1.0), b / (leak + 1.0)

    def rails(x: np.ndarray) -> np.ndarray:
        u = x[:, 0]
        return u / (1.0 + (u / np.where(u > 0, 4.2, 3.6)) ** 6) ** (1 / 6)

    k = (
        np.array([1 / (1 + half), (1 - half) / (1 + half)]),
        np.array([g / (1 + g), 1 / (1 + g), 1 / c.R_G, 0.5 * h / c.C_G]),
        np.array([series, 2 * c.C_D / h, 0.5 * c.C_D / h, h / c.C_C * series]),
    )
    # A volt over the diodes' capacitor, and both rails over the resistor.
    most = 1.2 * (1.5 * c.C_D / h + 8.0 / c.R_S)
    nodes = (
        Node("bend", units[0], ((0,),), rails, 0.3, ((-90.0, 90.0),)),
        Node("odd", units[1], ((1,),), _pair(conductance), 0.004, ((-most, most),)),
    )
    return Device("distortion", times, 6, step, moving, k, nodes)


def raw(times: int, units: int) -> Device:
    """Two transistors with a pot between them."""
    h = 1.0 / (RATE * times)
    k, nodes = [], []
    for at, values in enumerate((fuzz_raw.FIRST, fuzz_raw.SECOND)):
        supply, rs, cc, rb, bias, rc, cl, re = values
        series, gcc = 1.0 / (rs + h / cc), 1.5 * cl / h
        gl = 1.0 / rc + gcc
        k.append(np.array([h / cc * series, 2 * cl / h / gl, 0.5 * cl / h / gl]))
        for collector in (False, True):

            def answer(
                x: np.ndarray, collector=collector, p=(series, supply, rb, bias, rc, gcc, re)
            ):
                return _transistor(
                    np.ascontiguousarray(x[:, 0]), np.ascontiguousarray(x[:, 1]), collector, *p
                )

            place = ((2 * at, 2 * at + 1),)
            reach = ((-14.0, 14.0), (-8.0, 8.0))
            nodes.append(Node("fold", units, place, answer, 0.5 if collector else 0.1, reach))

    @register_jitable
    def step(u, m, s, k, f):
        v1, c1, a, b = transistor(u, s[0], s[1], s[2], k[0], f[0], f[1])
        v2, c2, c, d = transistor(v1 * m[0], s[3], s[4], s[5], k[1], f[2], f[3])
        return v2, (c1, v1, s[1], c2, v2, s[4]), (a, b, c, d)

    def moving(q: Value) -> tuple[Value, ...]:
        return (q * (fuzz_raw.P_MAX - fuzz_raw.P_MIN) + fuzz_raw.P_MIN,)

    return Device("fuzz_raw", times, 6, step, moving, tuple(k), tuple(nodes))


def _tube(
    values: tuple, times: int, at: int, units: tuple[int, int]
) -> tuple[np.ndarray, list[Node]]:
    """Constants of a triode stage and its two nodes, whose inputs begin at column ``at``."""
    supply, rp, cp, rk, ck, rs, cc, rl = values
    h = 1.0 / (RATE * times)
    series = 1.0 / (rs + h / cc)
    gs, gp = series + 1.0 / rl, 1.0 / rp + 1.5 * cp / h
    vp0, vk0, vg0 = triode_rest(supply, rp, rk, rl)
    k = [gs / series, 2 * cp / h / gp, 0.5 * cp / h / gp]
    k += [gp * h / ck, series * h / ck, gs * h / ck, h / cc * series, 1 - h / (ck * rk)]
    volts = np.concatenate([np.linspace(-400, -3, 50_000), np.linspace(-3, 4, 100_000)])
    current = np.array([triode_grid(v + vg0 - vk0)[0] for v in volts]) - triode_grid(vg0 - vk0)[0]
    asked = volts * gs / series + current / series

    def grid(x: np.ndarray) -> np.ndarray:
        return np.interp(x[:, 0], asked, volts)

    def plate(x: np.ndarray) -> np.ndarray:
        a, b = (np.ascontiguousarray(x[:, c]) for c in (0, 1))
        return _plate(a, b, gp, vg0 - vk0, vp0 - vk0)

    return np.array(k), [
        Node("bend", units[0], ((at,),), grid, 0.1, ((-160.0, 80.0),)),
        Node("fold", units[1], ((at + 1, at + 2),), plate, 5.0, ((-12.0, 3.0), (-300.0, 200.0))),
    ]


def tubes(
    times: int, values: tuple[tuple, ...], low: float, high: float, pads: tuple[float, ...],
    units: tuple[tuple[int, int], ...],
) -> Device:
    """Triode stages; the pot stands behind the first, ``pads`` before those after the second."""
    made = [_tube(v, times, 3 * n, u) for n, (v, u) in enumerate(zip(values, units, strict=True))]

    @register_jitable
    def two(u, m, s, k, f):
        v1, c1, k1, a1, b1, d1 = triode(u, s[0], s[1], s[2], s[3], k[0], f[0], f[1])
        v2, c2, k2, a2, b2, d2 = triode(v1 * m[0], s[4], s[5], s[6], s[7], k[1], f[2], f[3])
        return v2, (c1, k1, v1, s[2], c2, k2, v2, s[6]), (a1, b1, d1, a2, b2, d2)

    @register_jitable
    def three(u, m, s, k, f):
        v1, c1, k1, a1, b1, d1 = triode(u, s[0], s[1], s[2], s[3], k[0], f[0], f[1])
        v2, c2, k2, a2, b2, d2 = triode(v1 * m[0], s[4], s[5], s[6], s[7], k[1], f[2], f[3])
        v3, c3, k3, a3, b3, d3 = triode(
            v2 * k[3][0], s[8], s[9], s[10], s[11], k[2], f[4], f[5]
        )
        states = (c1, k1, v1, s[2], c2, k2, v2, s[6], c3, k3, v3, s[10])
        return v3, states, (a1, b1, d1, a2, b2, d2, a3, b3, d3)

    def moving(q: Value) -> tuple[Value, ...]:
        return (q * (high - low) + low,)

    k = tuple(k for k, _ in made) + ((np.array(pads),) if pads else ())
    nodes = tuple(n for _, found in made for n in found)
    name = "amp_lead" if pads else "amp_crunch"
    return Device(name, times, 4 * len(values), three if pads else two, moving, k, nodes)


def device(core: str, times: int) -> Device:
    """The device behind the circuit's core of that name."""
    if core == "fuzz_sustain":
        return sustain(times, 9)
    if core == "overdrive":
        return soft(times, 6)
    if core == "distortion":
        return hard(times, (6, 6))
    if core == "fuzz_raw":
        return raw(times, 4)
    if core == "amp_crunch":
        return tubes(times, (amp.V1, amp.CRUNCH_2), 0.02, 0.4, (), ((2, 3), (3, 4)))
    return tubes(
        times, (amp.V1, amp.LEAD_2, amp.LEAD_3), 0.02, 0.3, (amp.LEAD_PAD,),
        ((1, 2), (2, 3), (2, 3)),
    )
