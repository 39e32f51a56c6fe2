"""Judges a finished file on held-out playing over the whole knob range, beside its baselines."""

from pathlib import Path

import numpy as np

from .. import loudness
from ..dataset import TEST, read_audio
from ..material import synthetic
from ..metrics import decibels, esr, linear_fir, pre_emphasise, scaled_dry
from .effect import Effect, Play, Settings
from .graph import RATE
from .play import Engine, Runtime

RANDOM_SETTINGS = 16
SEED = 71_001
EXCERPT = 6 * RATE
"""Frames that are judged of each held-out file, from its beginning."""

SILENCE_FRAMES = RATE // 2
"""Before each excerpt."""


def settings(effect: Effect) -> list[dict[str, float]]:
    """A Latin square of random settings, then the default, then each knob at both of its ends.

    None but the default and the ends can be one that a fit has seen."""
    rng = np.random.default_rng(SEED)
    turns = np.stack(
        [
            (rng.permutation(RANDOM_SETTINGS) + rng.random(RANDOM_SETTINGS)) / RANDOM_SETTINGS
            for _ in effect.knobs
        ],
        1,
    )
    result = [
        {knob.name: knob.at(float(t)) for knob, t in zip(effect.knobs, row, strict=True)}
        for row in turns
    ]
    result.append(effect.defaults())
    for knob in effect.knobs:
        for end in (knob.low, knob.high):
            result.append(effect.defaults() | {knob.name: end})
    return [{k: round(v, 6) for k, v in s.items()} for s in result]


def load(audio: Path, channels: int = 1) -> tuple[dict[str, np.ndarray], list[str]]:
    """The held-out files that ``audio`` has, each after half a second of silence, and the names
    of those that it lacks. Without any, synthetic playing stands in.

    Of two ``channels`` ``[2, n]``: the first file on the left beside the last on the right, and
    the first in the middle."""
    missing = [s.file for s in TEST if not (audio / s.file).is_file()]
    clips = {s.file: read_audio(audio / s.file) for s in TEST if s.file not in missing}
    if not clips:
        clips = {"synthetic test": synthetic(3, 15.0)}
    silence = np.zeros(SILENCE_FRAMES)
    clips = {name: np.concatenate([silence, x[:EXCERPT]]) for name, x in clips.items()}
    if channels == 1:
        return clips, missing
    (one, left), (other, right) = list(clips.items())[0], list(clips.items())[-1]
    frames = min(len(left), len(right))
    return {
        f"{one} left, {other} right": np.stack([left[:frames], right[:frames]]),
        f"{one} in the middle": np.stack([left, left]),
    }, missing


def drawn(effect: Effect, play: Play, clips: dict[str, np.ndarray]) -> None:
    """Draws the waveforms and spectrograms at the default, of two channels the left."""
    # Here, since nothing else needs what draws.
    from ..figures import draw

    x = next(iter(clips.values()))
    at = effect.defaults()
    signals = (x, effect.reference(x, at), play(x, effect.true(at)))
    draw(effect.name, *(np.atleast_2d(s)[0] for s in signals), RATE)


def _row(effect: Effect, play: Play, clips: dict[str, np.ndarray], at: Settings) -> dict:
    wanted, got, dry = [], [], []
    for x in clips.values():
        wanted.append(effect.reference(x, at))
        got.append(play(x, effect.true(at)))
        dry.append(x)
    # Channels one after another; each begins with silence, so that no filter sees the last.
    y, p, x = (np.concatenate(part, axis=-1).ravel() for part in (wanted, got, dry))
    return {
        "settings": dict(at),
        "esr": esr(y, p),
        "esr_pre_emphasised": esr(pre_emphasise(y), pre_emphasise(p)),
        "scaled_dry": scaled_dry(x, y),
        "linear_fir": linear_fir(x, y),
    }


def waveforms(effect: Effect, play: Play, clips: dict[str, np.ndarray]) -> dict:
    """Error-to-signal ratios setting by setting, with median and worst."""
    rows = [_row(effect, play, clips, at) for at in settings(effect)]
    result: dict = {"rows": rows}
    for key in ("esr", "esr_pre_emphasised", "scaled_dry", "linear_fir"):
        values = [row[key] for row in rows]
        result[key] = {"median": float(np.median(values)), "worst": max(values)}
    return result


def idle(effect: Effect, play: Play) -> float:
    """The largest output for half a second of silence over all settings, dB of full scale."""
    silence = np.zeros((effect.channels, RATE // 2)).squeeze()
    return decibels(max(float(np.max(np.abs(play(silence, s)))) for s in settings(effect)))


def controls(effect: Effect, play: Play, clips: dict[str, np.ndarray]) -> dict:
    """How much each knob changes the reference and the model from end to end, as the difference's
    power over the output's. Raises ``AssertionError`` where one is not heard."""
    x = next(iter(clips.values()))[..., : 3 * RATE]
    result = {}
    for knob in effect.knobs:
        ends = [effect.defaults() | {knob.name: end} for end in (knob.low, knob.high)]
        low, high = (effect.reference(x, s) for s in ends)
        mine_low, mine_high = (play(x, s) for s in ends)
        change = {"reference": esr(high, low), "model": esr(mine_high, mine_low)}
        assert min(change.values()) > 1e-4, f"{effect.name}: {knob.name} is not heard: {change}"
        result[knob.name] = change
    return result


def agreement(effect: Effect, path: Path, play: Play, clips: dict[str, np.ndarray]) -> float:
    """The largest difference between the engine and ONNX Runtime over 0.8 s of playing, as a part
    of the largest output."""
    x = next(iter(clips.values()))[..., SILENCE_FRAMES :][..., : 4 * RATE // 5]
    other = Runtime(path, effect.reach)
    worst = 0.0
    for at in (effect.defaults(), settings(effect)[0]):
        mine = play(x, at)
        peak = max(float(np.max(np.abs(mine))), 1e-6)
        worst = max(worst, float(np.max(np.abs(mine - other(x, at)))) / peak)
    return worst


def judge(effect: Effect, path: Path, audio: Path, parameters: dict) -> dict:
    """All figures of the card."""
    play = Engine(path)
    clips, missing = load(audio, effect.channels)
    facts = play.facts()
    figures = {
        "overall": {"files": list(clips)},
        "missing_files": missing,
        "latency_samples": facts.get("latency_samples"),
        "parameters": parameters,
        "controls": controls(effect, play, clips),
        "idle_output_dbfs": idle(effect, play),
        "runtime_difference": agreement(effect, path, play, clips),
        "loudness": loudness.measure(
            lambda x: play(x if effect.channels == 1 else np.stack([x, x]), effect.defaults())
        ),
    }
    if effect.bar is not None:
        figures["waveforms"] = waveforms(effect, play, clips)
        figures["overall"]["esr"] = figures["waveforms"]["esr"]["median"]
    figures |= effect.further(play, clips)
    drawn(effect, play, clips)
    return figures
