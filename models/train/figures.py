"""McCool's two figures for an effect: waveforms on top of each other, and three mel-spectrograms.

``draw`` writes ``NAME-wave.png`` and ``NAME-mel.png`` into ``docs/images/models``; colours are few
so that the files stay small.
"""

import io
from pathlib import Path

import numpy as np

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images" / "models"
_NAMES = ("clean", "reference", "model")
_FLOOR_DB = -80.0


def mel_spectrogram(x: np.ndarray, rate: int, bands: int = 96) -> np.ndarray:
    """``[bands, frames]`` in dB, HTK mel from 40 Hz to 16 kHz, windows of 2048, hop 512."""
    size, hop = 2048, 512
    if len(x) < size:
        x = np.pad(x, (0, size - len(x)))
    frames = np.lib.stride_tricks.sliding_window_view(x, size)[::hop] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2 / size
    top = min(16_000.0, rate / 2)
    mel = np.linspace(*(2595 * np.log10(1 + np.array([40.0, top]) / 700)), bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    f = np.fft.rfftfreq(size, 1 / rate)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rise = (f - low) / (middle - low)
    fall = (high - f) / (high - middle)
    weights = np.maximum(0.0, np.minimum(rise, fall))
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    return 10 * np.log10(np.maximum(power @ weights.T, 1e-10)).T


def _loudest(y: np.ndarray, length: int) -> int:
    """Where the loudest stretch of ``length`` samples begins."""
    if len(y) <= length:
        return 0
    energy = np.cumsum(np.concatenate([[0.0], y**2]))
    return int(np.argmax(energy[length:] - energy[:-length]))


def _save(figure: object, path: Path, colours: int) -> None:
    """Writes a PNG of few colours: a fifth of the bytes."""
    import matplotlib.pyplot as plt
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=72, bbox_inches="tight")
    plt.close(figure)
    picture = Image.open(drawn).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    picture.save(path, optimize=True)


def draw(
    name: str, dry: np.ndarray, reference: np.ndarray, model: np.ndarray, rate: int
) -> tuple[Path, Path]:
    """Draws one held-out excerpt of a few seconds; all ``[n]``. Returns the two files."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    wave, mel = FOLDER / f"{name}-wave.png", FOLDER / f"{name}-mel.png"
    length = int(0.02 * rate)
    at = _loudest(reference, length)
    cut = slice(at, at + length)
    time = 1e3 * np.arange(len(reference[cut])) / rate
    figure, axis = plt.subplots(figsize=(8, 2.6))
    axis.plot(time, dry[cut], color="#9a9a9a", lw=1.0, label="clean")
    axis.plot(time, reference[cut], color="#1f5fa8", lw=2.2, label="reference")
    axis.plot(time, model[cut], color="#d9541e", lw=1.1, ls="--", label="model")
    axis.plot(time, (reference - model)[cut], color="#2b8a3e", lw=0.8, label="difference")
    axis.set_xlabel("ms")
    axis.grid(alpha=0.3)
    axis.legend(loc="upper right", fontsize=7, ncols=4)
    _save(figure, wave, 64)

    length = int(4.0 * rate)
    at = _loudest(reference, length)
    pictures = [mel_spectrogram(s[at : at + length], rate) for s in (dry, reference, model)]
    figure, axes = plt.subplots(1, 3, figsize=(9, 2.4), sharey=True)
    for axis, title, picture in zip(axes, _NAMES, pictures, strict=True):
        top = picture.max() if title == "clean" else max(p.max() for p in pictures[1:])
        axis.imshow(
            picture,
            origin="lower",
            aspect="auto",
            vmin=top + _FLOOR_DB,
            vmax=top,
            cmap="magma",
            extent=(0, picture.shape[1] * 512 / rate, 0, picture.shape[0]),
            interpolation="nearest",
        )
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("s", fontsize=8)
        axis.tick_params(labelsize=7)
    axes[0].set_ylabel("mel band", fontsize=8)
    _save(figure, mel, 48)
    return wave, mel
