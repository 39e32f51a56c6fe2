"""What a circuit is to the rest of the package: a nonlinear core, a linear tone stage, a level."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from ..oversample import around
from .parts import NEWTON_MAX, RATE

__all__ = ["RATE", "Circuit"]


@dataclass(frozen=True)
class Circuit:
    """A circuit and what its controls do.

    ``core(x, drive, out)`` solves the nonlinear part at the fast rate (``x``, ``out`` ``[8 n]``,
    ``drive`` ``[n]``) and returns the worst Newton step count. ``tone_stage(x, tone)`` is linear,
    fast rate too. ``output`` is the factor of a full level. ``tone_grid`` are the settings of the
    tone control between which the stage is, to a good accuracy, a straight line (two where it is
    one exactly; one where the circuit has no tone control). ``core_response(f, drive)`` and
    ``tone_response(f, tone)`` are the schematic's transfer functions for small signals, with the
    same factors. ``knobs`` are the names of drive, tone (empty without one) and level.
    """

    name: str
    knobs: tuple[str, str, str]
    core: Callable[..., int]
    tone_stage: Callable[[np.ndarray, float], np.ndarray]
    tone_grid: tuple[float, ...]
    output: float
    core_response: Callable[[np.ndarray, float], np.ndarray]
    tone_response: Callable[[np.ndarray, float], np.ndarray]
    text: str = field(repr=False)

    def _core_fast(self, x: np.ndarray, drive: np.ndarray) -> np.ndarray:
        out = np.empty_like(x)
        if self.core(x, drive, out) > NEWTON_MAX:
            raise ArithmeticError(f"{self.name}: Newton's method did not converge")
        if not np.isfinite(out).all():
            raise ArithmeticError(f"{self.name}: the core's output is not finite")
        return out

    def render_core(self, x: np.ndarray, drive: float | np.ndarray) -> np.ndarray:
        """What the core makes of ``x`` ``[n]`` (volts, audio rate), from rest.

        ``drive`` is a number or ``[n]``. Raises ``ArithmeticError`` where the solver did not
        converge or left the finite numbers.
        """
        moving = np.ascontiguousarray(np.broadcast_to(np.asarray(drive, np.float64), x.shape))
        return around(lambda fast: self._core_fast(fast, moving), x)

    def render(
        self, x: np.ndarray, drive: float | np.ndarray, tone: float, level: float
    ) -> np.ndarray:
        """Plays ``x`` ``[n]`` through the whole circuit; errors as ``render_core``."""
        moving = np.ascontiguousarray(np.broadcast_to(np.asarray(drive, np.float64), x.shape))

        def fast(signal: np.ndarray) -> np.ndarray:
            return self.tone_stage(self._core_fast(signal, moving), tone)

        return self.output * level * around(fast, x)

    def render_tones(
        self, x: np.ndarray, drive: float, tones: tuple[float, ...], level: float
    ) -> list[np.ndarray]:
        """``render`` for several tone settings, the core solved once."""
        made: list[np.ndarray] = []

        def fast(signal: np.ndarray) -> np.ndarray:
            made.append(self._core_fast(signal, np.full(len(x), drive)))
            return made[0]

        around(fast, x)
        core = made[0]
        from ..oversample import down

        return [self.output * level * down(self.tone_stage(core, tone)) for tone in tones]

    def small_signal(self, f: np.ndarray, drive: float, tone: float, level: float) -> np.ndarray:
        """The schematic's transfer function at ``f`` hertz."""
        return (
            self.output * level * self.core_response(f, drive) * self.tone_response(f, tone)
        )
