"""Arithmetic that is written once: on numbers, compiled, and on wires of a graph, which adds nodes."""

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


# In all of these the last row of ``p`` has the lowest and highest of each input.


@register_jitable
def odd(x: Value, p: np.ndarray) -> Value:
    """``p[0, 0] x + sum_j p[j, 0] z / sqrt(z² + 1)``, ``z = p[j, 1] x``: odd."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    y = x * p[0, 0]
    for j in range(1, last):
        z = x * p[j, 1]
        y = y + z / root(z * z + 1.0) * p[j, 0]
    return y


@register_jitable
def bend(x: Value, p: np.ndarray) -> Value:
    """``p[0, 0] x + p[0, 1] + sum_j p[j, 0] sqrt(z² + 1)``, ``z = p[j, 1] x + p[j, 2]``."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    y = x * p[0, 0]
    for j in range(1, last):
        z = x * p[j, 1] + p[j, 2]
        y = y + root(z * z + 1.0) * p[j, 0]
    return y + p[0, 1]


@register_jitable
def fold(x: Value, y: Value, p: np.ndarray) -> Value:
    """The same of two: ``p[0, 0] x + p[0, 1] y + p[0, 2] + sum_j p[j, 0] sqrt(z² + 1)``,
    ``z = p[j, 1] x + p[j, 2] y + p[j, 3]``."""
    last = p.shape[0] - 1
    x = kept(x, p[last, 0], p[last, 1])
    y = kept(y, p[last, 2], p[last, 3])
    out = x * p[0, 0] + y * p[0, 1]
    for j in range(1, last):
        z = x * p[j, 1] + y * p[j, 2] + p[j, 3]
        out = out + root(z * z + 1.0) * p[j, 0]
    return out + p[0, 2]
