"""Flanger: a short moving delay whose output goes round again."""

from functools import cache

import numpy as np
import pedalboard

from .effect import Effect, Parameters, Settings, at_rate
from .graph import RATE, Graph, Knob, Wire
from .measure import line, low_noise, sine_delays, through, true_rate

_CENTRE_MS = 3.5
_DEEPEST = 0.24
_LOOP = 40
_LONGEST = 300
_RATE = Knob("Rate", 0.2, 5.0, 0.5, "Hz", sync="rate", log=True)
_DEPTH = Knob("Depth", 0.0, 1.0, 0.6)
_FEEDBACK = Knob("Feedback", 0.0, 0.85, 0.5)
_MIX = Knob("Mix", 0.0, 1.0, 0.5)


def _plugin(rate: float, depth: float, feedback: float, mix: float) -> pedalboard.Chorus:
    return pedalboard.Chorus(
        rate_hz=rate,
        depth=_DEEPEST * depth,
        centre_delay_ms=_CENTRE_MS,
        feedback=feedback,
        mix=mix,
    )


def reference(x: np.ndarray, settings: Settings) -> np.ndarray:
    """The chorus of pedalboard, set as a flanger."""
    return through(_plugin(*(settings[k] for k in ("Rate", "Depth", "Feedback", "Mix"))), x)


@cache
def _true_rate(rate: float, depth: float) -> float:
    return true_rate(
        lambda probe: through(_plugin(rate, depth, 0.0, 1.0), probe),
        rate,
        np.array([48.0 * _CENTRE_MS, -480.0 * _DEEPEST * depth, 0.0]),
    )


def true(settings: Settings) -> Settings:
    """The rate that the reference's oscillator really has, within the knob's range."""
    rate = _true_rate(settings["Rate"], settings["Depth"])
    return at_rate(settings, rate, _RATE)


def fit() -> Parameters:
    """Delay trajectories over rates and depths, rounds of an impulse over feedbacks and mixes."""
    probe = low_noise(5 * RATE, 800.0, seed=12)
    found = sine_delays(
        lambda rate, depth, x: through(_plugin(rate, depth, 0.0, 1.0), x), probe, _LONGEST
    )
    offset, slope, residual = line(np.array(found.depths), np.array(found.sines))
    impulse = np.zeros(4000)
    impulse[0] = 1.0
    knobs = np.array([0.1, 0.3, 0.6, 0.9])
    ratios, rounds, dry, wet_level = [], [], [], []
    for k in knobs:
        y = through(_plugin(1.0, 0.0, float(k), 1.0), impulse)
        first, second = np.nonzero(np.abs(y) > 1e-3)[0][:2]
        ratios.append(y[second] / y[first])
        rounds.append(int(second - 2 * first))
        y = through(_plugin(1.0, 0.0, 0.5, float(k)), impulse)
        dry.append(y[0])
        wet_level.append(y[first])
    assert len(set(rounds)) == 1, "a round has no fixed length"
    return {
        "centre_frames": float(np.mean(found.centres)),
        "depth_frames": [offset, slope],
        "depth_residual_frames": residual,
        "phase_turns": float(np.mean(found.turns)),
        "extra_frames_of_a_round": rounds[0],
        "ratio_by_feedback": list(line(knobs, np.array(ratios))[:2]),
        "dry_by_mix": list(line(knobs, np.array(dry))[:2]),
        "wet_by_mix": list(line(knobs, np.array(wet_level))[:2]),
        "worst_probe_esr": max(found.errors),
    }


def graph(p: Parameters) -> tuple[Graph, Wire]:
    """``w(t) = x(t) + f · v(t - extra)``, ``v(t) = w(t - d)``, ``y = dry · x + wet · v``."""
    g = Graph(knobs=(_DEPTH, _FEEDBACK, _MIX), rate_knob=_RATE, stereo_offset=0.25)
    offset, slope = p["depth_frames"]
    swing = g.knob("Depth") * slope + offset
    ago = swing * g.sin(g.phase + p["phase_turns"]) + (p["centre_frames"] - _LOOP)
    line_in = g.receive("line")
    wet = g.read(line_in, g.clip(ago, 0.0, _LONGEST - 1.0), _LONGEST)
    ratio0, ratio1 = p["ratio_by_feedback"]
    again = g.delay(wet, p["extra_frames_of_a_round"])
    g.send("line", g.audio + again * (g.knob("Feedback") * ratio1 + ratio0), _LOOP)
    (dry0, dry1), (wet0, wet1) = p["dry_by_mix"], p["wet_by_mix"]
    mix = g.knob("Mix")
    return g, g.audio * (mix * dry1 + dry0) + wet * (mix * wet1 + wet0)


FLANGER = Effect(
    name="flanger",
    title="Tonegraft Flanger",
    category="flanger",
    description="A comb that sweeps: 1.1 to 5.9 ms of delay, moved by a sine, fed back.",
    reference_text="""\
`pedalboard.Chorus` (PyPI `pedalboard` 0.9.26, GPL-3.0, which wraps JUCE's), set as a flanger:
centre delay 3.5 ms, its depth 0.24 times ours. Its output was measured; none of its code is
used.""",
    structure_text=f"""\
    w(t) = x(t) + feedback(Feedback) · v(t - extra)      v(t) = w(t - d)
    y = dry(Mix) · x + wet(Mix) · v,   d = centre + depth(Depth) · sin(2 π (phase + start))

`w(t - d)` is read linearly between frames; the loop leaves the graph for {_LOOP} frames (the key
`feedback`). `phase` comes from the host's transport; on stereo tracks the right channel's is a
quarter turn ahead. The fit: trajectories as for the chorus, and the rounds of an impulse.""",
    knobs=(_RATE, _DEPTH, _FEEDBACK, _MIX),
    fit=fit,
    graph=graph,
    reference=reference,
    reach=_LONGEST + 4,
    bar=0.003,
    bars="ESR at most 0.003 with the true phase of the oscillator",
    true=true,
    tail=1.0,
    limits=(
        "The reference's oscillator is off its nominal rate by up to 0.1 %; the figures are taken "
        "with the rate that was measured.",
    ),
    tried=(
        "centre 3 ms, 0.25 of the depth: the reference keeps its delay above 1 ms, so that the "
        "sine was cut at full depth and the fit failed; the centre was moved up",
        "Feedback up to 0.9: ESR 0.0044 at its end and a rate of 0.5 Hz, where the reference's "
        "32-bit phase runs unevenly; the knob was made to end at 0.85",
    ),
    presets=(
        ("Slow jet", {"Rate": 0.2, "Depth": 1.0, "Feedback": 0.8}),
        ("Gentle", {"Rate": 0.35, "Depth": 0.5, "Feedback": 0.2, "Mix": 0.35}),
        ("Metallic", {"Rate": 0.8, "Depth": 0.15, "Feedback": 0.85}),
    ),
)
