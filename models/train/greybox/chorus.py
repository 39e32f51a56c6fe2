"""Chorus: one copy, read from a delay line at a place that a sine moves."""

from functools import cache

import numpy as np
import pedalboard

from .effect import Effect, Parameters, Settings, at_rate
from .graph import RATE, Graph, Knob, Wire
from .measure import line, low_noise, sine_delays, through, true_rate

_CENTRE_MS = 8.0
_DEEPEST = 0.6
_LONGEST = 701
_RATE = Knob("Rate", 0.2, 8.0, 0.8, "Hz", sync="rate", log=True)
_DEPTH = Knob("Depth", 0.0, 1.0, 0.4)
_MIX = Knob("Mix", 0.0, 1.0, 0.5)


def _plugin(rate: float, depth: float, mix: float) -> pedalboard.Chorus:
    return pedalboard.Chorus(
        rate_hz=rate,
        depth=_DEEPEST * depth,
        centre_delay_ms=_CENTRE_MS,
        feedback=0.0,
        mix=mix,
    )


def reference(x: np.ndarray, settings: Settings) -> np.ndarray:
    """The chorus of pedalboard."""
    return through(_plugin(settings["Rate"], settings["Depth"], settings["Mix"]), x)


@cache
def _true_rate(rate: float, depth: float) -> float:
    return true_rate(
        lambda probe: through(_plugin(rate, depth, 1.0), probe),
        rate,
        np.array([48.0 * _CENTRE_MS, -480.0 * _DEEPEST * depth, 0.0]),
    )


def true(settings: Settings) -> Settings:
    """The oscillator of the reference counts its phase in 32 bits and is off its nominal rate by
    up to a part in a thousand; the model gets the rate that was measured."""
    rate = _true_rate(settings["Rate"], settings["Depth"])
    return at_rate(settings, rate, _RATE)


def fit() -> Parameters:
    """Delay trajectories over a grid of depths and rates, and levels over a grid of mixes."""
    probe = low_noise(5 * RATE, 800.0, seed=12)
    found = sine_delays(
        lambda rate, depth, x: through(_plugin(rate, depth, 1.0), x), probe, _LONGEST
    )
    offset, slope, residual = line(np.array(found.depths), np.array(found.sines))
    mixes = np.array([0.0, 0.2, 0.5, 0.8, 1.0])
    dry, wet_level = [], []
    wet = through(_plugin(1.1, 0.5, 1.0), probe)
    for mix in mixes:
        y = through(_plugin(1.1, 0.5, float(mix)), probe)
        gains, *_ = np.linalg.lstsq(np.stack([probe, wet], 1), y, rcond=None)
        dry.append(gains[0])
        wet_level.append(gains[1])
    return {
        "centre_frames": float(np.mean(found.centres)),
        "depth_frames": [offset, slope],
        "depth_residual_frames": residual,
        "phase_turns": float(np.mean(found.turns)),
        "phase_spread_turns": float(np.ptp(found.turns)),
        "dry_by_mix": list(line(mixes, np.array(dry))[:2]),
        "wet_by_mix": list(line(mixes, np.array(wet_level))[:2]),
        "worst_probe_esr": max(found.errors),
    }


def graph(p: Parameters) -> tuple[Graph, Wire]:
    """``dry · x(t) + wet · x(t - d)``, ``d = centre + depth · sin(2 π (phase + start))``."""
    g = Graph(knobs=(_DEPTH, _MIX), rate_knob=_RATE, stereo_offset=0.25)
    offset, slope = p["depth_frames"]
    swing = g.knob("Depth") * slope + offset
    delay = swing * g.sin(g.phase + p["phase_turns"]) + p["centre_frames"]
    wet = g.read(g.audio, g.clip(delay, 1.0, _LONGEST - 1.0), _LONGEST)
    mix = g.knob("Mix")
    (dry0, dry1), (wet0, wet1) = p["dry_by_mix"], p["wet_by_mix"]
    return g, g.audio * (mix * dry1 + dry0) + wet * (mix * wet1 + wet0)


CHORUS = Effect(
    name="chorus",
    title="Tonegraft Chorus",
    category="chorus",
    description="A second voice whose pitch drifts: a delay of 2 to 14 ms moved by a sine.",
    reference_text="""\
`pedalboard.Chorus` (PyPI `pedalboard` 0.9.26, GPL-3.0, which wraps JUCE's), centre delay 8 ms,
feedback 0, its depth 0.6 times ours. Its output was measured; none of its code is used.""",
    structure_text="""\
    y = dry(Mix) · x(t) + wet(Mix) · x(t - d)
    d = centre + depth(Depth) · sin(2 π (phase + start))

`x(t - d)` is read linearly between frames. `phase` comes from the host's transport, so a render
repeats; on stereo tracks the right channel's phase is a quarter turn ahead. The fit: the delay's
trajectory for low-passed noise by Gauss-Newton (centre, sine, cosine, rate) over 3 rates x 4
depths, then straight lines over the knobs.""",
    knobs=(_RATE, _DEPTH, _MIX),
    fit=fit,
    graph=graph,
    reference=reference,
    reach=_LONGEST + 3,
    bar=0.003,
    bars="ESR at most 0.003 with the true phase of the oscillator",
    true=true,
    limits=(
        "The reference's oscillator is off its nominal rate by up to 0.1 %; the figures are taken "
        "with the rate that was measured.",
    ),
    tried=(
        "Rate from 0.1 Hz: ESR 0.008 to 0.015 below 0.2 Hz, since the reference's 32-bit phase "
        "then runs unevenly, so that its sine is none; the knob was made to begin at 0.2 Hz",
    ),
    presets=(
        ("Slow and wide", {"Rate": 0.4, "Depth": 0.6}),
        ("Twelve strings", {"Rate": 1.4, "Depth": 0.25, "Mix": 0.45}),
        ("Vibrato", {"Rate": 4.5, "Depth": 0.12, "Mix": 1.0}),
    ),
)
