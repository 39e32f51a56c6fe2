"""One sample of each stage, at a multiple of the audio rate.

Every stage is linear but for a function of one or two values, its *node*: what the diodes, the
transistor or the triode answer at once, given the charges of the capacitors. Discretised as the
circuits are (``circuits/parts.py``), node voltages become functions without memory; those are what
is learned. All voltages are distances from rest, so that silence stays silence.

Each step takes an input ``u``, states ``s``, constants ``k`` and learned functions. It returns its
output, the new states, and what its nodes were asked, of which the examples are made. ``Value`` is
a number or a wire, see ``arithmetic.py``; units are volts.
"""

import numpy as np
from numba.extending import register_jitable

from .arithmetic import Value, bend, fold, odd


@register_jitable
def high_pass(u: Value, s: Value, k: np.ndarray) -> tuple[Value, Value]:
    """A coupling capacitor by the trapezoidal rule. Returns output and state."""
    v = u * k[0] + s
    return v, v * k[1] - u * k[0]


@register_jitable
def feedback_diodes(
    u: Value, s: Value, v: Value, w: Value, k: np.ndarray, f: np.ndarray
) -> tuple[Value, Value, Value]:
    """Diodes in an inverting amplifier's feedback: ``s`` is what the input capacitor brings along,
    ``v`` and ``w`` the last two voltages of the feedback. Returns the next one, ``s``, the node."""
    c = u * k[0] + s * k[1]
    i = (u - c) * k[2]
    node = i + v * k[4] - w * k[5]
    return odd(node, 0.0, f), c + i * k[3], node


@register_jitable
def shunt_diodes(
    u: Value, c: Value, v: Value, w: Value, k: np.ndarray, f: np.ndarray
) -> tuple[Value, Value, Value]:
    """Diodes to ground behind a resistor and a capacitor charged to ``c``; ``v`` and ``w`` are the
    last two voltages over them. Returns the next one, ``c``, the node."""
    node = (u - c) * k[0] + v * k[1] - w * k[2]
    now = odd(node, 0.0, f)
    return now, c + (u - c - now) * k[3], node


@register_jitable
def transistor(
    u: Value,
    c: Value,
    v: Value,
    w: Value,
    k: np.ndarray,
    base: np.ndarray,
    collector: np.ndarray,
) -> tuple[Value, Value, Value, Value]:
    """A common-emitter stage behind a capacitor charged to ``c``; ``v`` and ``w`` are the last two
    collector voltages. Returns the next one, ``c``, and the node's two."""
    drop = u - c
    load = v * k[1] - w * k[2]
    b = fold(drop, load, base)
    return fold(drop, load, collector), c + (drop - b) * k[0], drop, load


@register_jitable
def triode(
    u: Value,
    c: Value,
    vk: Value,
    v: Value,
    w: Value,
    k: np.ndarray,
    grid: np.ndarray,
    plate: np.ndarray,
) -> tuple[Value, Value, Value, Value, Value, Value]:
    """A common-cathode stage: coupling capacitor ``c``, cathode ``vk``, last two plate voltages.
    Returns the next plate voltage, ``c``, ``vk``, and the nodes: the grid's one and the plate's
    two."""
    drive = u - c - vk * k[0]
    vgk = bend(drive, grid)
    load = v * k[1] - w * k[2] - vk
    vpk = fold(vgk, load, plate)
    # Kirchhoff's law gives the currents that the functions imply.
    cathode = (load - vpk) * k[3] + drive * k[4] - vgk * k[5]
    return (
        vpk + vk,
        c + (u - c - vgk - vk) * k[6],
        vk * k[7] + cathode,
        drive,
        vgk,
        load,
    )
