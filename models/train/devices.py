"""One process that trains a network, or several together: one for each GPU or core, on one machine
or on the nodes of a cluster.

Lightning Fabric starts the processes, or finds that ``torchrun`` or ``srun`` has, and averages
their gradients. Each runs the whole program from its first line, holds the whole network and all of
the material, and trains on its share of the streams (``fit.py``). The first one alone judges,
saves, exports and speaks.
"""

import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import torch
from torch import Tensor, nn

STREAMS = 16
"""Streams of the material that are trained on side by side; the processes share them."""


class Alone:
    """One process. ``first``: it judges, saves and speaks; ``share`` are its streams."""

    first = True
    share = slice(0, STREAMS)

    def __init__(self, device: str) -> None:
        check_device(device)
        self.device, self.name = torch.device(device), device

    def launch(self) -> None:
        """Starts the other processes; to be called when nothing is left to be refused."""

    def first_before_others(self) -> AbstractContextManager:
        """Its body is done by the first process, and then by the others."""
        return nullcontext()

    def wrap(self, net: nn.Module) -> nn.Module:
        """What to call for ``net`` in training; its weights are those of ``net``."""
        return net

    def backward(self, loss: Tensor) -> None:
        """Leaves in every process the gradients of the mean of all processes' losses."""
        loss.backward()

    def agreed(self, value: Any) -> Any:
        """The first process's ``value``."""
        return value

    def total(self, value: float) -> float:
        """The sum of all processes' ``value``."""
        return value

    def close(self) -> None:
        """Waits for the others and takes leave of them."""


class Together(Alone):
    """One of several processes. Those that are not the first have no standard output. Ctrl-C ends
    all of them at once, without a word: what one says of another's end is of no use."""

    def __init__(self, kind: str, devices: int, nodes: int) -> None:
        # Imported here: it takes a while, and who trains alone has no use for it.
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.environments import LightningEnvironment
        from lightning_fabric.strategies import DDPStrategy

        for told in ("distributed", "rank_zero"):
            logging.getLogger(f"lightning_fabric.utilities.{told}").setLevel(logging.WARNING)
        try:
            # The buffers are constants that every process computes for itself.
            strategy = DDPStrategy(forward_sync_buffers=False)
            self._fabric = Fabric(
                accelerator=kind, devices=devices, num_nodes=nodes, strategy=strategy
            )
            cluster = strategy.cluster_environment
            cluster.validate_settings(devices, nodes)
        except (RuntimeError, ValueError) as error:
            _refuse(f"--devices {devices} --nodes {nodes}: {error}")
        started = cluster.creates_processes_externally
        if nodes > 1 and isinstance(cluster, LightningEnvironment) and not started:
            _refuse(
                f"--nodes {nodes}: start the command on every node with torchrun or srun "
                "(docs/TRAIN-YOUR-OWN.md)."
            )
        super().__init__(str(self._fabric.device))
        count, rank = devices * nodes, self._fabric.global_rank
        self.name = f"{count} × {kind}"
        self.first = rank == 0
        self.share = slice(rank * STREAMS // count, (rank + 1) * STREAMS // count)
        if not self.first:
            sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (to the end of the process)

    def launch(self) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._fabric.launch()

    def first_before_others(self) -> AbstractContextManager:
        return self._fabric.rank_zero_first()

    def wrap(self, net: nn.Module) -> nn.Module:
        return self._fabric.setup_module(net)

    def backward(self, loss: Tensor) -> None:
        self._fabric.backward(loss)

    def agreed(self, value: Any) -> Any:
        return self._fabric.broadcast(value)

    def total(self, value: float) -> float:
        here = torch.tensor(value, dtype=torch.float64, device=self.device)
        return float(self._fabric.all_reduce(here, reduce_op="sum"))

    def close(self) -> None:
        self._fabric.barrier()
        torch.distributed.destroy_process_group()


def team(device: str, devices: int = 1, nodes: int = 1) -> Alone:
    """This process and those that it trains with: ``devices`` on each of ``nodes``. Ends with a
    sentence where that cannot be; called before anything else."""
    count, started = devices * nodes, int(os.environ.get("WORLD_SIZE", 1))
    if started > 1 and count != started:
        _refuse(
            f"{started} processes were started: --devices times --nodes has to be that, not "
            f"{devices} times {nodes}."
        )
    if count == 1:
        return Alone(device)
    if STREAMS % count:
        _refuse(
            f"--devices {devices} --nodes {nodes}: {STREAMS} streams are trained on side by side, "
            f"which {count} processes cannot share evenly: 2, 4, 8 or 16 can."
        )
    kind, _, index = device.partition(":")
    if index or kind not in ("cpu", "cuda"):
        _refuse(f"--device {device} with --devices {devices} --nodes {nodes}: say cpu or cuda.")
    there = torch.cuda.device_count() if kind == "cuda" else os.cpu_count() or 1
    if there == 0:
        check_device(kind)
    if devices > there:
        what = "GPU" if kind == "cuda" else "processor core"
        _refuse(
            f"--devices {devices}: this machine has {there} {what}{'s' if there != 1 else ''}."
        )
    return Together(kind, devices, nodes)


def check_device(device: str) -> None:
    """Ends with a sentence where ``device`` cannot train."""
    try:
        torch.zeros(1, device=device) + 1
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise SystemExit(
            f"--device {device}: {reason} Without --device the processor is used; that takes about "
            "ten minutes a model."
        ) from error


def _refuse(sentence: str) -> NoReturn:
    """Ends with a sentence, which is said once where a cluster has started all processes."""
    another = any(int(os.environ.get(rank, 0)) for rank in ("RANK", "SLURM_PROCID"))
    raise SystemExit(1 if another else sentence)
