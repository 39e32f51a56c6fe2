"""Learns a device stage by stage and plays it.

1. The functions of the nodes are learned from examples (``learn.py``): first from inputs spread
   over a range, then twice from what the nodes are asked while the device made so far plays the
   training material with its first knob moving, and what the parts answer to that. (The examples
   of a recurrent part have to come from its own trajectories: Ross, Gordon and Bagnell, AISTATS
   2011.)
2. At twice the audio rate and above, filters lead there and back (``filters.py``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from numba import njit

from ..circuits import RATE
from .devices import Device, Node, device
from .filters import fall, filtered, folding, high_notes, lowered, rise
from .learn import learn_odd, learn_ridges

_EXAMPLES = 4000


@dataclass(frozen=True)
class Staged:
    """A learned device: ``functions`` of its nodes, ``rise`` ``[times, UP_TAPS]`` and ``fall``
    ``[times, DOWN_TAPS]``, FIRs whose first tap sees the newest sample."""

    device: Device
    functions: tuple[np.ndarray, ...]
    rise: np.ndarray
    fall: np.ndarray

    def __call__(self, x: np.ndarray, drive: np.ndarray) -> np.ndarray:
        """The core's output ``[n]`` for ``x`` and ``drive`` ``[n]``."""
        fast = _play(self.device, self.functions, filtered(x, self.rise), drive)[0]
        return lowered(fast, self.fall)


@cache
def _compiled(name: str, times: int) -> Callable:
    step = njit(device(name, times).step)

    @njit
    def run(u, m, s, k, f, out, asked):
        for n in range(u.shape[1]):
            for j in range(u.shape[0]):
                v, s, node = step(u[j, n], (m[0, n], m[1, n]), s, k, f)
                out[j, n] = v
                if asked.shape[0] > 0:
                    for c in range(len(node)):
                        asked[n, c] = node[c]

    return run


def _play(
    made: Device, functions: tuple[np.ndarray, ...], u: np.ndarray, drive: np.ndarray,
    asked: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Output ``[times, n]`` of inputs ``[times, n]``, and what the nodes were asked
    ``[n, columns]``."""
    moving = made.moving(drive**2)
    m = np.stack([*moving, *([moving[-1]] * (2 - len(moving)))])
    columns = 1 + max(c for node in made.nodes for place in node.places for c in place)
    out, told = np.empty_like(u), np.empty((u.shape[1] if asked else 0, columns))
    run = _compiled(made.name, made.times)
    state = (0.0,) * made.states
    run(np.ascontiguousarray(u), m, state, made.constants, functions, out, told)
    return out, told


def _learn(node: Node, x: np.ndarray, seed: int) -> np.ndarray:
    """The function of a node from inputs ``[n, columns]``."""
    low, high = np.array(node.reach).T
    x = np.clip(x, low, high)
    y = node.answer(x)
    known = np.isfinite(y)
    x, y = x[known], y[known]
    weight = 1.0 / np.sqrt(y**2 + node.floor**2)
    if node.kind == "odd":
        moved = x[:, 1] if len(node.reach) > 1 else None
        p = learn_odd(x[:, 0], moved, y, weight, node.units, seed)
    else:
        p = learn_ridges(x, y, weight, node.units, seed)
    edges = np.zeros((1, p.shape[1]))
    edges[0, : 2 * len(node.reach)] = np.ravel(node.reach)
    return np.concatenate([p, edges])


def _spread(node: Node, rng: np.random.Generator) -> np.ndarray:
    """Inputs of a node within its reach, dense near rest."""
    low, high = np.array(node.reach).T
    return rng.uniform(low, high, (_EXAMPLES, len(low))) * rng.random((_EXAMPLES, 1)) ** 2


def _examples(asked: np.ndarray, node: Node, rng: np.random.Generator) -> np.ndarray:
    """Inputs of a node ``[_EXAMPLES, columns]``: most as often as they occur, some as widely as
    they are spread, some anywhere within reach."""
    x = np.concatenate([asked[:, place] for place in node.places])
    x = x[rng.permutation(len(x))]
    wide = x[: 40 * _EXAMPLES]
    far = np.abs(wide / wide.std(0)).max(1)
    drawn = rng.choice(len(wide), _EXAMPLES // 3, p=far / far.sum())
    often = x[: _EXAMPLES // 2]
    anywhere = _spread(node, rng)[: _EXAMPLES // 6]
    return np.concatenate([often, wide[drawn], anywhere])


def learn(
    made: Device, x: np.ndarray, drive: np.ndarray, y: np.ndarray, seed: int, weight: float,
    say: Callable[[str], None] = print,
) -> tuple[Staged, np.ndarray]:
    """The device learned from its parts and from ``x``, ``drive`` and the core's ``y``, ``[n]``,
    and what still folds of high notes, ``[n]``: what follows the stages had better not make more of
    it. ``weight`` is that of ``filters.fall``."""
    rng = np.random.default_rng(seed)
    up = rise(x, made.times)
    u = filtered(x, up)
    functions = tuple(_learn(node, _spread(node, rng), seed) for node in made.nodes)
    for turn in range(2):
        asked = _play(made, functions, u, drive, asked=True)[1]
        if not np.isfinite(asked).all():
            raise ArithmeticError("the stages have run away")
        functions = tuple(
            _learn(node, _examples(asked, node, rng), seed + turn) for node in made.nodes
        )
        say(f"stages learned, turn {turn + 1}")
    notes, turned = high_notes(seed)
    folds = folding(_play(made, functions, filtered(notes, up), turned)[0])
    fast = _play(made, functions, u, drive)[0]
    found = Staged(made, functions, up, fall(fast, y, folds, weight))
    _endures(found)
    return found, lowered(folds.above, found.fall)


def _endures(made: Staged) -> None:
    """Plays noise of 30 V, then silence. Raises ``ArithmeticError`` where the stages run away or do
    not come to rest within eight seconds."""
    noise = np.random.default_rng(8).normal(size=RATE)
    x = np.concatenate([30.0 * noise, np.zeros(8 * RATE)])
    for at in (0.0, 0.5, 1.0):
        y = made(x, np.full(len(x), at))
        if not np.isfinite(y).all() or np.abs(y[-RATE:]).max() > 1e-5 * np.abs(y).max():
            raise ArithmeticError(f"the stages run away or do not rest, drive {at}")
