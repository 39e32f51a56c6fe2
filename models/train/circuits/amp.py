"""Guitar amplifiers: triode stages, a passive tone stack, and for one of them a cabinet."""

from collections.abc import Callable

import numpy as np
from numba import njit

from . import cabinet, linear
from .circuit import Circuit
from .parts import FACTOR, triode_response, triode_stage

# supply, plate R and C, cathode R and C, series R, coupling C, grid leak
V1 = (300.0, 100e3, 150e-12, 1.5e3, 22e-6, 68e3, 22e-9, 1e6)
CRUNCH_2 = (300.0, 100e3, 150e-12, 1.5e3, 1e-6, 100e3, 10e-9, 470e3)
LEAD_2 = (300.0, 100e3, 150e-12, 1.8e3, 0.68e-6, 100e3, 4.7e-9, 470e3)
LEAD_3 = (300.0, 100e3, 220e-12, 4.7e3, 0.22e-6, 220e3, 4.7e-9, 470e3)
LEAD_PAD = 0.12

CRUNCH_TEXT = """\
Two triode stages (12AX7-like) at 300 V, of our own values. First: grid leak 1 MΩ behind 22 nF and
68 kΩ, plate 100 kΩ and 150 pF, cathode 1.5 kΩ and 22 µF. The Gain pot passes on 2 to 40 %
(0.02 + 0.38 · gain²). Second: 10 nF, 100 kΩ, leak 470 kΩ, cathode 1.5 kΩ and 1 µF. Then a passive
three-band tone stack, fixed: 250 pF, 20 nF, 20 nF, 56 kΩ, pots of 250 kΩ, 1 MΩ and 25 kΩ at treble
0.6, bass 0.4, middle 0.6."""
LEAD_TEXT = """\
Three triode stages (12AX7-like) at 300 V, of our own values. First: grid leak 1 MΩ behind 22 nF and
68 kΩ, plate 100 kΩ and 150 pF, cathode 1.5 kΩ and 22 µF. The Gain pot passes on 2 to 30 %
(0.02 + 0.28 · gain²). Second: 4.7 nF, 100 kΩ, leak 470 kΩ, cathode 1.8 kΩ and 0.68 µF; 12 % of it
reach the third, biased cold: 4.7 nF, 220 kΩ, leak 470 kΩ, plate 220 pF, cathode 4.7 kΩ and 0.22 µF.
Then the tone stack, fixed: 470 pF, 22 nF, 22 nF, 33 kΩ, pots of 250 kΩ, 1 MΩ and 25 kΩ at treble
0.6, bass 0.45, middle 0.55."""
SHARED_TEXT = """

Plate currents follow Koren (1996), grid currents Dempwolf and Zölzer (DAFx-11): a loud note makes
the grid conduct, charges the coupling capacitor and moves the bias. The stages do not load each
other; there is no power stage, no sag and no hum. The stack's transfer function is that of Yeh and
Smith (DAFx-06) for this topology; `check.py` compares it with a nodal analysis."""


@njit(cache=True)
def _scale(x, gain, low, high):
    for n in range(x.size):
        x[n] *= low + (high - low) * gain[n // FACTOR] ** 2


def _crunch(x: np.ndarray, gain: np.ndarray, out: np.ndarray) -> int:
    middle = np.empty_like(x)
    worst = triode_stage(x, middle, *V1)
    _scale(middle, gain, 0.02, 0.4)
    return max(worst, triode_stage(middle, out, *CRUNCH_2))


def _lead(x: np.ndarray, gain: np.ndarray, out: np.ndarray) -> int:
    first, second = np.empty_like(x), np.empty_like(x)
    worst = triode_stage(x, first, *V1)
    _scale(first, gain, 0.02, 0.3)
    worst = max(worst, triode_stage(first, second, *LEAD_2))
    second *= LEAD_PAD
    return max(worst, triode_stage(second, out, *LEAD_3))


STACKS = {
    "crunch": (250e-12, 20e-9, 20e-9, 56e3, 0.6, 0.4, 0.6),
    "lead": (470e-12, 22e-9, 22e-9, 33e3, 0.6, 0.45, 0.55),
}
"""``C1, C2, C3, R4``, then treble, bass, middle; the pots are 250 kohm, 1 Mohm, 25 kohm."""
_R1, _R2, _R3 = 250e3, 1e6, 25e3


def stack(name: str) -> tuple[list[float], list[float]]:
    """The tone stack's transfer function: Yeh and Smith, "Discretization of the '59 Fender Bassman
    tone stack", DAFx-06, section 2."""
    c1, c2, c3, r4, t, low, m = STACKS[name]
    r1, r2, r3 = _R1, _R2, _R3
    b1 = t * c1 * r1 + m * c3 * r3 + low * (c1 * r2 + c2 * r2) + (c1 * r3 + c2 * r3)
    b2 = (
        t * (c1 * c2 * r1 * r4 + c1 * c3 * r1 * r4)
        - m * m * (c1 * c3 * r3**2 + c2 * c3 * r3**2)
        + m * (c1 * c3 * r1 * r3 + c1 * c3 * r3**2 + c2 * c3 * r3**2)
        + low * (c1 * c2 * r1 * r2 + c1 * c2 * r2 * r4 + c1 * c3 * r2 * r4)
        + low * m * (c1 * c3 * r2 * r3 + c2 * c3 * r2 * r3)
        + (c1 * c2 * r1 * r3 + c1 * c2 * r3 * r4 + c1 * c3 * r3 * r4)
    )
    c = c1 * c2 * c3
    b3 = (
        low * m * c * (r1 * r2 * r3 + r2 * r3 * r4)
        - m * m * c * (r1 * r3**2 + r3**2 * r4)
        + m * c * (r1 * r3**2 + r3**2 * r4)
        + t * c * r1 * r3 * r4
        - t * m * c * r1 * r3 * r4
        + t * low * c * r1 * r2 * r4
    )
    a1 = (c1 * r1 + c1 * r3 + c2 * r3 + c2 * r4 + c3 * r4) + m * c3 * r3 + low * (c1 + c2) * r2
    a2 = (
        m * (c1 * c3 * r1 * r3 - c2 * c3 * r3 * r4 + c1 * c3 * r3**2 + c2 * c3 * r3**2)
        + low * m * (c1 * c3 * r2 * r3 + c2 * c3 * r2 * r3)
        - m * m * (c1 * c3 * r3**2 + c2 * c3 * r3**2)
        + low * (c1 * c2 * r2 * r4 + c1 * c2 * r1 * r2 + c1 * c3 * r2 * r4 + c2 * c3 * r2 * r4)
        + (
            c1 * c2 * r1 * r4
            + c1 * c3 * r1 * r4
            + c1 * c2 * r3 * r4
            + c1 * c2 * r1 * r3
            + c1 * c3 * r3 * r4
            + c2 * c3 * r3 * r4
        )
    )
    a3 = (
        low * m * c * (r1 * r2 * r3 + r2 * r3 * r4)
        - m * m * c * (r1 * r3**2 + r3**2 * r4)
        + m * c * (r3**2 * r4 + r1 * r3**2 - r1 * r3 * r4)
        + low * c * r1 * r2 * r4
        + c * r1 * r3 * r4
    )
    return [b3, b2, b1, 0.0], [a3, a2, a1, 1.0]


def stack_by_nodes(name: str, f: np.ndarray) -> np.ndarray:
    """The same from Kirchhoff's current law: nodes out (treble's wiper), top and bottom of the
    treble pot, slope resistor, bass bottom and the middle's wiper."""
    c1, c2, c3, r4, t, low, m = STACKS[name]
    s = 2j * np.pi * f
    tiny = 1e-3
    # 0: treble top, 1: wiper (out), 2: treble bottom = bass top, 3: behind the slope resistor,
    # 4: bass bottom = middle top, 5: middle wiper
    parts = [
        (0, 1, (1 - t) * _R1, None),
        (1, 2, t * _R1, None),
        (2, 4, max(low * _R2, tiny), None),
        (2, 3, None, c2),
        (4, 5, max((1 - m) * _R3, tiny), None),
        (5, -1, max(m * _R3, tiny), None),
        (3, 5, None, c3),
    ]
    out = np.empty(len(f), np.complex128)
    for k, sk in enumerate(s):
        y, i = np.zeros((6, 6), np.complex128), np.zeros(6, np.complex128)
        for a, b, ohm, farad in parts:
            admittance = 1 / ohm if farad is None else sk * farad
            y[a, a] += admittance
            if b >= 0:
                y[b, b] += admittance
                y[a, b] -= admittance
                y[b, a] -= admittance
        for node, admittance in ((0, sk * c1), (3, 1 / r4)):
            y[node, node] += admittance
            i[node] += admittance
        out[k] = np.linalg.solve(y, i)[1]
    return out


def _amp(
    name: str,
    core: Callable[..., int],
    stages: tuple,
    low: float,
    high: float,
    pad: float,
    text: str,
) -> dict:
    """What a circuit of this kind has in common; ``stages`` are those behind the first."""

    def core_response(f: np.ndarray, gain: float) -> np.ndarray:
        made = triode_response(f, *V1) * (low + (high - low) * gain**2) * pad
        for stage in stages:
            made = made * triode_response(f, *stage)
        return made

    return {
        "knobs": ("Gain", "", "Level"),
        "core": core,
        "tone_stage": lambda x, tone: linear.play(*stack(name), x),
        "tone_grid": (0.0,),
        "core_response": core_response,
        "tone_response": lambda f, tone: linear.response(*stack(name), f),
        "text": text + SHARED_TEXT,
    }


def _with_cabinet(amp: dict, name: str, text: str) -> dict:
    """The same amplifier with the cabinet behind its stack ``name``."""
    return {
        **amp,
        "tone_stage": lambda x, tone: cabinet.play(linear.play(*stack(name), x)),
        "tone_response": lambda f, tone: linear.response(*stack(name), f) * cabinet.response(f),
        "text": text + SHARED_TEXT + cabinet.TEXT,
    }


_CRUNCH = _amp("crunch", _crunch, (CRUNCH_2,), 0.02, 0.4, 1.0, CRUNCH_TEXT)
CRUNCH = Circuit(name="amp_crunch", output=1 / 64.0, **_CRUNCH)
CRUNCH_CAB = Circuit(
    name="amp_crunch_cab", output=1 / 64.0, **_with_cabinet(_CRUNCH, "crunch", CRUNCH_TEXT)
)
_LEAD = _amp("lead", _lead, (LEAD_2, LEAD_3), 0.02, 0.3, LEAD_PAD, LEAD_TEXT)
LEAD = Circuit(name="amp_lead", output=1 / 96.0, **_LEAD)
LEAD_CAB = Circuit(
    name="amp_lead_cab", output=1 / 96.0, **_with_cabinet(_LEAD, "lead", LEAD_TEXT)
)
