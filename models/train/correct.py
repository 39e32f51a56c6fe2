"""What a trained core gets wrong linearly at its quiet settings, taken off by least squares.

At low gain a device is nearly linear, and what a small network misses of it is mostly the phase of
the lowest octaves. One FIR for each of the lowest settings of ``q`` (see ``front.py``), fitted from
the input to what is missing on part of the training material, blended like the front's banks.
"""

from pathlib import Path

import numpy as np
import torch

from .circuits import RATE
from .dataset import Material, render_core
from .front import Front, Term, play
from .metrics import fit_fir
from .network import Core
from .recipes import Recipe

SETTINGS, CORRECTED, TAPS = 5, 2, 768


@torch.no_grad()
def correction(
    recipe: Recipe, core: Core, heard: Front, material: Material, work: Path
) -> Front:
    """A front of one feature, which is to be added to the core's output."""
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
        taps[k] = fit_fir(x, y - p, TAPS) / (low + high * q)
    return ((Term(taps, low, high),),)
