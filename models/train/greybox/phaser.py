"""Phaser: six all-passes whose corner a sine moves, fed back."""

from functools import cache

import numpy as np
import pedalboard

from .effect import Effect, Parameters, Settings, at_rate
from .graph import RATE, Graph, Knob, Wire
from .measure import line, through

_CENTRE_HZ = 800.0
_DEEPEST = 0.5
_STAGES = 6
_RATE = Knob("Rate", 0.1, 5.0, 0.5, "Hz", sync="rate", log=True)
_DEPTH = Knob("Depth", 0.0, 1.0, 0.6)
_FEEDBACK = Knob("Feedback", 0.0, 0.9, 0.3)
_MIX = Knob("Mix", 0.0, 1.0, 0.5)


def _plugin(rate: float, depth: float, feedback: float, mix: float) -> pedalboard.Phaser:
    return pedalboard.Phaser(
        rate_hz=rate,
        depth=_DEEPEST * depth,
        centre_frequency_hz=_CENTRE_HZ,
        feedback=feedback,
        mix=mix,
    )


def reference(x: np.ndarray, settings: Settings) -> np.ndarray:
    """The phaser of pedalboard."""
    return through(_plugin(*(settings[k] for k in ("Rate", "Depth", "Feedback", "Mix"))), x)


def _corner(rate: float, depth: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """The corner of the all-passes over time, from the phase of a sine at the centre: the times in
    seconds ``[m]`` and the natural logarithm of the corner in Hz ``[m]``."""
    n = int(seconds * RATE)
    turn = 2 * np.pi * _CENTRE_HZ * np.arange(n) / RATE
    y = through(_plugin(rate, depth, 0.0, 1.0), 0.5 * np.sin(turn))
    # Two periods long, so that the image at twice the frequency averages out.
    window = np.ones(2 * RATE // int(_CENTRE_HZ)) / (2 * RATE // int(_CENTRE_HZ))
    analytic = np.convolve(y * np.exp(-1j * turn) * 1j, window, mode="same")
    step = 48
    first = RATE // 10
    phase = np.unwrap(np.angle(analytic[first:-first:step]))
    at = np.arange(first, n - first, step)[: len(phase)] / RATE
    # The sine stands at -180 degrees times half of the stages when the corner is the centre.
    middle = (np.min(phase) + np.max(phase)) / 2
    phase -= 2 * np.pi * np.round((middle + np.pi * _STAGES / 2) / (2 * np.pi))
    each = np.clip(-phase / (2 * _STAGES), 1e-3, np.pi / 2 - 1e-3)
    hertz = RATE / np.pi * np.arctan(np.tan(np.pi * _CENTRE_HZ / RATE) / np.tan(each))
    return at, np.log(hertz)


def _sine(at: np.ndarray, log_hertz: np.ndarray, rate: float) -> tuple[np.ndarray, float, float]:
    """Least-squares ``c + a sin + b cos`` of a trajectory, with the true rate, by Gauss-Newton;
    also the largest residual."""
    c = np.zeros(3)
    for _ in range(8):
        angle = 2 * np.pi * rate * at
        s, k = np.sin(angle), np.cos(angle)
        matrix = np.stack([np.ones_like(at), s, k], 1)
        c, *_ = np.linalg.lstsq(matrix, log_hertz, rcond=None)
        if np.hypot(c[1], c[2]) > 0.01:
            turning = 2 * np.pi * at * (c[1] * k - c[2] * s)
            matrix = np.concatenate([matrix, turning[:, None]], 1)
            c, *_ = np.linalg.lstsq(matrix, log_hertz, rcond=None)
            rate += c[3]
    return c[:3], float(rate), float(np.max(np.abs(matrix @ c - log_hertz)))


@cache
def _true_rate(rate: float, depth: float) -> float:
    if depth < 0.02:
        return rate
    for seconds in (max(3.0, 1.5 / rate), 16.0):
        at, log_hertz = _corner(rate, depth, seconds)
        rate = _sine(at, log_hertz, rate)[1]
    return rate


def true(settings: Settings) -> Settings:
    """The rate that the reference's oscillator really has, within the knob's range."""
    rate = _true_rate(settings["Rate"], settings["Depth"])
    return at_rate(settings, rate, _RATE)


def fit() -> Parameters:
    """Trajectories of the corner over rates and depths; feedback and mix by their impulses."""
    depths, sines, centres, turns, residuals = [], [], [], [], []
    for rate in (0.25, 0.5):
        for depth in (0.1, 0.35, 0.65, 1.0):
            at, log_hertz = _corner(rate, depth, 8.0)
            c, _, residual = _sine(at, log_hertz, rate)
            depths.append(depth)
            sines.append(np.hypot(c[1], c[2]))
            centres.append(c[0])
            turns.append(np.arctan2(c[2], c[1]) / (2 * np.pi) % 1.0)
            residuals.append(residual)
    offset, slope, residual = line(np.array(depths), np.array(sines))
    impulse = np.zeros(2000)
    impulse[0] = 1.0
    knobs = np.array([0.1, 0.3, 0.6, 0.9])
    plain = through(_plugin(1.0, 0.0, 0.0, 1.0), impulse)
    back, dry, wet = [], [], []
    for k in knobs:
        y = through(_plugin(1.0, 0.0, float(k), 1.0), impulse)
        back.append((y[1] - plain[1]) / plain[0] ** 2)
        y = through(_plugin(1.0, 0.0, 0.0, float(k)), impulse)
        gains, *_ = np.linalg.lstsq(np.stack([impulse, plain], 1), y, rcond=None)
        dry.append(gains[0])
        wet.append(gains[1])
    return {
        "log_centre_hertz": float(np.mean(centres)),
        "log_depth": [offset, slope],
        "log_depth_residual": residual,
        "phase_turns": float(np.mean(turns)),
        "trajectory_residual": max(residuals),
        "back_by_feedback": list(line(knobs, np.array(back))[:2]),
        "dry_by_mix": list(line(knobs, np.array(dry))[:2]),
        "wet_by_mix": list(line(knobs, np.array(wet))[:2]),
    }


def graph(p: Parameters) -> tuple[Graph, Wire]:
    """Six states and the output come back after one sample."""
    g = Graph(knobs=(_DEPTH, _FEEDBACK, _MIX), rate_knob=_RATE, stereo_offset=0.25)
    offset, slope = p["log_depth"]
    swing = g.knob("Depth") * slope + offset
    log_hertz = swing * g.sin(g.phase + p["phase_turns"])
    angle = g.op("Exp", log_hertz + (p["log_centre_hertz"] + np.log(np.pi / RATE)))
    sine = g.op("Sin", angle)
    twice = sine * 2.0 / (sine + g.op("Cos", angle))
    back0, back1 = p["back_by_feedback"]
    last = g.receive("wet")
    x = g.audio + last * (g.knob("Feedback") * back1 + back0)
    for stage in range(_STAGES):
        state = g.receive(f"s{stage}")
        away = x - state
        following = state + away * twice
        g.send(f"s{stage}", following, 1)
        x = following - away
    g.send("wet", x, 1)
    (dry0, dry1), (wet0, wet1) = p["dry_by_mix"], p["wet_by_mix"]
    mix = g.knob("Mix")
    return g, g.audio * (mix * dry1 + dry0) + x * (mix * wet1 + wet0)


PHASER = Effect(
    name="phaser",
    title="Tonegraft Phaser",
    category="phaser",
    description="Three notches that sweep: six all-passes, moved by a sine, fed back.",
    reference_text="""\
`pedalboard.Phaser` (PyPI `pedalboard` 0.9.26, GPL-3.0, which wraps JUCE's), centre 800 Hz, its
depth half of ours. Its output was measured; none of its code is used.""",
    structure_text="""\
    u = x + back(Feedback) · v(t - 1);  six times e = u - s, s ← s + 2 G e, u ← s - e;  v = u
    y = dry(Mix) · x + wet(Mix) · v
    G = g / (1 + g),  g = tan(π f / 48000),
    log f = centre + depth(Depth) · sin(2 π (phase + start))

Each stage is a first-order all-pass of the trapezoidal rule. All states come back after one sample
(the key `feedback`). `phase` comes from the host's transport; on stereo tracks the right channel's
is a quarter turn ahead. The fit: the corner's trajectory from the phase of a sine, for 2 rates and
4 depths; feedback and mix from impulses.""",
    knobs=(_RATE, _DEPTH, _FEEDBACK, _MIX),
    fit=fit,
    graph=graph,
    reference=reference,
    reach=2,
    bar=0.003,
    bars="ESR at most 0.003 with the true phase of the oscillator",
    true=true,
    tail=0.5,
    limits=(
        "The figures are taken with the rate that was measured at the reference's oscillator.",
    ),
    presets=(
        ("Slow sweep", {"Rate": 0.15, "Depth": 0.9, "Feedback": 0.4}),
        ("Shimmer", {"Rate": 2.2, "Depth": 0.3, "Feedback": 0.2}),
        ("Resonant", {"Rate": 0.4, "Depth": 0.7, "Feedback": 0.8}),
    ),
)
