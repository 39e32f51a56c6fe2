"""Delay: repeats at a distance in time, each quieter than the one before."""

import numpy as np
import pedalboard

from .effect import Effect, Parameters, Settings
from .graph import RATE, Graph, Knob, Wire
from .measure import line, through

_TIME = Knob("Time", 20.0, 1000.0, 350.0, "ms", sync="time", log=True)
_FEEDBACK = Knob("Feedback", 0.0, 0.9, 0.35)
_MIX = Knob("Mix", 0.0, 1.0, 0.35)
_LOOP = 900
"""Frames from output back to input; the rest of the time is read inside the graph."""

_LONGEST = RATE + 2 - _LOOP
_GLIDE = 13
_MORE = 0.02


def reference(x: np.ndarray, settings: Settings) -> np.ndarray:
    """The delay of pedalboard. It cuts fractions of a frame off, in 32 bits, so that a whole number
    of frames may come out one short; it is asked for a fiftieth of a frame more."""
    plugin = pedalboard.Delay(
        delay_seconds=settings["Time"] / 1000 + _MORE / RATE,
        feedback=settings["Feedback"],
        mix=settings["Mix"],
    )
    return through(plugin, x)


def _echoes(time: float, feedback: float, mix: float) -> tuple[list[int], list[float]]:
    """Places and heights of the dry impulse and the first two repeats."""
    impulse = np.zeros(3 * RATE)
    impulse[0] = 1.0
    y = reference(impulse, {"Time": time, "Feedback": feedback, "Mix": mix})
    places = [0, *np.nonzero(np.abs(y[1:]) > 1e-4)[0][:2] + 1]
    return places, [float(y[k]) for k in places]


def fit() -> Parameters:
    """Distances and heights of the repeats of an impulse, over grids of all knobs."""
    times = np.array([20.0, 75.13, 200.01, 333.33, 512.777, 800.5, 1000.0])
    first = [_echoes(t, 0.5, 0.5)[0] for t in times]
    assert all(places[2] == 2 * places[1] for places in first), "repeats are not evenly spaced"
    offset, slope, residual = line(times, np.array([places[1] for places in first], float))
    knobs = np.array([0.1, 0.3, 0.6, 0.9])
    ratios = [(lambda h: h[2] / h[1])(_echoes(100.0, k, 0.5)[1]) for k in knobs]
    heights = np.array([_echoes(100.0, 0.5, float(m))[1][:2] for m in knobs])
    return {
        "frames_by_ms": [offset, slope],
        "frames_residual": residual,
        "ratio_by_feedback": list(line(knobs, np.array(ratios))[:2]),
        "dry_by_mix": list(line(knobs, heights[:, 0])[:2]),
        "wet_by_mix": list(line(knobs, heights[:, 1])[:2]),
    }


def graph(p: Parameters) -> tuple[Graph, Wire]:
    """``w(t) = x(t) + f · w(t - d)``, ``y = dry · x(t) + wet · w(t - d)``."""
    g = Graph(knobs=(_TIME, _FEEDBACK, _MIX))
    # Whole frames at rest, as the reference has; the residual says that it cuts fractions off.
    slope = round(p["frames_by_ms"][1], 3)
    frames = g.op("Floor", g.knob("Time") * slope + _MORE)
    ago = g.glide(frames - float(_LOOP), _GLIDE)
    line_in = g.receive("line")
    wet = g.read(line_in, g.clip(ago, 0.0, float(_LONGEST)), _LONGEST)
    ratio0, ratio1 = p["ratio_by_feedback"]
    g.send("line", g.audio + wet * (g.knob("Feedback") * ratio1 + ratio0), _LOOP)
    (dry0, dry1), (wet0, wet1) = p["dry_by_mix"], p["wet_by_mix"]
    mix = g.knob("Mix")
    return g, g.audio * (mix * dry1 + dry0) + wet * (mix * wet1 + wet0)


DELAY = Effect(
    name="delay",
    title="Tonegraft Delay",
    category="delay",
    description="Repeats after 20 ms to a second; turning Time bends them like tape.",
    reference_text="""\
`pedalboard.Delay` (PyPI `pedalboard` 0.9.26, GPL-3.0). Its impulse responses were measured; none
of its code is used.""",
    structure_text=f"""\
    w(t) = x(t) + feedback(Feedback) · w(t - d)
    y(t) = dry(Mix) · x(t) + wet(Mix) · w(t - d)

`d` is a whole number of frames at rest; when Time moves it glides there in a straight line of
{2**_GLIDE * 1000 // RATE} ms, read linearly between frames. The loop leaves the graph for {_LOOP}
frames (the key `feedback`) and stays in it for the rest. The fit: places and heights of an
impulse's repeats over 7 times, 4 feedbacks and 4 mixes.""",
    knobs=(_TIME, _FEEDBACK, _MIX),
    fit=fit,
    graph=graph,
    reference=reference,
    reach=_LONGEST + 2**_GLIDE + 8,
    bar=0.005,
    bars="ESR at most 0.005",
    # 0.9 to the power of 66 rounds of a second is -60 dB.
    tail=67.0,
    limits=("Clean repeats: no filter and no saturation in the loop.",),
    presets=(
        ("Slapback", {"Time": 110.0, "Feedback": 0.1, "Mix": 0.35}),
        ("Quarters at 120", {"Time": 500.0, "Feedback": 0.4, "Mix": 0.3}),
        ("Dotted eighths at 120", {"Time": 375.0, "Feedback": 0.45, "Mix": 0.35}),
        ("Doubling", {"Time": 28.0, "Feedback": 0.0, "Mix": 0.4}),
    ),
)
