"""From a recipe and its material to the file of a staged model."""

import time
from pathlib import Path

import numpy as np

from ..dataset import Material
from ..greybox.play import Engine
from ..metrics import esr
from ..recipes import Recipe
from .devices import device
from .staged import learn
from .tone import tone
from .write import write

_SECONDS = 60 * 48_000
"""How much of the training material the stages play."""


class Played:
    """Plays a file with the engine: ONNX Runtime would need one run for each sample."""

    def __init__(self, path: Path) -> None:
        self._engine = Engine(path)
        self.knobs = self._engine.knobs

    def __call__(self, x: np.ndarray, knobs: dict[str, float]) -> np.ndarray:
        """``x [n]`` to ``[n]``."""
        return self._engine(x, knobs)


class StagedModel:
    """A learned device with its tone stage, as ``make.py`` takes it."""

    def __init__(self, recipe: Recipe, material: Material) -> None:
        started = time.process_time()
        train = material.train
        rng = np.random.default_rng([recipe.seed, 5])
        # Ten-second pieces from everywhere; the knob moves in all of them.
        piece = 480_000
        starts = np.arange(0, len(train.x) - piece, piece)
        picked = np.sort(rng.choice(starts, min(_SECONDS // piece, len(starts)), replace=False))
        x, drive, y = (
            np.concatenate([s[a : a + piece] for a in picked])
            for s in (train.x, train.drive, train.y)
        )
        self.recipe = recipe
        self.staged, folded = learn(
            device(recipe.core, recipe.times), x, drive, y, recipe.seed, recipe.clean
        )
        some = slice(0, 20 * 48_000)
        played = self.staged(x[some], drive[some])
        self.post = tone(recipe, played, y[some], folded, recipe.clean)
        self.history = [
            {"update": 0} | {c.name: esr(c.y, self.staged(c.x, c.drive)) for c in material.validation}
        ]
        self.training = {
            "updates": 0,
            "cpu_seconds": round(time.process_time() - started, 1),
            "seconds_of_audio": round(len(x) / 48_000, 1),
            # A unit's row ends with its sign, or holds nothing for a knob that moves it not.
            "weights": sum(
                int(np.count_nonzero(f[:-1])) - (len(f) - 2) for f in self.staged.functions
            ),
            "fixed_taps": int(
                self.post.taps.size + self.staged.rise.size + self.staged.fall.size
            ),
        }

    def export(self, path: Path) -> float:
        """Writes ``path``; the largest difference of the engine from the simulation that the
        stages were learned with: 32 bits against 64, seen through all the gain there is. Raises
        ``ArithmeticError`` where it is above a hundredth of full scale."""
        write(self.recipe, self.staged, self.post, path)
        play = Played(path)
        x = 0.1 * np.random.default_rng(9).normal(size=20_000)
        worst = 0.0
        for at in (0.0, 0.37, 1.0):
            knobs = dict.fromkeys(play.knobs, at) | {play.knobs[-1]: 1.0}
            core = self.staged(x, np.full(len(x), at))
            worst = max(worst, float(np.max(np.abs(play(x, knobs) - self.post(core, at)))))
        if worst > 1e-2:
            raise ArithmeticError(f"the engine and the simulation differ by {worst:.2e}")
        return worst
