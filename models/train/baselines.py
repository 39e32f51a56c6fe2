"""What others' ways of doing it give on the same data: ``models/train/run baselines NAME``.

All are fitted to the circuit at its default setting on the training split and judged on the
held-out playing, once each, with the budget stated beside them. `greybox/baselines.py` fits the
networks to what the grey-box effects follow.

* Hammerstein: powers 1 to 7 of the input, each into a FIR of 64 taps, by least squares. The
  block-oriented form of the Volterra series that McCool's comparison, a sampled-Volterra product,
  stands for.
* A small WaveNet: the two arrays of the "nano" configuration that the Neural Amp Modeler's trainer
  offers (4 and 2 channels, kernel 3, tanh), written down here from its documentation.
* McCool's convolutional network (2018, section 6.1): 6 convolutions with ReLU, max pooling, three
  linear layers, from a window of samples to one sample. He leaves kernel and layer sizes open;
  here: windows of 128, kernel 5, 16 channels, pooling by 4, linear layers of 64, 32 and 1.
* McCool's LSTM (section 6.3.1) for what lasts: 7 layers of 800 cells, trained on sections in order.
  He leaves their length open; here: 0.256 s, 16 side by side, back-propagation through 64 samples.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from scipy.linalg import solve
from torch import Tensor, nn
from torch.nn import functional

from .card import write_card
from .dataset import Material, kept, load
from .make import Places
from .metrics import esr
from .recipes import RECIPES, Recipe

_TAPS, _POWERS = 64, 7

HAMMERSTEIN = f"Hammerstein, {_POWERS} powers of {_TAPS} taps"

NANO_SECONDS, MCCOOL_SECONDS, LSTM_SECONDS = 300.0, 100.0, 300.0
"""Processor time for the training of the networks."""

Mono = Callable[[np.ndarray], np.ndarray]
"""How a fitted model plays: ``[n]`` to ``[n]``."""


def _delayed(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Regressors ``[len(at), POWERS * TAPS]`` of the Hammerstein form at samples ``at``."""
    scaled = x / 0.5
    past = at[:, None] - np.arange(_TAPS)
    return np.concatenate([scaled[past] ** p for p in range(1, _POWERS + 1)], axis=1)


def hammerstein(x: np.ndarray, y: np.ndarray) -> Mono:
    """The least-squares Hammerstein model from ``x`` to ``y``."""
    at = np.sort(np.random.default_rng(2).choice(np.arange(_TAPS, len(x)), 60_000, replace=False))
    a = _delayed(x, at)
    normal = a.T @ a
    normal[np.diag_indices_from(normal)] *= 1 + 1e-7
    taps = solve(normal, a.T @ y[at], assume_a="pos")

    def play(signal: np.ndarray) -> np.ndarray:
        padded = np.concatenate([np.zeros(_TAPS), signal])
        parts = [
            _delayed(padded, np.arange(s, min(s + 48_000, len(padded)))) @ taps
            for s in range(_TAPS, len(padded), 48_000)
        ]
        return np.concatenate(parts)

    return play


class _Array(nn.Module):
    def __init__(self, inputs: int, channels: int, head: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.rechannel = nn.Conv1d(inputs, channels, 1, bias=False)
        self.convs = nn.ModuleList(nn.Conv1d(channels, channels, 3, dilation=d) for d in dilations)
        self.mix = nn.ModuleList(nn.Conv1d(1, channels, 1, bias=False) for _ in dilations)
        self.out = nn.ModuleList(nn.Conv1d(channels, channels, 1) for _ in dilations)
        self.head = nn.Conv1d(channels, head, 1, bias=head == 1)

    def forward(self, x: Tensor, dry: Tensor, skip: Tensor | None) -> tuple[Tensor, Tensor]:
        x = self.rechannel(x)
        for conv, mix, out in zip(self.convs, self.mix, self.out, strict=True):
            past = 2 * conv.dilation[0]
            z = torch.tanh(conv(functional.pad(x, (past, 0))) + mix(dry))
            skip = z if skip is None else skip + z
            x = x + out(z)
        return x, self.head(skip)


class Nano(nn.Module):
    """A WaveNet of 4 and 2 channels. ``[B, 1, T]`` to ``[B, 1, T]``."""

    def __init__(self) -> None:
        super().__init__()
        self.first = _Array(1, 4, 2, (1, 2, 4, 8, 16, 32, 64))
        self.second = _Array(4, 2, 1, (128, 256, 512, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512))

    def forward(self, dry: Tensor) -> Tensor:
        x, skip = self.first(dry, dry, None)
        return self.second(x, dry, skip)[1]


class McCool(nn.Module):
    """Windows ``[B, 128]`` to one sample ``[B]``."""

    window = 128

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for k in range(6):
            layers += [nn.Conv1d(1 if k == 0 else 16, 16, 5, padding=2), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers, nn.MaxPool1d(4))
        self.linear = nn.Sequential(
            nn.Linear(16 * 32, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
        )

    def forward(self, windows: Tensor) -> Tensor:
        return self.linear(self.convolutions(windows[:, None]).flatten(1))[:, 0]


class McCoolLstm(nn.Module):
    """Samples ``[B, T]`` to ``[B, T]``, with the states of all layers before and after."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.LSTM(1, 800, 7, batch_first=True)
        self.out = nn.Linear(800, 1)

    def forward(
        self, dry: Tensor, states: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        z, states = self.layers(dry[..., None], states)
        return self.out(z)[..., 0], states


def train_for(
    net: nn.Module, loss_of: Callable[[int], Tensor], seconds: float, rate: float
) -> tuple[int, float]:
    """Adam until ``seconds`` of CPU time are used, the rate falling linearly; updates, seconds."""
    optimiser = torch.optim.Adam(net.parameters(), lr=rate)
    started, updates = time.process_time(), 0
    while (used := time.process_time() - started) < seconds:
        for group in optimiser.param_groups:
            group["lr"] = rate * max(0.02, 1 - used / seconds)
        loss = loss_of(updates)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        updates += 1
    return updates, time.process_time() - started


def _ratio(p: Tensor, t: Tensor) -> Tensor:
    """Error-to-signal ratio of the prediction ``p`` of ``t``, bounded in silence."""
    return (p - t).square().mean() / (t.square().mean() + 1e-6)


def _budget(net: nn.Module, updates: int, used: float) -> str:
    """What stands with a network's figure."""
    weights = sum(p.numel() for p in net.parameters())
    return f"{weights} weights, {updates} updates, {used:.0f} CPU-s"


def nano(x: np.ndarray, y: np.ndarray, seconds: float) -> tuple[Mono, str]:
    """Trains the small WaveNet; returns how it plays and what it took. One piece an update: in the
    same time that leads further than eight (distortion, validation, after 60 seconds: ESR 0.020
    against 0.080; after 240: 0.010)."""
    torch.manual_seed(1)
    net, rng = Nano(), np.random.default_rng(1)
    dry, wet = (torch.from_numpy(s.astype(np.float32)) for s in (x, y))
    past, length = 4096, 8192

    def loss_of(_: int) -> Tensor:
        at = torch.from_numpy(rng.integers(0, len(x) - past - length, 1))[:, None]
        index = at + torch.arange(past + length)
        p, t = net(dry[index][:, None])[:, 0, past:], wet[index[:, past:]]
        return _ratio(p, t)

    updates, used = train_for(net, loss_of, seconds, 4e-3)

    @torch.no_grad()
    def play(signal: np.ndarray) -> np.ndarray:
        return net(torch.from_numpy(signal.astype(np.float32))[None, None])[0, 0].numpy()

    return play, _budget(net, updates, used)


def mccool(x: np.ndarray, y: np.ndarray, seconds: float) -> tuple[Mono, str]:
    """Trains McCool's network; returns how it plays and what it took."""
    torch.manual_seed(1)
    net, rng = McCool(), np.random.default_rng(1)
    dry, wet = (torch.from_numpy(s.astype(np.float32)) for s in (x, y))
    offsets = torch.arange(-net.window + 1, 1)

    def loss_of(_: int) -> Tensor:
        at = torch.from_numpy(rng.integers(net.window, len(x), 256))
        p, t = net(dry[at[:, None] + offsets]), wet[at]
        return _ratio(p, t)

    updates, used = train_for(net, loss_of, seconds, 1e-3)

    @torch.no_grad()
    def play(signal: np.ndarray) -> np.ndarray:
        padded = torch.from_numpy(np.concatenate([np.zeros(net.window - 1), signal])).float()
        windows = padded.unfold(0, net.window, 1)
        return torch.cat([net(w) for w in windows.split(4096)]).numpy()

    return play, _budget(net, updates, used)


def mccool_lstm(x: np.ndarray, y: np.ndarray, seconds: float) -> tuple[Mono, str]:
    """Trains McCool's LSTM; returns how it plays and what it took. It plays in sections as long as
    those that it is trained on, side by side, each after the 50 ms before it: one after another
    they would take longer than the training."""
    torch.manual_seed(1)
    net, rng = McCoolLstm(), np.random.default_rng(1)
    dry, wet = (torch.from_numpy(s.astype(np.float32)) for s in (x, y))
    section, chunk, streams, before = 12_288, 64, 16, 2400
    starts, states = torch.zeros(streams, dtype=torch.long), None

    def loss_of(update: int) -> Tensor:
        nonlocal starts, states
        first = update * chunk % section
        if first == 0:
            starts, states = torch.from_numpy(rng.integers(0, len(x) - section, streams)), None
        index = starts[:, None] + first + torch.arange(chunk)
        p, after = net(dry[index], states)
        states = tuple(s.detach() for s in after)
        return _ratio(p, wet[index])

    updates, used = train_for(net, loss_of, seconds, 1e-3)

    @torch.no_grad()
    def play(signal: np.ndarray) -> np.ndarray:
        padding = np.zeros(before), np.zeros(-len(signal) % section)
        padded = torch.from_numpy(np.concatenate([padding[0], signal, padding[1]])).float()
        sections = padded.unfold(0, before + section, section)
        after, parts = None, []
        for part in sections.split(512, dim=1):
            p, after = net(part, after)
            parts.append(p)
        return torch.cat(parts, dim=1)[:, before:].flatten()[: len(signal)].numpy()

    return play, _budget(net, updates, used)


@dataclass(frozen=True)
class Network:
    """How one is trained, and for how many seconds of processor time."""

    title: str
    train: Callable[[np.ndarray, np.ndarray, float], tuple[Mono, str]]
    seconds: float


NANO = Network("small WaveNet", nano, NANO_SECONDS)
MCCOOL = Network("McCool's network", mccool, MCCOOL_SECONDS)
MCCOOL_LSTM = Network("McCool's LSTM, 7 x 800", mccool_lstm, LSTM_SECONDS)


def trained(
    networks: Iterable[Network], x: np.ndarray, y: np.ndarray
) -> Iterator[tuple[str, Mono]]:
    """Trains one after another from ``x [n]`` to ``y [n]``; a title with what it took, and how it
    plays."""
    for network in networks:
        play, budget = network.train(x, y, network.seconds)
        yield f"{network.title} ({budget})", play


def judge(play: Mono, dry: list[np.ndarray], wet: list[np.ndarray]) -> float:
    """Error-to-signal ratio over all excerpts together."""
    return esr(np.concatenate(wet), np.concatenate([play(s) for s in dry]))


def add(figures: dict, title: str, value: float) -> None:
    """Puts a baseline's figure into those of a model. A title ends with what its training took: the
    same network with another budget is replaced."""
    print(f"{title}: {value:.4f}", flush=True)
    network = title.partition(" (")[0]
    for kept_in in (figures.setdefault("more_baselines", {}), figures["report"]["baselines"]):
        for old in [t for t in kept_in if t.partition(" (")[0] == network]:
            del kept_in[old]
        kept_in[title] = value


def fitted_to(
    recipe: Recipe, material: Material, work: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Dry and wet of the training split at the default setting: two minutes, of which the networks
    do not see more in their time. What the circuit plays is kept in ``work``."""
    x = material.train.x[60 * 48_000 : 180 * 48_000]
    parts = x.tobytes() + repr((recipe.name, recipe.defaults)).encode()
    y = kept(
        work, f"{recipe.name}-default", parts,
        lambda: recipe.circuit.render(x, *recipe.defaults).astype("f4"),
    )
    return x, y.astype(np.float64)


def held_out(recipe: Recipe, material: Material) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Dry and wet at the default setting: both real files, cut short, since networks play slowly
    outside the engine."""
    dry = [s[: 3 * 48_000] for n, s in material.test.items() if not n.startswith("synthetic")]
    return dry, [recipe.circuit.render(s, *recipe.defaults) for s in dry]


def fit_all(
    networks: Iterable[Network],
    x: np.ndarray,
    y: np.ndarray,
    held_out: tuple[list[np.ndarray], list[np.ndarray]],
    figures: dict,
    path: Path,
    card: Callable[[Path, dict], None],
) -> None:
    """Fits the Hammerstein form and the networks from ``x [n]`` to ``y [n]``. Each joins
    ``figures``, their file ``path`` and the card beside it once it is judged on ``held_out``, dry
    and wet."""
    fitted = [(HAMMERSTEIN, hammerstein(x, y))]
    for title, play in chain(fitted, trained(networks, x, y)):
        add(figures, title, judge(play, *held_out))
        path.write_text(json.dumps(figures, indent=1) + "\n")
        card(path.with_suffix(".md"), figures)


def compare(name: str, places: Places) -> None:
    """Fits all baselines to the circuit of that name."""
    torch.set_num_threads(1)
    recipe = RECIPES[name]
    material = load(recipe, places.audio, places.extra, places.work)
    x, y = fitted_to(recipe, material, places.work)
    path = places.out / f"{name}.json"
    fit_all(
        (NANO, MCCOOL), x, y, held_out(recipe, material), json.loads(path.read_text()), path,
        lambda card, figures: write_card(card, recipe, figures),
    )
