"""Learns the static functions of a stage from examples: one layer of hidden units.

Inner weights by Levenberg and Marquardt's method, outer ones by linear least squares for each step
("variable projection", Golub and Pereyra 1973). Thousands of examples and a dozen weights: seconds.
"""

import numpy as np
from scipy.optimize import least_squares


_ODD_RIDGE, _RIDGE = 1e-6, 1e-4
"""What the outer weights count for. Without it units of large weights that cancel each other come
to a slightly better fit, and to another one in 32 bits."""


def _solve(
    basis: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float
) -> tuple[np.ndarray, np.ndarray]:
    """The outer weights, and what is left: the errors, then the weights' own share."""
    a = basis * weight[:, None]
    scale = np.sqrt((a**2).mean(0)) + 1e-30
    share = ridge * np.sqrt(len(a)) * np.eye(a.shape[1])
    left, right = np.vstack([a / scale, share]), np.concatenate([y * weight, np.zeros(a.shape[1])])
    found = np.linalg.lstsq(left, right, rcond=None)[0]
    return found / scale, left @ found - right


def learn_odd(
    x: np.ndarray, m: np.ndarray | None, y: np.ndarray, weight: np.ndarray, units: int, seed: int
) -> np.ndarray:
    """``p [1 + units, 4]`` of ``arithmetic.odd`` for examples ``x [n]``, ``y [n]``, and ``m [n]``
    where a knob moves the function."""
    rng = np.random.default_rng(seed)
    low, high = np.quantile(np.abs(x), 0.2), np.abs(x).max()
    start = np.linspace(np.log(2.0 * high), np.log(low), units) + rng.normal(0, 0.2, units)
    if m is not None:
        start = np.concatenate([start, start - np.log(m.mean()) - 1.0])

    def widths(inner: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = np.exp(np.clip(inner, -60.0, 60.0))
        return found[:units], found[units:] if m is not None else np.zeros(units)

    def basis(inner: np.ndarray) -> np.ndarray:
        fixed, moved = widths(inner)
        w = fixed if m is None else fixed + m[:, None] * moved
        return np.concatenate([x[:, None], x[:, None] / np.sqrt(x[:, None] ** 2 + w**2)], axis=1)

    def error(inner: np.ndarray) -> np.ndarray:
        return _solve(basis(inner), y, weight, _ODD_RIDGE)[1]

    inner = least_squares(error, start, max_nfev=150).x
    outer = _solve(basis(inner), y, weight, _ODD_RIDGE)[0]
    size = np.abs(outer[1:])
    p = np.zeros((1 + units, 4))
    p[0, 0] = outer[0]
    p[1:, 0] = size**-2
    p[1:, 1], p[1:, 2] = (w / size for w in widths(inner))
    p[1:, 3] = np.sign(outer[1:])
    return p


def learn_ridges(
    x: np.ndarray, y: np.ndarray, weight: np.ndarray, units: int, seed: int, tries: int = 2
) -> np.ndarray:
    """``p`` of ``arithmetic.bend`` (``x [n, 1]``) or ``fold`` (``x [n, 2]``), the best of a few
    starts; 0 at 0."""
    rng = np.random.default_rng(seed)
    inputs = x.shape[1]
    size = x.std(0)
    u = x / size

    def basis(inner: np.ndarray) -> np.ndarray:
        w = inner.reshape(units, inputs + 1)
        z = u @ w[:, :-1].T + w[:, -1]
        return np.concatenate([u, np.sqrt(z**2 + 1) - np.sqrt(w[:, -1] ** 2 + 1)], axis=1)

    def error(inner: np.ndarray) -> np.ndarray:
        return _solve(basis(inner), y, weight, _RIDGE)[1]

    best = None
    for _ in range(tries):
        w = np.empty((units, inputs + 1))
        w[:, :-1] = rng.normal(size=(units, inputs)) * rng.choice([1.0, 4.0], size=(units, 1))
        at = u[rng.integers(len(u), size=units)]
        w[:, -1] = -(w[:, :-1] * at).sum(1)
        found = least_squares(error, w.ravel(), max_nfev=80)
        if best is None or found.cost < best.cost:
            best = found
    w = best.x.reshape(units, inputs + 1)
    outer = _solve(basis(best.x), y, weight, _RIDGE)[0]
    size_of = np.abs(outer[inputs:])
    p = np.zeros((1 + units, inputs + 3))
    p[0, :inputs] = outer[:inputs] / size
    p[1:, :inputs] = w[:, :-1] / size * size_of[:, None]
    p[1:, inputs] = w[:, -1] * size_of
    p[1:, inputs + 1] = size_of**2
    p[1:, inputs + 2] = np.sign(outer[inputs:])
    # The constant is what 32 bits make of the rest, in the order of ``arithmetic.py``: rest is 0 to
    # the last bit, and silence stays silence.
    rest = np.float32(0)
    for b, d, sign in p[1:, inputs:].astype(np.float32):
        unit = np.sqrt(b * b + d)
        rest = rest + unit if sign > 0 else rest - unit
    p[0, inputs] = -rest
    return p
