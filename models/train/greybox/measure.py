"""Tools that several fits share: probes, reading between frames, delay trajectories."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

import numpy as np
import pedalboard
from scipy.signal import butter, sosfilt

from .. import hosts
from .graph import RATE


def low_noise(frames: int, corner: float, seed: int, level: float = 0.2) -> np.ndarray:
    """Noise below ``corner`` Hz of RMS ``level``, ``[frames]``."""
    x = np.random.default_rng(seed).normal(size=frames)
    x = sosfilt(butter(4, corner, fs=RATE, output="sos"), x)
    return level * x / np.std(x)


_session: ContextVar[int] = ContextVar("session", default=RATE)


@contextmanager
def session_rate(rate: int) -> Iterator[None]:
    """Within it references are played at ``rate`` Hz."""
    token = _session.set(rate)
    try:
        yield
    finally:
        _session.reset(token)


def through(plugin: pedalboard.Plugin, x: np.ndarray) -> np.ndarray:
    """``x [n]`` (mono) or ``[2, n]`` through a freshly reset plugin of pedalboard, at the session's
    rate: 48 kHz unless ``session_rate`` says another."""
    board = pedalboard.Pedalboard([plugin])
    return board(x.astype(np.float32), _session.get(), reset=True).astype(np.float64)


def lv2(uri: str, controls: Mapping[str, float], x: np.ndarray, channels: int) -> np.ndarray:
    """``x [n]`` through an LV2 plugin with so many audio ports each way, at the session's rate; its
    first output.

    Raises ``hosts.HostError`` with what the program says if it fails or warns."""
    return hosts.lv2_apply(uri, controls, x, _session.get(), channels)


def read_ago(x: np.ndarray, frames: np.ndarray) -> np.ndarray:
    """``x`` as it was ``frames [n]`` ago, linearly between frames, zeros before the beginning."""
    longest = int(np.max(frames)) + 2
    history = np.concatenate([np.zeros(longest), x])
    at = np.arange(len(x)) + longest - frames
    whole = np.floor(at).astype(int)
    part = at - whole
    return history[whole] * (1 - part) + history[np.minimum(whole + 1, len(history) - 1)] * part


def trajectory(x: np.ndarray, y: np.ndarray, longest: int, window: int = 960) -> np.ndarray:
    """How many frames ago ``y`` was ``x``: for each window (``[m, 2]``: its middle, the delay)
    the whole delay up to ``longest`` whose correlation is best."""
    result = []
    for a in range(longest, len(x) - window, window):
        b = a + window
        lags = np.lib.stride_tricks.sliding_window_view(x[a - longest : b], window)[::-1]
        score = lags @ y[a:b] / np.sqrt(np.sum(lags**2, axis=1) + 1e-9)
        result.append((a + window / 2, int(np.argmax(score))))
    return np.array(result, dtype=float)


def sine_start(x: np.ndarray, y: np.ndarray, rate: float, longest: int) -> np.ndarray:
    """``(c, a, b)`` of ``sine_delay`` from the trajectory, robust against windows gone wrong."""
    at, delay = trajectory(x, y, longest).T
    angle = 2 * np.pi * rate * at / RATE
    matrix = np.stack([np.ones_like(at), np.sin(angle), np.cos(angle)], 1)
    keep = np.ones(len(at), bool)
    for _ in range(4):
        found, *_ = np.linalg.lstsq(matrix[keep], delay[keep], rcond=None)
        off = np.abs(matrix @ found - delay)
        keep = off < max(3.0, 3.0 * float(np.median(off)))
    return found


def sine_delay(
    x: np.ndarray, y: np.ndarray, rate: float, start: np.ndarray, skip: int
) -> tuple[np.ndarray, float, float]:
    """Fits ``y [n]`` as ``x [n]`` read ``c + a sin(2 π r t) + b cos(2 π r t)`` frames ago, by
    Gauss-Newton from ``start = (c, a, b)`` and the nominal ``rate`` (Hz).

    Returns ``(c, a, b)``, the true rate ``r`` in Hz and the error-to-signal ratio of what is left.
    ``x`` has to vary slowly (noise below 1.5 kHz), ``skip`` frames at the start are left out.
    """
    t = np.arange(len(x)) / RATE
    c, a, b = start
    error = np.inf
    for _ in range(12):
        angle = 2 * np.pi * rate * t
        s, k = np.sin(angle), np.cos(angle)
        delay = c + a * s + b * k
        guess = read_ago(x, delay)
        slope = read_ago(x, delay - 0.5) - read_ago(x, delay + 0.5)
        turning = 2 * np.pi * t * (a * k - b * s)
        columns = [slope, slope * s, slope * k]
        moves = abs(a) + abs(b) > 1.0
        if moves:
            columns.append(slope * turning)
        matrix = np.stack(columns, 1)[skip:]
        error = float(np.sum((guess - y)[skip:] ** 2) / np.sum(y[skip:] ** 2))
        change, *_ = np.linalg.lstsq(matrix, (guess - y)[skip:], rcond=None)
        c, a, b = c + change[0], a + change[1], b + change[2]
        if moves:
            rate += change[3]
        if np.max(np.abs(change)) < 1e-7:
            break
    return np.array([c, a, b]), rate, error


def true_rate(
    wet: Callable[[np.ndarray], np.ndarray], rate: float, start: np.ndarray
) -> float:
    """The rate in Hz at which a delay moves whose nominal one is ``rate``, over 16 s of noise
    through ``wet``; ``start`` as for ``sine_delay``. Where it hardly moves, the nominal rate."""
    if np.hypot(start[1], start[2]) < 5.0:
        return rate
    frames = 16 * RATE
    probe = low_noise(frames, 1000.0, seed=11)
    y = wet(probe)
    # From short to long, so that a small error of the rate never runs ahead by a turn.
    for part in (frames // 8, frames // 3, frames):
        start, rate, _ = sine_delay(probe[:part], y[:part], rate, start, RATE // 2)
    return float(rate)


@dataclass
class SineDelays:
    """Delay trajectories over rates and depths, a value for each of both: ``depths``, the sines'
    sizes and centres in frames, where they start in turns, and what the fits left over."""

    depths: list[float] = field(default_factory=list)
    sines: list[float] = field(default_factory=list)
    centres: list[float] = field(default_factory=list)
    turns: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


def sine_delays(
    wet: Callable[[float, float, np.ndarray], np.ndarray], probe: np.ndarray, longest: int
) -> SineDelays:
    """The trajectories of ``wet(rate, depth, probe)`` over a grid of rates and depths."""
    all_of = SineDelays()
    for rate in (0.23, 0.41, 0.83):
        for depth in (0.1, 0.35, 0.65, 1.0):
            y = wet(rate, depth, probe)
            start = sine_start(probe, y, rate, longest)
            found, _, error = sine_delay(probe, y, rate, start, RATE // 2)
            all_of.depths.append(depth)
            all_of.sines.append(np.hypot(found[1], found[2]))
            all_of.centres.append(found[0])
            all_of.turns.append(np.arctan2(found[2], found[1]) / (2 * np.pi) % 1.0)
            all_of.errors.append(error)
    return all_of


def line(x: np.ndarray, y: np.ndarray) -> tuple[float, float, float]:
    """Least-squares ``y = a + b x``; returns ``a``, ``b`` and the largest residual."""
    (b, a) = np.polyfit(x, y, 1)
    return float(a), float(b), float(np.max(np.abs(a + b * np.asarray(x) - y)))
