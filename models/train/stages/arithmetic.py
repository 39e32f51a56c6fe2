"""Arithmetic that is written once: on numbers, compiled, and on wires of a graph, as nodes."""

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload, register_jitable

from ..greybox.graph import Wire

Value = Any
"""A ``float`` where a step is simulated, a ``Wire`` where it is written down."""


def root(x):  # noqa: ANN001, ANN201
    """The square root."""
    return x.graph.op("Sqrt", x) if isinstance(x, Wire) else math.sqrt(x)


@overload(root)
def _root(x):  # noqa: ANN001, ANN202
    return (lambda x: np.sqrt(x)) if isinstance(x, types.Float) else None


def kept(x, low, high):  # noqa: ANN001, ANN201
    """``x`` within ``low`` and ``high``: beyond what was learned, a part answers as at the edge, so
    that no input makes the stages run away."""
    if isinstance(x, Wire):
        return x.graph.op("Clip", x, float(low), float(high))
    return min(max(x, low), high)


@overload(kept)
def _kept(x, low, high):  # noqa: ANN001, ANN202
    return (lambda x, low, high: min(max(x, low), high)) if isinstance(x, types.Float) else None


# In all of these the first row of ``p`` is what stands before the inputs themselves, the last one
# has the lowest and highest of each input. Between them there is one row a unit, ready for use: a
# unit's outer factor is drawn into its root, since every operation is paid for in every sample.


@register_jitable
def odd(x: Value, m: Value, p: np.ndarray) -> Value:
    """``p[0, 0] x + sum_j ± x / sqrt(p[j, 0] x² + w²)``, ``w = p[j, 1] + p[j, 2] m``: odd in ``x``.
    The sign is that of ``p[j, 3]``; ``m`` is what a knob moves, 0 where none does."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    square = x * x
    y = x * p[0, 0]
    for j in range(1, last):
        w = m * p[j, 2] + p[j, 1]
        unit = x / root(square * p[j, 0] + w * w)
        y = y + unit if p[j, 3] > 0.0 else y - unit
    return y


@register_jitable
def _ridge(y: Value, z: Value, row: np.ndarray) -> Value:
    """``y ± sqrt(z² + d)``; ``row`` ends with ``d`` and a number of the same sign."""
    unit = root(z * z + row[-2])
    return y + unit if row[-1] > 0.0 else y - unit


@register_jitable
def bend(x: Value, p: np.ndarray) -> Value:
    """``p[0, 0] x + p[0, 1] + sum_j ± sqrt(z² + p[j, 2])``, ``z = p[j, 0] x + p[j, 1]``."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    y = x * p[0, 0]
    for j in range(1, last):
        y = _ridge(y, x * p[j, 0] + p[j, 1], p[j])
    return y + p[0, 1]


@register_jitable
def fold(x: Value, y: Value, p: np.ndarray) -> Value:
    """The same of two: ``z = p[j, 0] x + p[j, 1] y + p[j, 2]``."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    y = kept(y, p[last, 2], p[last, 3])
    out = x * p[0, 0] + y * p[0, 1]
    for j in range(1, last):
        out = _ridge(out, x * p[j, 0] + y * p[j, 1] + p[j, 2], p[j])
    return out + p[0, 2]
