"""Several processes learn what one does: ``python -m train.check_devices``.

A tiny network is trained for a few updates by one process, by two, and by two that are stopped
after an epoch and go on; raises ``AssertionError`` with a sentence. Then what cannot train has to
be refused.
"""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from .circuits import RATE
from .dataset import Clip, Material
from .devices import team
from .fit import fit
from .front import plain
from .material import plucked
from .recipes import RECIPES

_TOLERANCE = 1e-6
"""Of the weights, relative to their root mean square: forty times what rounding does here. Streams
weighed by the mean energy of one process's share alone differ by more than a thousandfold of it."""


def _material() -> Material:
    """Five seconds under a moving knob, ever quieter: the processes' streams differ in energy."""
    n = 5 * RATE
    x = 0.4 * plucked(5, 5.0) * np.linspace(1.0, 0.05, n)
    drive = np.linspace(0.0, 1.0, n)
    y = np.tanh((1.0 + 5.0 * drive) * x)
    end = slice(n - RATE, n)
    held_out = Clip("the end", x[end], drive[end], y[end])
    return Material(Clip("training", x, drive, y), [held_out], {}, [], [])


def _train(work: Path, devices: int, enough: float) -> None:
    recipe = replace(
        RECIPES["overdrive"], hidden=8, updates=40, chunk=512, knob=True, linear=True, enough=enough
    )
    processes = team("cpu", devices)
    processes.launch()
    net, progress = fit(recipe, _material(), plain(), work, processes)
    # In every process: they have to agree.
    result = {"updates": progress.update, "history": progress.history, "net": net.state_dict()}
    torch.save(result, work / f"process-{processes.share.start}.pt")


def _trained(work: Path, devices: int, enough: float = 0.0) -> dict:
    """What a run in processes of its own has learned; below an error of ``enough`` it ends."""
    work.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "train.check_devices", str(work), str(devices), str(enough)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{devices} processes: {done.stderr}"
    results = [torch.load(path) for path in sorted(work.glob("process-*.pt"))]
    assert len(results) == devices, f"{len(results)} processes instead of {devices}"
    for other in results[1:]:
        assert other["history"] == results[0]["history"], "the processes tell other histories"
        assert _difference(other, results[0]) == 0.0, "the processes hold other weights"
    return results[0]


def _difference(a: dict, b: dict) -> float:
    def flat(result: dict) -> torch.Tensor:
        return torch.cat([w.flatten().double() for w in result["net"].values()])

    return float((flat(a) - flat(b)).norm() / flat(a).norm())


def _refusals() -> None:
    cases = {
        ("cpu", 3, 1): "share evenly",
        ("cpu", 32, 1): "share evenly",
        ("cpu", 2, 2): "torchrun or srun",
        ("cuda:1", 2, 1): "say cpu or cuda",
        ("tpu", 2, 1): "say cpu or cuda",
    }
    if not torch.cuda.is_available():
        cases |= {("cuda", 2, 1): "--device cuda", ("cuda", 1, 1): "--device cuda"}
    for (device, devices, nodes), wanted in cases.items():
        try:
            team(device, devices, nodes)
            raise AssertionError(f"{devices} of {device} on {nodes}: let through")
        except SystemExit as error:
            said = str(error)
        assert wanted in said, f"{devices} of {device} on {nodes}: not for the right reason: {said}"
        print(said)


def main() -> None:
    """Runs every case and prints what was found."""
    if sys.argv[1:]:
        work, devices, enough = sys.argv[1:]
        _train(Path(work), int(devices), float(enough))
        return
    with tempfile.TemporaryDirectory() as folder:
        one = _trained(Path(folder) / "one", 1)
        two = _trained(Path(folder) / "two", 2)
        off = _difference(one, two)
        assert off < _TOLERANCE, f"two processes differ from one by {off:.1e}"
        print(f"{two['updates']} updates by two processes and by one: {off:.1e} apart")
        stopped = _trained(Path(folder) / "stopped", 2, 1e9)
        assert 0 < stopped["updates"] < two["updates"], f"stopped at {stopped['updates']}"
        resumed = _trained(Path(folder) / "stopped", 2)
        assert _difference(two, resumed) == 0.0, "not what an uninterrupted run comes to"
        assert two["history"] == resumed["history"], "not an uninterrupted run's history"
        print(f"stopped after {stopped['updates']} updates: went on to the same weights")
    _refusals()


if __name__ == "__main__":
    main()
