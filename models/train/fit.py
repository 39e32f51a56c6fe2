"""The training loop: truncated back-propagation through time with carried state.

Sixteen streams of the training material run side by side in chunks of 512 or 1024 samples, the
LSTM's state carried from chunk to chunk. The target is what the circuit's core makes, before the
tone stage, which is linear and needs no training. Validation decides which epoch is kept; the test
material is not looked at here. A checkpoint is written after every epoch, where the state is zero,
so that an interrupted run goes on exactly as it would have. Several processes share the streams
(``devices.py``); but for rounding, they learn what one does.
"""

import time
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from .circuits import RATE
from .dataset import Clip, Material
from .devices import STREAMS, Alone
from .front import Front, play
from .metrics import PRE_EMPHASIS
from .network import Core, State
from .recipes import Recipe

WARM_UP = 1000


@dataclass
class Progress:
    """How far a run is. ``history`` has the validation ESRs of each epoch."""

    update: int = 0
    epoch: int = 0
    best: float = float("inf")
    cpu_seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def _loss(y: Tensor, p: Tensor, share: slice) -> Tensor:
    """ESR and half of the ESR with pre-emphasis of each of a share of the streams, then their mean.

    ``y [STREAMS, T]`` are all streams' targets, ``p [B, T]`` what the net makes of the ``share``. A
    stream counts by its own energy, but by a twentieth of the mean of all at least: quiet settings
    are as important as loud ones, silence is not.
    """
    error = y[share] - p
    high = error[:, 1:] - PRE_EMPHASIS * error[:, :-1]
    wanted = y[:, 1:] - PRE_EMPHASIS * y[:, :-1]

    def normalised(error: Tensor, target: Tensor) -> Tensor:
        energy = target.square().mean(dim=1)
        norm = energy[share] + 0.05 * energy.mean() + 1e-9
        return (error.square().mean(dim=1) / norm).mean()

    return normalised(error, y) + 0.5 * normalised(high, wanted)


@dataclass
class Signals:
    """Features ``[F, n]``, drive ``[n]`` and target ``[n]`` of a clip, 32 bits."""

    features: Tensor
    drive: Tensor
    y: Tensor

    @staticmethod
    def of(clip: Clip, front: Front) -> "Signals":
        def tensor(a: np.ndarray) -> Tensor:
            return torch.from_numpy(np.ascontiguousarray(a, np.float32))

        return Signals(
            tensor(play(front, clip.x, clip.drive)), tensor(clip.drive), tensor(clip.y)
        )


@torch.no_grad()
def validate(net: Core, clips: dict[str, Signals]) -> dict[str, float]:
    """ESR of each clip, computed on seconds side by side after a quarter of a second of run-in."""
    device = next(net.parameters()).device
    warm, scores = RATE // 4 + net.memory, {}
    for name, clip in clips.items():
        index = torch.arange(-warm, RATE) + RATE * torch.arange(len(clip.y) // RATE)[:, None]
        before = index < 0
        index = index.clamp(min=0)
        x = clip.features[:, index].permute(1, 0, 2).masked_fill(before[:, None], 0.0)
        knobs = clip.drive[index[:, net.memory :], None].to(device)
        p = net(x.to(device), knobs if net.knobs is not None else None)[0][:, -RATE:].cpu()
        y = clip.y[index[:, warm:]]
        scores[name] = float((y - p).square().sum() / y.square().sum())
    return scores


def fit(
    recipe: Recipe, material: Material, front: Front, work: Path, team: Alone
) -> tuple[Core, Progress]:
    """Trains to the end (or goes on from ``work``); returns the best network and its history, in
    every process of the ``team``, which is closed then."""
    torch.set_num_threads(1)
    torch.manual_seed(recipe.seed)
    train = Signals.of(material.train, front)
    held_out = {c.name: Signals.of(c, front) for c in material.validation}
    net = Core(
        recipe.hidden,
        [float(0.5 / f.std()) for f in train.features],
        float(train.y.std()),
        int(recipe.knob),
        recipe.linear,
    ).to(team.device)
    optimiser = torch.optim.Adam(net.parameters(), lr=recipe.learning_rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda u: max(0.01, 1.0 - 0.99 * u / recipe.updates)
    )
    mean = deepcopy(net)
    progress = Progress()
    best = {k: v.clone() for k, v in net.state_dict().items()}
    checkpoint = work / f"{recipe.core.replace(' ', '_')}-{recipe.seed}.pt"
    fingerprint = _fingerprint(recipe, material)
    # Another node may not have the file.
    saved = team.agreed(_saved(checkpoint, fingerprint) if team.first else None)
    if saved is not None:
        net.load_state_dict(saved["net"])
        optimiser.load_state_dict(saved["optimiser"])
        schedule.load_state_dict(saved["schedule"])
        progress, best = Progress(**saved["progress"]), saved["best"]
        mean.load_state_dict(saved.get("mean", saved["net"]))
    learner = team.wrap(net)

    length = len(train.y) // STREAMS
    warm = net.memory + WARM_UP
    chunks = (length - warm) // recipe.chunk
    bar = tqdm(
        total=recipe.updates,
        initial=progress.update,
        desc=recipe.core,
        unit="upd",
        mininterval=5,
        disable=not team.first,
    )
    while progress.update < recipe.updates and progress.best > recipe.enough:
        started = time.process_time()
        shift = int(np.random.default_rng([recipe.seed, progress.epoch]).integers(length))

        def streams(s: Tensor, shift: int = shift) -> Tensor:
            rolled = s.roll(shift, dims=-1)[..., : STREAMS * length]
            return rolled.reshape(*s.shape[:-1], STREAMS, length).to(team.device)

        x = streams(train.features).transpose(0, 1)[team.share]
        drive, y = streams(train.drive)[team.share, :, None], streams(train.y)

        def run(a: int, b: int, state: State | None) -> tuple[Tensor, State]:
            knobs = drive[:, a:b] if net.knobs is not None else None
            return learner(x[..., a - net.memory : b], knobs, state)

        with torch.no_grad():
            _, state = run(net.memory, warm, None)
        for chunk in range(chunks):
            if progress.update >= recipe.updates:
                break
            a = warm + chunk * recipe.chunk
            b = a + recipe.chunk
            p, state = run(a, b, (state[0].detach(), state[1].detach()))
            loss = _loss(y[:, a:b], p, team.share)
            optimiser.zero_grad(set_to_none=True)
            team.backward(loss)
            norm = nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            if torch.isfinite(norm):
                optimiser.step()
            net.project()
            if recipe.average:
                # Young runs forget their beginning sooner.
                share = min(recipe.average, progress.update / (progress.update + 10))
                with torch.no_grad():
                    torch._foreach_lerp_(
                        list(mean.parameters()), list(net.parameters()), 1.0 - share
                    )
            schedule.step()
            progress.update += 1
            bar.update()
        judged = mean if recipe.average else net
        scores = team.agreed(validate(judged, held_out) if team.first else None)
        score = sum(scores.values()) / len(scores)
        progress.epoch += 1
        progress.cpu_seconds += team.total(time.process_time() - started)
        progress.history.append({"update": progress.update, **scores})
        if score < progress.best:
            progress.best = score
            best = {k: v.clone() for k, v in judged.state_dict().items()}
        bar.set_postfix(validation=f"{score:.5f}", best=f"{progress.best:.5f}")
        if team.first:
            saved = {
                "recipe": fingerprint,
                "net": net.state_dict(),
                "mean": mean.state_dict(),
                "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(),
                "progress": asdict(progress),
                "best": best,
            }
            torch.save(saved, checkpoint.with_suffix(".part"))
            checkpoint.with_suffix(".part").replace(checkpoint)
    bar.close()
    team.close()
    net.load_state_dict(best)
    return net.eval().cpu(), progress


def _saved(checkpoint: Path, fingerprint: str) -> dict | None:
    """What an interrupted run of the same has left."""
    if not checkpoint.is_file():
        return None
    saved = torch.load(checkpoint, map_location="cpu", weights_only=True)
    return saved if saved["recipe"] == fingerprint else None


def _fingerprint(recipe: Recipe, material: Material) -> str:
    """What a checkpoint must have been made from to be gone on with."""
    train = material.train
    return (
        f"2 {recipe.core} {recipe.hidden} {recipe.updates} {recipe.learning_rate} {recipe.seed} "
        f"{recipe.knob} {recipe.linear} {recipe.average} {recipe.chunk} "
        f"{len(train.x)} {float(np.sum(train.y**2)):.9e}"
    )
