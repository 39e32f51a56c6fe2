"""From the trained network to one clean ONNX file with the keys of ``models/FORMAT.md``.

TorchScript's exporter, opset 17: it keeps the LSTM one node with a free length. The call is
stateless: both start states are constant zeros, and an engine that streams carries them itself.
"""

import json
import warnings
from copy import deepcopy
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from .network import ResidualLstm
from .recipes import Recipe

OPSET = 17


class _Deployed(nn.Module):
    """``ResidualLstm`` with its input scale folded into the weights and an explicit start state."""

    def __init__(self, net: ResidualLstm) -> None:
        super().__init__()
        copy = deepcopy(net)
        self.lstm, self.head, self.knobs = copy.lstm, copy.head, copy.knobs
        with torch.no_grad():
            if self.knobs is None:
                self.lstm.weight_ih_l0 *= net.input_scale
            else:
                # ``2 k - 1`` goes into the first layer, the input scale into the gains.
                first, gain = self.knobs.hidden, self.knobs.gain
                first.bias -= first.weight.sum(dim=1)
                first.weight *= 2.0
                gain.weight *= net.input_scale
                gain.bias *= net.input_scale
        self.register_buffer("zero_state", torch.zeros(1, 1, net.lstm.hidden_size))

    def forward(self, audio: Tensor, knobs: Tensor | None = None) -> Tensor:
        """``audio [1, T, 1]`` and ``knobs [1, K]`` to ``[1, T, 1]``."""
        features = audio
        if self.knobs is not None:
            gain, offset = self.knobs(knobs)
            features = audio * gain + offset
        hidden, _ = self.lstm(features, (self.zero_state, self.zero_state))
        return self.head(hidden) + audio


def export(net: ResidualLstm, recipe: Recipe, path: Path, held_out_esr: float) -> float:
    """Writes ``path``; returns the largest difference from torch in ONNX Runtime.

    Raises ``ArithmeticError`` where they differ by more than 1e-5.
    """
    deployed = _Deployed(net).eval()
    example: tuple[Tensor, ...] = (torch.zeros(1, 64, 1),)
    names = ["audio"]
    if recipe.knob:
        example += (torch.full((1, 1), 0.5),)
        names.append("knobs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            deployed,
            example,
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=names,
            output_names=["output"],
            dynamic_axes={"audio": {1: "frames"}, "output": {1: "frames"}},
        )
    write_metadata(path, recipe, held_out_esr)
    return _compare(net, path)


def write_metadata(path: Path, recipe: Recipe, held_out_esr: float) -> None:
    """Sets the ``tonegraft.*`` keys of the file at ``path``."""
    model = onnx.load(path)
    keys = {
        "tonegraft.version": "1",
        "tonegraft.name": recipe.title,
        "tonegraft.kind": "effect",
        "tonegraft.category": recipe.category,
        "tonegraft.sample_rate": "48000",
        "tonegraft.author": "The Tonegraft authors",
        "tonegraft.licence": "MIT OR Apache-2.0",
        "tonegraft.training_esr": f"{held_out_esr:.5f}",
        "tonegraft.description": recipe.description,
    }
    if recipe.knob:
        drive = {"name": "Drive", "input": "knobs", "index": 0}
        low, high = recipe.drive_range
        drive |= {"min": low, "max": high, "default": recipe.drive, "unit": ""}
        keys["tonegraft.knobs"] = json.dumps([drive])
    onnx.helper.set_model_props(model, keys)
    model.producer_name, model.producer_version = "tonegraft-train", "1"
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


class Player:
    """Plays an exported file with ONNX Runtime, whole signals at once."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, x: np.ndarray, drive: float | None = None) -> np.ndarray:
        """``x [n]`` to ``[n]``, from zero state."""
        feeds = {"audio": x.astype(np.float32)[None, :, None]}
        if drive is not None:
            feeds["knobs"] = np.full((1, 1), drive, np.float32)
        return self._session.run(None, feeds)[0][0, :, 0].astype(np.float64)


def _compare(net: ResidualLstm, path: Path) -> float:
    rng = np.random.default_rng(9)
    x = 0.2 * rng.normal(size=20_000)
    play = Player(path)
    worst = 0.0
    for drive in (0.0, 0.5, 1.0) if net.knobs is not None else (None,):
        knobs = None if drive is None else torch.full((1, 1, 1), drive)
        with torch.no_grad():
            wanted = net(torch.tensor(x, dtype=torch.float32)[None, :, None], knobs)[0]
        worst = max(worst, float(np.max(np.abs(play(x, drive) - wanted.numpy()[0, :, 0]))))
    if worst > 1e-5:
        raise ArithmeticError(f"ONNX Runtime and torch differ by {worst:.2e}")
    return worst
