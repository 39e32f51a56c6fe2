"""Low-pass and high-pass filter of second order, with resonance."""

from functools import partial

import numpy as np
from scipy.optimize import least_squares
from scipy.signal import lfilter

from .effect import Effect, Parameters, Settings
from .graph import RATE, Graph, Knob, Wire
from .measure import line, lv2

_URI = "http://calf.sourceforge.net/plugins/Filter"
_MODES = {"low": 0, "high": 3}
_LOWEST_Q, _HIGHEST_Q = 0.7071, 8.0
_CUTOFFS = {
    kind: Knob("Cutoff", low, high, default, "Hz", log=True)
    for kind, low, high, default in (
        ("low", 80.0, 14_480.0, 1800.0),
        ("high", 20.0, 5120.0, 100.0),
    )
}

_PRESETS = {
    "low": (
        ("Telephone lid", {"Cutoff": 3000.0, "Resonance": 0.0}),
        ("Under water", {"Cutoff": 420.0, "Resonance": 0.3}),
        ("Whistle", {"Cutoff": 1800.0, "Resonance": 0.95}),
    ),
    "high": (
        ("No rumble", {"Cutoff": 80.0, "Resonance": 0.0}),
        ("Thin", {"Cutoff": 560.0, "Resonance": 0.1}),
        ("Nasal", {"Cutoff": 970.0, "Resonance": 0.7}),
    ),
}
_RESONANCE = Knob("Resonance", 0.0, 1.0, 0.2)


def _q(resonance: float) -> float:
    """Our scale: the Q that the reference is set to."""
    return _LOWEST_Q * (_HIGHEST_Q / _LOWEST_Q) ** resonance


def reference(kind: str, x: np.ndarray, settings: Settings) -> np.ndarray:
    """The filter of Calf."""
    q = _q(settings["Resonance"])
    controls = {"freq": settings["Cutoff"], "res": q, "mode": _MODES[kind]}
    return lv2(_URI, controls, x, channels=2)


def _state_variable(kind: str, g: float, k: float) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of the state-variable filter with integrators of the trapezoidal
    rule, ``g = tan(π f / rate)``, ``k = 1 / Q``."""
    bottom = np.array([1 + g * (g + k), 2 * (g * g - 1), 1 - g * k + g * g])
    top = np.array([1.0, 2.0, 1.0]) * g * g if kind == "low" else np.array([1.0, -2.0, 1.0])
    return top / bottom[0], bottom / bottom[0]


def _measured(kind: str, hertz: float, resonance: float) -> tuple[float, float, float, float]:
    """Hz, Q, gain and error of the structure fitted to an impulse response."""
    quiet = RATE // 2
    x = np.zeros(2 * RATE)
    x[quiet] = 0.5
    y = reference(kind, x, {"Cutoff": hertz, "Resonance": resonance})[quiet:]
    q = _q(resonance)

    def off(p: np.ndarray) -> np.ndarray:
        g = np.tan(np.pi * hertz * np.exp(p[0]) / RATE)
        top, bottom = _state_variable(kind, g, np.exp(-p[1]) / q)
        return np.exp(p[2]) * lfilter(top, bottom, x[quiet:]) - y

    # From off the mark, so that an agreement is found and not presumed.
    found = least_squares(off, [0.1, -0.1, 0.05], x_scale=0.1)
    error = float(np.sum(found.fun**2) / np.sum(y**2))
    return hertz * np.exp(found.x[0]), q * np.exp(found.x[1]), float(np.exp(found.x[2])), error


def fit(kind: str) -> Parameters:
    """Frequency and Q over grids of both knobs, as straight lines of their logarithms."""
    turns, resonances = np.array([0.05, 0.3, 0.5, 0.7, 0.95]), np.array([0.05, 0.5, 0.95])
    cutoffs = np.array([_CUTOFFS[kind].at(turn) for turn in turns])
    by_cutoff = [_measured(kind, float(c), 0.3) for c in cutoffs]
    by_resonance = [_measured(kind, float(cutoffs[2]), float(r)) for r in resonances]
    hertz = line(np.log(cutoffs), np.log([m[0] for m in by_cutoff]))
    q = line(resonances, np.log([m[1] for m in by_resonance]))
    every = by_cutoff + by_resonance
    return {
        "log_hertz_by_log_cutoff": list(hertz[:2]),
        "log_hertz_residual": hertz[2],
        "log_q_by_resonance": list(q[:2]),
        "log_q_residual": q[2],
        "gain": float(np.mean([m[2] for m in every])),
        "worst_probe_esr": max(m[3] for m in every),
    }


def graph(kind: str, p: Parameters) -> tuple[Graph, Wire]:
    """Two states per sample; what does not depend on them stays outside of the loop."""
    g = Graph(knobs=(_CUTOFFS[kind], _RESONANCE))
    f0, f1 = p["log_hertz_by_log_cutoff"]
    q0, q1 = p["log_q_by_resonance"]
    angle = g.op("Exp", g.op("Log", g.knob("Cutoff")) * f1 + (f0 + np.log(np.pi / RATE)))
    tan = g.op("Sin", angle) / g.op("Cos", angle)
    k = g.op("Exp", g.knob("Resonance") * -q1 - q0)
    sum_ = tan + k
    a1 = 1.0 / (tan * sum_ + 1.0)
    # Increments of the states, so that small frequencies keep their digits.
    c1, c2 = tan * sum_ * a1 * -2.0, tan * a1 * 2.0
    c3 = tan * c2
    s1, s2 = g.receive("s1"), g.receive("s2")
    force = g.audio - s2
    next1 = s1 + (c1 * s1 + c2 * force)
    next2 = s2 + (c2 * s1 + c3 * force)
    g.send("s1", next1, 1)
    g.send("s2", next2, 1)
    low = (s2 + next2) * 0.5
    out = low if kind == "low" else g.audio - low - k * ((s1 + next1) * 0.5)
    return g, out * p["gain"]


def _effect(kind: str) -> Effect:
    cutoff = _CUTOFFS[kind]
    title = "Low Pass" if kind == "low" else "High Pass"
    side = "above" if kind == "low" else "below"
    return Effect(
        name=f"{kind}-pass",
        title=f"Tonegraft {title}",
        category="filter",
        description=f"12 dB an octave off everything {side} Cutoff, {cutoff.low:g} Hz to "
        f"{cutoff.high / 1000:.3g} kHz, with a resonance at the corner.",
        reference_text=f"""\
The filter of Calf Studio Gear (`{_URI}`, Debian package `calf-plugins`,
LGPL-2.1), "12dB/oct {title.replace(" P", "p")}", by `lv2apply`. Its impulse responses were
measured; none of its code is used.""",
        structure_text=f"""\
A state-variable filter with integrators of the trapezoidal rule (Simper 2013; Zavalishin 2012):

    g = tan(π f / 48000), k = 1 / Q, a = 1 / (1 + g (g + k)), v = x - s2
    s1 ← s1 - 2 g (g + k) a s1 + 2 g a v        s2 ← s2 + 2 g a s1 + 2 g² a v

    f = Cutoff, Q = {_LOWEST_Q} · ({_HIGHEST_Q:g} / {_LOWEST_Q})^Resonance

The output is {"s2 between two samples" if kind == "low" else "x less low- and band-pass"}. Both
states come back after one sample (the key `feedback`). The fit: f, Q and gain by least squares on
impulse responses at 5 cutoffs and 3 resonances, then lines over the knobs.""",
        knobs=(cutoff, _RESONANCE),
        fit=partial(fit, kind),
        graph=partial(graph, kind),
        reference=partial(reference, kind),
        reach=2,
        bar=0.001,
        bars="ESR at most 0.001",
        presets=_PRESETS[kind],
    )


LOW_PASS = _effect("low")
HIGH_PASS = _effect("high")
