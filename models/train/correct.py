"""Quiet settings of a device that is nearly linear there, by least squares.

At the lowest gain a FIR from input to output is nearer to a clean amplifier than a small network is,
which spends its accuracy on loud settings. So the first of ``SETTINGS`` equally spaced settings of
``q`` (see ``front.py``) is a FIR alone, the second the network and a FIR of what it misses linearly,
the others the network alone; hat functions of ``q`` lead over, as in the front's banks.
"""

from pathlib import Path

import numpy as np
import torch

from .circuits import RATE
from .dataset import Material, render_core
from .front import Front, Term, hats, play
from .metrics import fit_fir
from .network import Core
from .recipes import Recipe

SETTINGS, CORRECTED, TAPS = 5, 2, 768


@torch.no_grad()
def correction(
    recipe: Recipe, core: Core, heard: Front, material: Material, work: Path
) -> Front:
    """A front of one feature, to be added to the core's output times ``share(drive)``."""
    low, high = heard[1][0].a, heard[1][0].b
    starts = (0, 115, 140)
    x = np.concatenate([material.train.x[s * RATE : (s + 10) * RATE] for s in starts])
    taps = np.zeros((SETTINGS, TAPS))
    for k in range(CORRECTED):
        q = k / (SETTINGS - 1)
        drive = np.full(len(x), np.sqrt(q))
        y = render_core(recipe, x, drive, work)
        features = torch.tensor(play(heard, x, drive), dtype=torch.float32)[None]
        p = core.whole(features, torch.tensor([[[float(drive[0])]]]))[0].numpy()
        taps[k] = fit_fir(x, y - p if k else y, TAPS) / (low + high * q)
    return ((Term(taps, low, high),),)


def share(drive: np.ndarray) -> np.ndarray:
    """How much of the core is heard at ``drive`` ``[n]``: nothing at 0, all from ``q`` = 1/4 on."""
    return 1.0 - hats(drive**2, SETTINGS)[0]
