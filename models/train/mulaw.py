"""McCool's third way, once: a WaveNet whose output is one of 256 μ-law classes a sample.

``models/train/run mulaw NAME``. After van den Oord et al., "WaveNet: a generative model for raw
audio", 2016: gated dilated convolutions, residual and skip paths, a softmax over the classes of
ITU-T G.711's μ-law. Here it hears the dry signal alone, not its own past output, so that nothing
has to be drawn sample by sample. Two ways of reading the distribution are judged: the likeliest
class, and the mean. Beside them stands what the classes cost by themselves: the reference, coded
and decoded.
"""

import json

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from .baselines import add, fitted_to, held_out, train_for
from .card import write_card
from .dataset import load
from .make import Places
from .metrics import esr
from .recipes import RECIPES

CLASSES = 256
_MU = CLASSES - 1.0


def encode(y: np.ndarray) -> np.ndarray:
    """Classes ``[n]`` of ``y [n]`` in -1 to 1."""
    bent = np.sign(y) * np.log1p(_MU * np.minimum(np.abs(y), 1.0)) / np.log1p(_MU)
    return np.clip(np.round((bent + 1) / 2 * _MU), 0, _MU).astype(np.int64)


def decode(codes: np.ndarray) -> np.ndarray:
    """What classes ``[n]`` stand for."""
    bent = 2 * codes / _MU - 1
    return np.sign(bent) * np.expm1(np.abs(bent) * np.log1p(_MU)) / _MU


class Classifier(nn.Module):
    """Dry ``[B, 1, T]`` to scores ``[B, 256, T]``; two stacks of eight gated layers."""

    def __init__(self, channels: int = 12) -> None:
        super().__init__()
        self.dilations = [2**k for k in range(8)] * 2
        self.first = nn.Conv1d(1, channels, 1)
        self.gates = nn.ModuleList(
            nn.Conv1d(channels, 2 * channels, 2, dilation=d) for d in self.dilations
        )
        self.out = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in self.dilations)
        self.head = nn.Sequential(
            nn.ReLU(), nn.Conv1d(channels, 48, 1), nn.ReLU(), nn.Conv1d(48, CLASSES, 1)
        )

    def forward(self, dry: Tensor) -> Tensor:
        x = self.first(dry)
        skip = torch.zeros_like(x)
        for gate, out, dilation in zip(self.gates, self.out, self.dilations, strict=True):
            value, open_ = gate(functional.pad(x, (dilation, 0))).chunk(2, dim=1)
            z = out(torch.tanh(value) * torch.sigmoid(open_))
            x, skip = x + z, skip + z
        return self.head(skip)


def compare(name: str, places: Places, seconds: float = 120.0) -> None:
    """Trains it on the circuit of that name at its default setting; adds it to its figures."""
    torch.set_num_threads(1)
    torch.manual_seed(1)
    recipe = RECIPES[name]
    material = load(recipe, places.audio, places.extra, places.work)
    x, y = fitted_to(recipe, material, places.work)
    loudest = float(np.max(np.abs(y)))
    net, rng, length = Classifier(), np.random.default_rng(1), 2048
    dry = torch.from_numpy(x.astype(np.float32))
    codes = torch.from_numpy(encode(y / loudest))
    warm = sum(net.dilations)

    def loss_of(_: int) -> Tensor:
        at = torch.from_numpy(rng.integers(warm, len(x) - length, 6))
        scores = net(dry[at[:, None] + torch.arange(-warm, length)][:, None])[..., warm:]
        return functional.cross_entropy(scores, codes[at[:, None] + torch.arange(length)])

    updates, used = train_for(net, loss_of, seconds, 3e-3)
    levels = torch.from_numpy(decode(np.arange(CLASSES))).float() * loudest
    dries, wets = held_out(recipe, material)
    read: dict[str, list[np.ndarray]] = {"likeliest class": [], "mean": [], "coded reference": []}
    with torch.no_grad():
        for s, wet in zip(dries, wets, strict=True):
            padded = torch.cat([torch.zeros(warm), torch.from_numpy(s.astype(np.float32))])
            for a in range(0, len(s), 24_000):
                scores = net(padded[None, None, a : a + warm + 24_000])[0, :, warm:]
                read["likeliest class"].append(levels[scores.argmax(0)].numpy())
                read["mean"].append((levels @ scores.softmax(0)).numpy())
            read["coded reference"].append(decode(encode(wet / loudest)) * loudest)
    target = np.concatenate(wets)
    path = places.out / f"{recipe.file}.json"
    figures = json.loads(path.read_text())
    weights = sum(p.numel() for p in net.parameters())
    for title, parts in read.items():
        label = f"μ-law WaveNet, {title}"
        if title == "mean":
            label += f" ({weights} weights, {updates} updates, {used:.0f} CPU-s)"
        add(figures, label, esr(target, np.concatenate(parts)))
    path.write_text(json.dumps(figures, indent=1) + "\n")
    write_card(path.with_suffix(".md"), recipe, figures)
