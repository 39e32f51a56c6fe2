"""Compressor: the level above a threshold grows slower than the input's."""

from collections.abc import Mapping

import numpy as np
import pedalboard

from ..metrics import esr
from .effect import Effect, Parameters, Play, Settings
from .graph import RATE, Graph, Knob, Wire
from .measure import through

_THRESHOLD = Knob("Threshold", -50.0, 0.0, -24.0, "dB")
_RATIO = Knob("Ratio", 1.0, 20.0, 4.0, ":1", log=True)
_ATTACK = Knob("Attack", 1.0, 50.0, 5.0, "ms", log=True)
_RELEASE = Knob("Release", 60.0, 1000.0, 150.0, "ms", log=True)
_MAKE_UP = Knob("Make-up", 0.0, 24.0, 6.0, "dB")
_LINK = Knob("Link", 0.0, 1.0, 1.0)
_KNOBS = (_THRESHOLD, _RATIO, _ATTACK, _RELEASE, _MAKE_UP, _LINK)


def _plain(threshold: float, ratio: float, attack: float, release: float) -> pedalboard.Compressor:
    return pedalboard.Compressor(
        threshold_db=threshold, ratio=ratio, attack_ms=attack, release_ms=release
    )


def reference(x: np.ndarray, settings: Settings) -> np.ndarray:
    """The compressor of pedalboard and a gain behind it. Its channels know nothing of each other:
    linked, the gain is what it gives the larger of both, the other one taken Link times."""
    plugin = _plain(*(settings[k] for k in ("Threshold", "Ratio", "Attack", "Release")))
    make_up = 10 ** (settings["Make-up"] / 20)
    if x.ndim == 1 or settings["Link"] == 0.0:
        return through(plugin, x) * make_up
    size = np.abs(x)
    heard = np.maximum(size, settings["Link"] * size[::-1])
    # Where nothing is heard, there is nothing to turn down.
    some = heard > 1e-20
    gain = np.divide(through(plugin, heard), heard, out=np.ones_like(x), where=some)
    return x * gain * make_up


def _steps(levels: tuple[float, ...], seconds: float) -> np.ndarray:
    """A carrier whose every sample has the same magnitude, at one level after another."""
    n = int(seconds * RATE)
    signs = np.where(np.arange(n) % 2, -1.0, 1.0)
    return np.concatenate([level * signs for level in levels])


def _gain(x: np.ndarray, threshold: float, ratio: float, attack: float, release: float):
    return through(_plain(threshold, ratio, attack, release), x) / x


def _slope(gain: np.ndarray, target: float, first: int, last: int) -> float:
    """The part of the way to ``target`` that is left after each frame, from the slope of its log
    between two frames."""
    away = np.abs(gain[first:last] - target)
    return float(np.exp(np.polyfit(np.arange(last - first), np.log(away), 1)[0]))


def _envelope(gain: np.ndarray, threshold: float, ratio: float) -> np.ndarray:
    """The level that explains a gain, given the static curve."""
    return 10 ** (threshold / 20) * gain ** (ratio / (1 - ratio))


def fit() -> Parameters:
    """The static curve from steady levels, and time constants from steps of level."""
    # Static curve: gain against level, in dB, over thresholds and ratios.
    kinks, slopes = [], []
    for threshold, ratio in ((-40.0, 2.0), (-24.0, 4.0), (-12.0, 10.0)):
        levels = 10 ** (np.array([threshold + 4.0, threshold + 10.0]) / 20)
        gains = [_gain(_steps((v,), 1.0), threshold, ratio, 1.0, 60.0)[-1] for v in levels]
        x, y = 20 * np.log10(levels), 20 * np.log10(gains)
        slope = (y[1] - y[0]) / (x[1] - x[0])
        slopes.append(slope / (1 / ratio - 1))
        kinks.append(x[0] - y[0] / slope - threshold)
    # Ballistics: the level's way to a new one, up and down.
    attack, release = [], []
    for ms in (2.0, 7.0, 20.0, 45.0):
        gain = _gain(_steps((0.02, 0.5), 0.5), -40.0, 4.0, ms, 60.0)[RATE // 2 :]
        keep = _slope(_envelope(gain, -40.0, 4.0), 0.5, 2, int(ms * RATE / 1000 * 0.7))
        attack.append(-np.log(keep) * ms * RATE / 1000)
    for ms in (70.0, 200.0, 500.0, 900.0):
        gain = _gain(_steps((0.8, 0.02), 1.0), -40.0, 4.0, 1.0, ms)[RATE:]
        keep = _slope(_envelope(gain, -40.0, 4.0), 0.02, 8, int(ms * RATE / 1000 * 0.4))
        release.append(-np.log(keep) * ms * RATE / 1000)
    return {
        "threshold_offset_db": float(np.mean(kinks)),
        "slope_factor": float(np.mean(slopes)),
        "attack_turns": float(np.mean(attack)),
        "attack_spread": float(np.ptp(attack)),
        "release_turns": float(np.mean(release)),
        "release_spread": float(np.ptp(release)),
    }


def graph(p: Parameters) -> tuple[Graph, Wire]:
    """The level follows ``|x|`` of both channels by one pole; all else is outside of the loop."""
    g = Graph(knobs=_KNOBS, channels=2)
    per_ms = 1000.0 / RATE

    def kept(knob: str, turns: str) -> Wire:
        return g.op("Exp", -p[turns] * per_ms / g.knob(knob))

    own = g.op("Abs", g.audio)
    other = g.mixed(own, np.array([[0.0, 1.0], [1.0, 0.0]]))
    size = g.op("Max", own, other * g.knob("Link"))
    keep_up, keep_down = kept("Attack", "attack_turns"), kept("Release", "release_turns")
    up, down = size * (1.0 - keep_up), size * (1.0 - keep_down)
    level = g.receive("level", 2)
    # The attack is never slower than the release, so that the larger one is the right one.
    next_level = g.op("Max", level * keep_up + up, level * keep_down + down)
    g.send("level", next_level, 1)
    db = np.log(10) / 20
    threshold = g.knob("Threshold") * db + p["threshold_offset_db"] * db
    over = g.op("Log", g.op("Max", next_level, 1e-9)) - threshold
    slope = (1.0 / g.knob("Ratio") - 1.0) * p["slope_factor"]
    gain = g.op("Relu", over) * slope + g.knob("Make-up") * db
    return g, g.audio * g.op("Exp", gain)


def _preset(*values: float) -> dict[str, float]:
    return {knob.name: value for knob, value in zip(_KNOBS, values, strict=True)}


def _curve_db(play: Play, at: Settings, levels: list[float]) -> np.ndarray:
    """Gains in dB, ``[2, levels]``, for steady sines: 997 Hz of each peak level in dB of full scale
    on the left, 1499 Hz 15 dB below on the right."""
    t = np.arange(RATE) / RATE
    sines = np.stack([np.sin(2 * np.pi * 997 * t), 10**-0.75 * np.sin(2 * np.pi * 1499 * t)])
    gains = []
    for level in levels:
        x = 10 ** (level / 20) * sines
        x, y = x[:, RATE // 2 :], play(x, at)[:, RATE // 2 :]
        gains.append(10 * np.log10(np.mean(y**2, axis=1) / np.mean(x**2, axis=1)))
    return np.stack(gains, axis=1)


def _mono_track(play: Play, clips: Mapping[str, np.ndarray]) -> float:
    """Error-to-signal ratio on a mono track at the default."""
    at = {knob.name: knob.default for knob in _KNOBS}
    x = next(iter(clips.values()))[0]
    return esr(reference(x, at), play(x, at))


def _image_moves_db(play: Play, clips: Mapping[str, np.ndarray], link: float) -> float:
    """How far the gains of both channels are apart at most, where both are above -80 dBFS."""
    x = next(iter(clips.values()))
    y = play(x, {knob.name: knob.default for knob in _KNOBS} | {"Link": link})
    loud = np.min(np.abs(x), axis=0) > 1e-4
    gain = np.abs(y[:, loud] / x[:, loud])
    return float(np.max(np.abs(20 * np.log10(gain[0] / gain[1]))))


def further(play: Play, clips: Mapping[str, np.ndarray]) -> dict:
    """Gain curves for sines from -60 dBFS up to full scale, how far linking keeps the image, and
    the error on a mono track."""
    levels = [float(v) for v in range(-60, 1, 6)]
    rows = []
    for threshold, ratio, attack, release, link in (
        (-24.0, 4.0, 5.0, 150.0, 1.0),
        (-43.0, 11.0, 1.0, 60.0, 0.0),
        (-33.0, 20.0, 17.0, 420.0, 1.0),
        (-9.0, 2.3, 50.0, 1000.0, 0.5),
        (-15.0, 7.0, 2.5, 640.0, 1.0),
    ):
        at = _preset(threshold, ratio, attack, release, 3.0, link)
        mine, theirs = (_curve_db(f, at, levels) for f in (play, reference))
        rows.append({"settings": at, "off_db": float(np.max(np.abs(mine - theirs)))})
    off = [r["off_db"] for r in rows]
    linked, apart = (_image_moves_db(play, clips, link) for link in (1.0, 0.0))
    mono = _mono_track(play, clips)
    bar = {"measure": "gain curve", "limit": 0.5, "unit": "dB"}
    return {
        "gain_curve": {"levels_dbfs": levels, "rows": rows},
        "image_moves_db": {"Link 1": linked, "Link 0": apart},
        "mono_track_esr": mono,
        "bars": [bar | {"median": float(np.median(off)), "worst": max(off)}],
        "said": {
            "gain curve (steady sines of -60 to 0 dBFS on the left, 15 dB below on the right, 5 "
            "settings)": f"off by {max(off):.2g} dB at most in either channel; bar 0.5 dB",
            "the image moves (both channels' gains apart, frame by frame of playing, at the "
            "default)": f"by {linked:.2g} dB at most at Link 1, {apart:.2g} dB at Link 0",
            "on a mono track": f"ESR {mono:.2g} at the default",
        },
    }


COMPRESSOR = Effect(
    name="compressor",
    title="Tonegraft Compressor",
    category="compressor",
    description="Turns down what is louder than Threshold, both channels alike or each by itself.",
    reference_text="""\
`pedalboard.Compressor` (PyPI `pedalboard` 0.9.26, GPL-3.0, which wraps JUCE's) and a gain behind
it. Its gain was measured on steps of level; none of its code is used. It compresses each channel by
itself: where channels are linked, the reference is the gain that it gives the larger of both.""",
    structure_text="""\
    size = max(|x|, Link · |x of the other channel|)
    level ← max(a · level + (1 - a) size, r · level + (1 - r) size)
    y = x · (level / threshold)^(1 / Ratio - 1) · make-up   where level is above threshold

    a = exp(-turns / (Attack · rate)), r = exp(-turns / (Release · rate))

Both channels have a level each; at Link 1 they are the same, at Link 0 the channels know nothing of
each other, between them the other channel counts as if it were so much softer. On a mono track Link
changes nothing. `level` comes back after one sample (the key `feedback`); Attack is never longer
than Release, so that `max` chooses the right one. The fit: kink and slope of the static curve \
from steady levels at
3 settings, time constants from steps of level at 4 attacks and 4 releases.""",
    knobs=_KNOBS,
    fit=fit,
    graph=graph,
    reference=reference,
    reach=2,
    bar=0.005,
    bars="gain curve within 0.5 dB and ESR at most 0.005",
    further=further,
    channels=2,
    limits=(
        "The reference has no link of its own; linked, its detector was given the larger of both "
        "channels.",
    ),
    presets=(
        ("Glue", _preset(-20.0, 2.0, 20.0, 200.0, 3.0, 1.0)),
        ("Sustain", _preset(-38.0, 8.0, 5.0, 300.0, 14.0, 1.0)),
        ("Limiter", _preset(-10.0, 20.0, 1.0, 60.0, 0.0, 1.0)),
    ),
)
