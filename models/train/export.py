"""From a trained core to one ONNX file with the keys of ``models/FORMAT.md``.

``audio [1, 1, T]`` and ``knobs [1, K]`` in, ``output [1, 1, T]`` out: front (a bank of FIRs blended
by the gain knob), core (FIR, LSTM, static path), tone stage (a bank of FIRs blended by the tone
knob), level. Ordinary operators, opset 17. The LSTM starts from zero and an engine that streams
carries its state itself.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scipy.signal import oaconvolve
from torch import Tensor

from .circuits import RATE
from .front import Front, hats, play
from .graph import Graph
from .metrics import fit_fir
from .network import Core
from .oversample import around
from .recipes import Recipe


@dataclass(frozen=True)
class Whole:
    """A model: front, core and tone stage. ``post`` ``[K, L]`` are FIRs, factor of full level
    included."""

    recipe: Recipe
    front: Front
    core: Core
    post: np.ndarray

    def __call__(self, x: np.ndarray, knobs: dict[str, float]) -> np.ndarray:
        """``x [n]`` to ``[n]``, computed with torch and numpy."""
        drive_name, tone_name, level_name = self.recipe.circuit.knobs
        drive = np.full(len(x), knobs[drive_name])
        features = torch.tensor(play(self.front, x, drive), dtype=torch.float32)[None]
        knob = torch.tensor([[[float(drive[0])]]]) if self.core.knobs is not None else None
        with torch.no_grad():
            y = self.core.whole(features, knob)[0].numpy().astype(np.float64)
        weights = hats(np.array([knobs.get(tone_name, 0.0)]), len(self.post))[:, 0]
        return knobs[level_name] * oaconvolve(y, weights @ self.post)[: len(x)]


def tone_bank(recipe: Recipe) -> np.ndarray:
    """The tone stage as FIRs ``[K, L]``, by least squares from the circuit's own filters."""
    x = np.random.default_rng(4).normal(size=8 * RATE)
    circuit = recipe.circuit
    return circuit.output * np.array(
        [
            fit_fir(x, around(lambda f, t=tone: circuit.tone_stage(f, t), x), recipe.post_taps)
            for tone in circuit.tone_grid
        ]
    )


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy().astype(np.float64)


def front_nodes(g: Graph, front: Front, audio: str, drive: str | None) -> str:
    """Adds the front; returns its features ``[1, F, T]``."""
    q = None if drive is None else g.node("Mul", drive, drive)
    features = []
    for terms in front:
        parts = []
        for term in terms:
            # Stored so that the newest sample meets the first tap; Conv wants it the other way.
            taps = term.taps[:, None, ::-1]
            plain = taps.shape == (1, 1, 1)
            bank = audio if plain else g.conv(audio, taps)
            factor = float(taps[0, 0, 0]) if plain else 1.0
            if q is None or (term.b == 0.0 and len(taps) == 1):
                parts.append(g.scale(bank, term.a * factor))
                continue
            gain = g.node("Add", g.scale(q, term.b * factor), g.weight(term.a * factor))
            if len(taps) == 1:
                parts.append(g.node("Mul", bank, g.over_time(gain)))
            else:
                weights = g.node("Mul", g.hats(q, len(taps)), gain)
                parts.append(g.blend(bank, weights))
        total = parts[0]
        for part in parts[1:]:
            total = g.node("Add", total, part)
        features.append(total)
    return features[0] if len(features) == 1 else g.node("Concat", *features, axis=1)


def core_nodes(g: Graph, core: Core, features: str, drive: str | None) -> str:
    """Adds the core; returns its output ``[1, 1, T]`` (without ``core.output``)."""
    scale = _array(core.scale)[None]
    taps = _array(core.conv.weight) * scale
    channels = taps.shape[0]
    live = channels - core.offsets
    taps[live:] = 0.0
    z = g.conv(features, taps)
    head = np.zeros((1, channels, 1))
    head[0, :live, 0] = _array(core.static.weight)[0]
    y = g.conv(g.node("Tanh", z), head)
    if core.knobs is not None and drive is not None:
        layer = core.knobs
        # ``2 k - 1`` goes into the first layer.
        first = _array(layer.hidden.weight)
        bias = _array(layer.hidden.bias) - first.sum(axis=1)
        inner = g.node("Tanh", g.node("Gemm", drive, g.weight(2.0 * first.T), g.weight(bias)))
        for part, join in ((layer.gain, "Mul"), (layer.offset, "Add")):
            weight, constant = g.weight(_array(part.weight).T), g.weight(_array(part.bias))
            values = g.node("Gemm", inner, weight, constant)
            z = g.node(join, z, g.over_time(values))
    hidden = core.lstm.hidden_size
    # torch has the gates as input, forget, candidate, output; ONNX as input, output, forget,
    # candidate.
    order = np.r_[0:hidden, 3 * hidden : 4 * hidden, hidden : 3 * hidden]
    lstm = core.lstm
    w, r = _array(lstm.weight_ih_l0)[order], _array(lstm.weight_hh_l0)[order]
    b = np.concatenate([_array(lstm.bias_ih_l0)[order], _array(lstm.bias_hh_l0)[order]])
    steps = g.node("Transpose", z, perm=[2, 0, 1])
    states = g.node(
        "LSTM", steps, g.weight(w[None]), g.weight(r[None]), g.weight(b[None]), hidden_size=hidden
    )
    states = g.node("Squeeze", states, g.weight(np.array([1]), "axes"))
    states = g.node("Transpose", states, perm=[1, 2, 0])
    y = g.node("Add", y, g.conv(states, _array(core.head.weight)[:, :, None]))
    if core.linear is not None:
        y = g.node("Add", y, g.conv(features, _array(core.linear.weight) * scale))
    return y


def export(whole: Whole, path: Path, figures: dict[str, float]) -> float:
    """Writes ``path``; returns the largest difference from torch in ONNX Runtime.

    ``figures`` are numbers for the file's keys, ``training_esr`` and ``loudness``. Raises
    ``ArithmeticError`` where the two differ by more than 3e-5.
    """
    recipe = whole.recipe
    g = Graph(recipe.name)
    audio = g.input("audio", [1, 1, "T"])
    knobs = g.input("knobs", [1, len(recipe.knobs)])
    drive = g.knob(knobs, 0)
    features = front_nodes(g, whole.front, audio, drive)
    y = core_nodes(g, whole.core, features, drive)
    bank = g.conv(y, float(whole.core.output) * whole.post[:, None, ::-1])
    if len(whole.post) > 1:
        bank = g.blend(bank, g.hats(g.knob(knobs, 1), len(whole.post)))
    level = g.knob(knobs, len(recipe.knobs) - 1)
    g.save(path, g.node("Mul", bank, g.over_time(level)), keys(recipe, figures))
    return _compare(whole, path)


def keys(recipe: Recipe, figures: dict[str, float]) -> dict[str, str]:
    """The ``tonegraft.*`` keys."""
    defaults = [d for d, k in zip(recipe.defaults, recipe.circuit.knobs, strict=True) if k]
    knobs = [
        {"name": name, "input": "knobs", "index": k, "min": 0, "max": 1, "default": d, "unit": ""}
        for k, (name, d) in enumerate(zip(recipe.knobs, defaults, strict=True))
    ]
    made = {
        "version": "1",
        "name": recipe.title,
        "kind": "effect",
        "category": recipe.category,
        "sample_rate": str(RATE),
        "audio_input": "audio",
        "audio_output": "output",
        "author": "The Tonegraft authors",
        "licence": "MIT OR Apache-2.0",
        "description": recipe.description,
        "gear_type": recipe.gear_type,
        "tone_type": recipe.tone_type,
        "knobs": json.dumps(knobs),
    }
    made |= {name: f"{value:.5g}" for name, value in figures.items()}
    return {f"tonegraft.{key}": value for key, value in made.items()}


class Player:
    """Plays an exported file with ONNX Runtime, whole signals at once, from zero state."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        props = self._session.get_modelmeta().custom_metadata_map
        self.knobs = [k["name"] for k in json.loads(props.get("tonegraft.knobs", "[]"))]

    def __call__(self, x: np.ndarray, knobs: dict[str, float]) -> np.ndarray:
        """``x [n]`` to ``[n]``."""
        feeds = {"audio": x.astype(np.float32)[None, None]}
        if self.knobs:
            feeds["knobs"] = np.array([[knobs[name] for name in self.knobs]], np.float32)
        return self._session.run(None, feeds)[0][0, 0].astype(np.float64)


def _compare(whole: Whole, path: Path) -> float:
    x = 0.1 * np.random.default_rng(9).normal(size=20_000)
    player = Player(path)
    worst = 0.0
    for at in (0.0, 0.37, 1.0):
        knobs = dict.fromkeys(player.knobs, at) | {player.knobs[-1]: 1.0}
        worst = max(worst, float(np.max(np.abs(player(x, knobs) - whole(x, knobs)))))
    if worst > 3e-5:
        raise ArithmeticError(f"ONNX Runtime and torch differ by {worst:.2e}")
    return worst
