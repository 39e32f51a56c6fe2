"""The training loop: truncated back-propagation through time with carried state.

Sixteen streams of the training material run side by side in chunks of 1024 samples, the LSTM's
state carried from chunk to chunk. The loss is ESR after pre-emphasis plus a DC term. Validation
decides which epoch is kept; the test material is not looked at here. A checkpoint is written after
every epoch, where the state is zero, so that an interrupted run goes on exactly as it would have.
"""

import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from .circuits import RATE
from .dataset import Clip, Material
from .metrics import PRE_EMPHASIS
from .network import ResidualLstm
from .recipes import Recipe

STREAMS, CHUNK, WARM_UP = 16, 1024, 1000


@dataclass
class Progress:
    """How far a run is. ``history`` has the validation ESRs of each epoch."""

    update: int = 0
    epoch: int = 0
    best: float = float("inf")
    cpu_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def _loss(y: Tensor, p: Tensor) -> Tensor:
    """Pre-emphasised ESR + DC of ``[B, T, 1]``."""
    error = y - p
    emphasised = error[:, 1:] - PRE_EMPHASIS * error[:, :-1]
    energy = (y[:, 1:] - PRE_EMPHASIS * y[:, :-1]).square().mean()
    dc = error.mean(dim=1).square().mean() / (y.square().mean() + 1e-5)
    return emphasised.square().mean() / (energy + 1e-6) + dc


def _segments(clip: Clip, warm: int) -> tuple[Tensor, Tensor, Tensor]:
    """The clip as whole seconds ``[S, warm + RATE, 1]``, each with what came before it."""
    count = len(clip.x) // RATE
    index = np.arange(-warm, RATE) + RATE * np.arange(count)[:, None]
    before = index < 0

    def cut(signal: np.ndarray) -> Tensor:
        out = signal[np.maximum(index, 0)].astype(np.float32)
        return torch.from_numpy(out)[..., None]

    x, y = cut(clip.x), cut(clip.y)
    x[before], y[before] = 0.0, 0.0
    return x, cut(clip.drive), y


@torch.no_grad()
def validate(net: ResidualLstm, clips: list[Clip]) -> dict[str, float]:
    """ESR of each clip, computed on seconds side by side after a quarter of a second of run-in."""
    warm = RATE // 4
    scores = {}
    for clip in clips:
        x, drive, y = _segments(clip, warm)
        p = net(x, drive if net.knobs is not None else None)[0][:, warm:]
        y = y[:, warm:]
        scores[clip.name] = float((y - p).square().sum() / y.square().sum())
    return scores


def fit(recipe: Recipe, material: Material, work: Path) -> tuple[ResidualLstm, Progress]:
    """Trains to the end (or goes on from ``work``); returns the best network and its history."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    net = ResidualLstm(recipe.hidden, recipe.input_scale, int(recipe.knob), recipe.features)
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda u: max(0.02, 1.0 - 0.98 * u / recipe.updates)
    )
    progress = Progress()
    best = {k: v.clone() for k, v in net.state_dict().items()}
    checkpoint = work / f"{recipe.name}.pt"
    if checkpoint.is_file():
        saved = torch.load(checkpoint, weights_only=True)
        if saved["recipe"] == _fingerprint(recipe, material):
            net.load_state_dict(saved["net"])
            optimiser.load_state_dict(saved["optimiser"])
            schedule.load_state_dict(saved["schedule"])
            progress, best = Progress(**saved["progress"]), saved["best"]

    signals = [
        torch.from_numpy(s.astype(np.float32))
        for s in (material.train.x, material.train.drive, material.train.y)
    ]
    length = len(signals[0]) // STREAMS
    chunks = (length - WARM_UP) // CHUNK
    bar = tqdm(total=recipe.updates, initial=progress.update, desc=recipe.name, unit="upd")
    while progress.update < recipe.updates:
        started = time.process_time()
        shift = int(np.random.default_rng([recipe.seed, progress.epoch]).integers(length))
        x, drive, y = (
            s.roll(shift)[: STREAMS * length].reshape(STREAMS, length, 1) for s in signals
        )

        def knob(a: int, b: int, drive: Tensor = drive) -> Tensor | None:
            return drive[:, a:b] if net.knobs is not None else None

        with torch.no_grad():
            _, state = net(x[:, :WARM_UP], knob(0, WARM_UP))
        for chunk in range(chunks):
            if progress.update >= recipe.updates:
                break
            a = WARM_UP + chunk * CHUNK
            b = a + CHUNK
            p, state = net(x[:, a:b], knob(a, b), (state[0].detach(), state[1].detach()))
            loss = _loss(y[:, a:b], p)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            net.project()
            schedule.step()
            progress.update += 1
            bar.update()
        scores = validate(net, material.validation)
        mean = sum(scores.values()) / len(scores)
        progress.epoch += 1
        progress.cpu_seconds += time.process_time() - started
        progress.history.append({"update": progress.update, **scores})
        if mean < progress.best:
            progress.best = mean
            best = {k: v.clone() for k, v in net.state_dict().items()}
        bar.set_postfix(validation=f"{mean:.4f}", best=f"{progress.best:.4f}")
        torch.save(
            {
                "recipe": _fingerprint(recipe, material),
                "net": net.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "progress": asdict(progress),
                "best": best,
            },
            checkpoint,
        )
    bar.close()
    net.load_state_dict(best)
    return net.eval(), progress


def _fingerprint(recipe: Recipe, material: Material) -> str:
    """What a checkpoint must have been made from to be gone on with."""
    train = material.train
    return (
        f"{recipe.name} {recipe.drive} {recipe.knob} {recipe.tone} {recipe.level} {recipe.hidden} "
        f"{recipe.updates} {recipe.input_scale} {recipe.learning_rate} {recipe.seed} "
        f"{recipe.features} {len(train.x)} {float(np.sum(train.y**2)):.9e}"
    )
