"""What makes a grey-box effect: a structure, a reference to fit it to, and how it is judged."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from .graph import Graph, Knob, Wire

Settings = Mapping[str, float]
"""Values of all knobs by name, in their own units."""

Parameters = dict[str, object]
"""What the fit found: numbers and lists of numbers, as JSON takes them."""


def at_rate(settings: Settings, rate: float, knob: Knob) -> Settings:
    """``settings`` with the rate that a reference's oscillator really has, within the range of
    ``knob``, which sets it."""
    return dict(settings) | {knob.name: min(max(rate, knob.low), knob.high)}


def _same(settings: Settings) -> Settings:
    return settings


def _nothing(play: "Play", clips: Mapping[str, np.ndarray]) -> dict:
    del play, clips
    return {}


Play = Callable[[np.ndarray, Settings], np.ndarray]
"""Audio ``[n]`` or, through an effect of two channels, ``[2, n]`` at 48 kHz and knobs to the same
shape, from zero state, phase 0 at the first frame."""


@dataclass(frozen=True)
class Effect:
    """One shipped model.

    ``channels`` is 2 for a graph of two channels in and out: it is judged in stereo, and what it
    gives for ``[n]`` is what a mono track hears, the mean of both.

    ``fit`` measures the reference and returns the structure's parameters; ``graph`` builds the
    structure from them. ``true`` turns knobs for the reference into knobs for the model where the
    reference is off its own scale (the rate of an oscillator). ``further`` are figures besides the
    error, from the player and the held-out clips: a gain curve, a decay time. ``reach`` is how many
    frames back the graph looks, apart from feedback. ``bar`` is what the worst error-to-signal
    ratio on held-out playing has to keep; ``bars`` says in words what else has to hold. ``tail`` is
    for how many seconds it is heard after its input, wherever the knobs are. ``presets`` are
    settings worth starting from: a name and the knobs that are not at their defaults.
    """

    name: str
    title: str
    category: str
    description: str
    reference_text: str
    structure_text: str
    knobs: tuple[Knob, ...]
    fit: Callable[[], Parameters]
    graph: Callable[[Parameters], tuple[Graph, Wire]]
    reference: Play
    reach: int
    bar: float | None
    bars: str
    channels: int = 1
    true: Callable[[Settings], Settings] = _same
    further: Callable[[Play, Mapping[str, np.ndarray]], dict] = _nothing
    tail: float | None = None
    limits: tuple[str, ...] = ()
    tried: tuple[str, ...] = ()
    presets: tuple[tuple[str, dict[str, float]], ...] = ()

    def defaults(self) -> dict[str, float]:
        """All knobs as a fresh model has them."""
        return {knob.name: knob.default for knob in self.knobs}
