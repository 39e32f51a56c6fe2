"""From the trained network to one clean ONNX file with the keys of ``models/FORMAT.md``.

TorchScript's exporter, opset 17: it keeps the LSTM one node with a free length. The call is
stateless: both start states are constant zeros, and an engine that streams carries them itself.
"""

import json
import warnings
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
        self.has_knobs = net.has_knobs
        self.lstm = nn.LSTM(net.lstm.input_size, net.lstm.hidden_size, batch_first=True)
        self.lstm.load_state_dict(net.lstm.state_dict())
        self.head = net.head
        if self.has_knobs:
            self.knob_hidden = net.knob_hidden
            self.knob_gain, self.knob_offset = net.knob_gain, net.knob_offset
            self._fold_knobs(net.input_scale)
        else:
            with torch.no_grad():
                self.lstm.weight_ih_l0.mul_(net.input_scale)
        self.register_buffer("zero_state", torch.zeros(1, 1, net.lstm.hidden_size))

    @torch.no_grad()
    def _fold_knobs(self, scale: float) -> None:
        """``2 k - 1`` goes into the first layer, the input scale into the second."""

        def copy(layer: nn.Linear, weight: Tensor, bias: Tensor) -> nn.Linear:
            out = nn.Linear(layer.in_features, layer.out_features)
            out.weight.copy_(weight)
            out.bias.copy_(bias)
            return out

        first = self.knob_hidden
        self.knob_hidden = copy(first, 2 * first.weight, first.bias - first.weight.sum(dim=1))
        gain = self.knob_gain
        self.knob_gain = copy(gain, scale * gain.weight, scale * gain.bias)

    def forward(self, audio: Tensor, knobs: Tensor | None = None) -> Tensor:
        """``audio [1, T, 1]`` and ``knobs [1, K]`` to ``[1, T, 1]``."""
        features = audio
        if self.has_knobs:
            inner = torch.tanh(self.knob_hidden(knobs))
            features = audio * self.knob_gain(inner) + self.knob_offset(inner)
        hidden, _ = self.lstm(features, (self.zero_state, self.zero_state))
        return self.head(hidden) + audio


def export(net: ResidualLstm, recipe: Recipe, path: Path, held_out_esr: float) -> float:
    """Writes ``path``; returns the largest difference from torch in ONNX Runtime.

    Raises ``ArithmeticError`` where they differ by more than 1e-5.
    """
    deployed = _Deployed(net).eval()
    example = (torch.zeros(1, 64, 1),)
    names = ["audio"]
    if net.has_knobs:
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
        drive |= {"min": 0.0, "max": 1.0, "default": recipe.drive, "unit": ""}
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
    for drive in (0.0, 0.5, 1.0) if net.has_knobs else (None,):
        knobs = None if drive is None else torch.full((1, 1, 1), drive)
        with torch.no_grad():
            wanted = net(torch.tensor(x, dtype=torch.float32)[None, :, None], knobs)[0]
        worst = max(worst, float(np.max(np.abs(play(x, drive) - wanted.numpy()[0, :, 0]))))
    if worst > 1e-5:
        raise ArithmeticError(f"ONNX Runtime and torch differ by {worst:.2e}")
    return worst
