"""A recorded pair, dry and wet: read, checked and aligned before any time is spent on training.

Each check that fails is a sentence: what is wrong, where, what to do. ``sure`` turns those that are
suspicions rather than certainties into warnings.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from .metrics import decibels

SHORTEST_SECONDS = 8.0
SILENCE_DB = -60.0
DRIFT_SAMPLES = 3.0


class BadRecording(Exception):
    """A pair that cannot, or should not, be trained on."""


@dataclass(frozen=True)
class Pair:
    """``dry`` and ``wet`` ``[n]`` at ``rate``, aligned; ``delay`` samples were taken off."""

    dry: np.ndarray
    wet: np.ndarray
    rate: int
    delay: int
    notes: tuple[str, ...]


def read(path: Path, refusal: type[Exception]) -> tuple[np.ndarray, int]:
    """The file's samples ``[n, channels]`` and rate; raises ``refusal`` if it is no audio file."""
    if not path.is_file():
        raise refusal(f"{path}: no such file.")
    try:
        return soundfile.read(path, dtype="float64", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise refusal(f"{path}: not an audio file that can be read ({error}).") from error


def _read(path: Path) -> tuple[np.ndarray, int, list[str]]:
    x, rate = read(path, BadRecording)
    if not np.isfinite(x).all():
        raise BadRecording(f"{path}: contains samples that are not numbers; export it again.")
    notes = [f"{path.name}: the mean of {x.shape[1]} channels is used."] if x.shape[1] > 1 else []
    return x.mean(axis=1), rate, notes


def clipped(x: np.ndarray) -> int:
    """Samples in flat tops: three or more in a row within 1e-4 of the peak, at 0.5 or more."""
    peak = np.max(np.abs(x), initial=0.0)
    if peak < 0.5:
        return 0
    top = np.abs(x) > peak * (1 - 1e-4)
    ends = np.flatnonzero(np.diff(np.concatenate([[0], top.astype(np.int8), [0]])))
    lengths = ends[1::2] - ends[::2]
    return int(lengths[lengths >= 3].sum())


def _whitened(x: np.ndarray) -> np.ndarray:
    return np.diff(x, prepend=0.0)


def lag(dry: np.ndarray, wet: np.ndarray, limit: int) -> tuple[int, float]:
    """How many samples ``wet`` is behind ``dry``, within ``limit``, and how sure that is: the
    height of the correlation's peak over its median magnitude."""
    a, b = _whitened(dry), _whitened(wet)
    size = 1 << int(np.ceil(np.log2(len(a) + limit + 1)))
    cross = np.fft.irfft(np.conj(np.fft.rfft(a, size)) * np.fft.rfft(b, size), size)
    window = np.abs(np.concatenate([cross[-limit:], cross[: limit + 1]]))
    at = int(np.argmax(window))
    return at - limit, float(window[at] / max(np.median(window), 1e-30))


def onset(dry: np.ndarray, wet: np.ndarray, near: int) -> int:
    """The delay at which the response from ``dry`` to ``wet`` begins, looked for from 64 samples
    before ``near``: a filter's own rise is the device's, what stands before it is delay. The
    response is a regularised deconvolution; it begins where it first reaches a third of its
    peak."""
    a, b = _whitened(dry), _whitened(wet)
    size = 1 << int(np.ceil(np.log2(len(a) + 4096)))
    x, y = np.fft.rfft(a, size), np.fft.rfft(b, size)
    power = np.convolve(np.abs(x) ** 2, np.ones(65) / 65, mode="same")
    response = np.fft.irfft(np.conj(x) * y / (power + 0.1 * power.mean()), size)
    window = np.abs(np.roll(response, 64 - near)[:96])
    return near - 64 + int(np.argmax(window >= window.max() / 3))


def _drift(dry: np.ndarray, wet: np.ndarray, delay: int, rate: int) -> tuple[float, float] | None:
    """Change of the delay from the file's first to its last window, in samples and in parts per
    million; nothing if too few windows have enough sound for a figure."""
    size, points = rate, []
    for start in range(0, len(dry) - size, size):
        a, b = dry[start : start + size], wet[start : start + size]
        if np.sqrt(np.mean(a**2)) < 1e-3 or np.sqrt(np.mean(b**2)) < 1e-4:
            continue
        found, sure = lag(a, b, min(size // 4, 2000))
        if sure > 2.5:
            points.append((start, found - delay))
    if len(points) < 5:
        return None
    at, lags = np.array(points, float).T
    pairs = [
        (lags[j] - lags[i]) / (at[j] - at[i])
        for i in range(len(at))
        for j in range(i + 1, len(at))
    ]
    slope = float(np.median(pairs))
    # A straight line has to explain the lags; a wandering one is the device's own.
    rest = lags - slope * at
    if np.median(np.abs(rest - np.median(rest))) > 2.0:
        return None
    return slope * (at[-1] - at[0]), slope * 1e6


def _crest(x: np.ndarray) -> float:
    return decibels(np.max(np.abs(x)) / np.sqrt(np.mean(x**2)))


def _floor(x: np.ndarray, rate: int) -> float:
    """How quiet the quietest twentieth of the recording is, relative to all of it."""
    size = rate // 20
    frames = x[: len(x) // size * size].reshape(-1, size)
    return float(np.percentile(np.sqrt(np.mean(frames**2, axis=1)), 5) / np.sqrt(np.mean(x**2)))


def load(dry_path: Path, wet_path: Path, sure: bool = False) -> Pair:
    """Reads, checks and aligns the pair. Raises ``BadRecording``."""
    dry, dry_rate, notes = _read(dry_path)
    wet, wet_rate, more = _read(wet_path)
    notes += more

    def doubt(sentence: str) -> None:
        if not sure:
            raise BadRecording(f"{sentence} If it is meant so, add --sure.")
        notes.append(f"Warning: {sentence}")

    if dry_rate != wet_rate:
        raise BadRecording(
            f"{dry_path.name} is at {dry_rate} Hz, {wet_path.name} at {wet_rate} Hz: record or "
            "export both at one rate."
        )
    if not 22_050 <= dry_rate <= 192_000:
        raise BadRecording(f"{dry_rate} Hz: rates from 22050 to 192000 Hz can be trained at.")
    if dry_path.samefile(wet_path) or (len(dry) == len(wet) and np.array_equal(dry, wet)):
        raise BadRecording("Dry and wet are the same recording: the model would do nothing.")
    for path, x in ((dry_path, dry), (wet_path, wet)):
        if len(x) < SHORTEST_SECONDS * dry_rate:
            raise BadRecording(
                f"{path.name} lasts {len(x) / dry_rate:.1f} s: at least {SHORTEST_SECONDS:.0f} s "
                "are needed, three minutes are good."
            )
        level = decibels(np.sqrt(np.mean(x**2)))
        if level < SILENCE_DB:
            raise BadRecording(
                f"{path.name} is silent, or nearly so ({level:.0f} dB RMS): check the cables, the "
                "input's gain and which channel was recorded."
            )
    apart = abs(len(dry) - len(wet)) / dry_rate
    if apart > max(0.5, 0.01 * len(dry) / dry_rate):
        doubt(
            f"{dry_path.name} lasts {len(dry) / dry_rate:.2f} s and {wet_path.name} "
            f"{len(wet) / dry_rate:.2f} s: they are not one take, or one was cut."
        )
    if len(dry) != len(wet):
        notes.append(f"Lengths differ by {apart:.3f} s; what only one file has is left out.")
    length = min(len(dry), len(wet))
    dry, wet = dry[:length], wet[:length]
    for path, x, what in ((dry_path, dry, "the input"), (wet_path, wet, "the converter")):
        flat = clipped(x)
        if flat > 1e-4 * len(x) and np.max(np.abs(x)) > 0.98:
            doubt(
                f"{path.name} is clipped: {flat} samples stand at full scale in flat tops. Record "
                f"it again with less gain at {what}."
            )

    rough, certain = lag(dry, wet, min(dry_rate, length // 2))
    if certain < 8.0:
        doubt(
            "The two recordings do not resemble each other at any delay within a second: are they "
            "the same take?"
        )
    drift = _drift(dry, wet, rough, dry_rate)
    if drift is not None and abs(drift[0]) > DRIFT_SAMPLES:
        doubt(
            f"The clocks drift: the delay changes by {drift[0]:.0f} samples over the recording "
            f"({drift[1]:.1f} parts per million). Play and record with one interface, on one clock."
        )
    delay = onset(dry, wet, rough)
    if delay < -8:
        doubt(
            f"{wet_path.name} is {-delay} samples ahead of {dry_path.name}: the files are swapped, "
            "of different takes, or the wet one was cut at its beginning."
        )
    elif delay > dry_rate // 4:
        doubt(
            f"{wet_path.name} is {delay / dry_rate:.2f} s late: the files are of different takes, "
            "or the dry one was cut at its beginning."
        )
    if -8 <= delay <= 4:
        # Too near to be told from the device's own rise.
        delay = 0
    elif delay > 4:
        notes.append(f"The wet recording is {delay} samples late; that was taken off.")
    gain = _crest(wet) - _crest(dry)
    floor = [_floor(x, dry_rate) for x in (dry, wet)]
    if gain > 6.0 or (gain > 3.0 and floor[1] < 0.7 * floor[0]):
        doubt(
            f"{wet_path.name} has {gain:.1f} dB more dynamics than {dry_path.name}: a "
            "device rarely does that, the files seem to be swapped."
        )
    if delay > 0:
        dry, wet = dry[:-delay], wet[delay:]
    elif delay < 0:
        dry, wet = dry[-delay:], wet[:delay]
    if length < 60 * dry_rate:
        notes.append(f"Only {length / dry_rate:.0f} s: one to three minutes make a better model.")
    return Pair(dry, wet, dry_rate, delay, tuple(notes))
