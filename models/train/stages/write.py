"""Writes a learned device as one ONNX file with the keys of ``models/FORMAT.md``.

The stages are ordinary arithmetic whose states come back after one sample (the key ``feedback``);
before and behind them are FIRs. The steps are those that were simulated, played on wires.
"""

from pathlib import Path

import numpy as np
import onnx

from ..export import keys
from ..greybox.graph import Graph, Knob, Wire
from ..recipes import Recipe
from .staged import Staged
from .tone import Tone


def _bank(g: Graph, x: Wire, taps: np.ndarray) -> Wire:
    """Causal FIRs ``taps [to, from, L]``, the newest sample first."""
    kernel = g.constant(np.ascontiguousarray(taps[:, :, ::-1]))
    return g.op("Conv", x, kernel, pads=[taps.shape[2] - 1, 0])


def _channel(g: Graph, x: Wire, n: int) -> Wire:
    """Channel ``n`` of ``[1, C, T]``."""
    first, behind, axis = (g.constant(np.array([v]), np.int64) for v in (n, n + 1, 1))
    return g.op("Slice", x, first, behind, axis)


def _trimmed(taps: np.ndarray) -> np.ndarray:
    """Without what is zero in all of them at the far end."""
    used = np.nonzero(np.abs(taps).max(axis=tuple(range(taps.ndim - 1))))[0]
    return taps[..., : used[-1] + 1]


def graph(recipe: Recipe, staged: Staged, post: Tone) -> tuple[Graph, Wire]:
    """The graph and its output; ``post`` follows the stages."""
    drive, tone, level = recipe.circuit.knobs
    values = [d for d, k in zip(recipe.defaults, recipe.circuit.knobs, strict=True) if k]
    g = Graph(tuple(Knob(k, 0, 1, d) for k, d in zip(recipe.knobs, values, strict=True)))
    made, q = staged.device, g.knob(drive) * g.knob(drive)
    moving = made.moving(q)
    fast = g.audio if made.times == 1 else _bank(g, g.audio, staged.rise[:, None])
    state = tuple(g.receive(f"s{n}") for n in range(made.states))
    outputs = []
    for j in range(made.times):
        u = fast if made.times == 1 else _channel(g, fast, j)
        y, state, _ = made.step(u, moving, state, made.constants, staged.functions)
        outputs.append(y)
    for n, value in enumerate(state):
        g.send(f"s{n}", value, 1)
    stages = outputs[0] if made.times == 1 else g.op("Concat", *outputs, axis=1)
    core = _bank(g, stages, _trimmed(staged.fall)[None])
    slow = [_slow(g, core, f"pole{n}", float(decay)) for n, decay in enumerate(post.decays)]
    # Horner's way: one bank and one share of each pole for each power of the knob.
    *lower, y = (_behind(g, core, slow, *one) for one in zip(post.taps, post.shares, strict=True))
    for less in reversed(lower):
        y = y * g.knob(tone) + less
    return g, y * g.knob(level)


def _slow(g: Graph, x: Wire, name: str, decay: float) -> Wire:
    y = g.receive(name) * decay + x
    g.send(name, y, 1)
    return y


def _behind(g: Graph, x: Wire, slow: list[Wire], taps: np.ndarray, shares: np.ndarray) -> Wire:
    y = _bank(g, x, taps[None, None])
    for pole, share in zip(slow, shares, strict=True):
        y = y + pole * float(share)
    return y


def write(recipe: Recipe, staged: Staged, post: Tone, path: Path) -> None:
    """Writes ``path``."""
    g, y = graph(recipe, staged, post)
    made = keys(recipe, {})
    del made["tonegraft.knobs"]
    onnx.save(g.model(y, {k.removeprefix("tonegraft."): v for k, v in made.items()}), path)
