"""Writes pluck_di.wav: four seconds of plucked strings (Karplus and Strong, 1983), as a guitar's pickup would give them, 48 kHz, 16 bit.

Needs numpy and soundfile. Licence of script and sound: MIT OR Apache-2.0.
"""

import pathlib

import numpy as np
import soundfile

RATE = 48_000
SECONDS = 4.0
# Start in seconds, note in Hz, peak.
NOTES = [
    (0.10, 82.41, 0.5), (0.60, 110.0, 0.5), (0.85, 146.83, 0.4), (1.10, 196.0, 0.4), (1.35, 246.94, 0.35),
    (1.60, 329.63, 0.35), (2.20, 82.41, 0.6), (2.20, 123.47, 0.5), (2.20, 164.81, 0.45), (3.00, 440.0, 0.3), (3.25, 392.0, 0.3),
]


def pluck(random, frequency, frames):
    """One string: noise in a loop whose average of two neighbours loses energy, the higher the faster. `[frames]`."""
    period = RATE / frequency
    length = int(period - 0.5)
    fraction = period - 0.5 - length
    loop = random.uniform(-1, 1, length + 2)
    # A soft pick: the noise is smoothed, and the string is struck at a fifth of its length.
    loop = np.convolve(np.tile(loop, 3), np.hanning(9) / 4, "same")[length + 2 : 2 * (length + 2)]
    loop -= np.roll(loop, max(1, length // 5))
    out = np.zeros(frames)
    out[: length + 2] = loop
    for n in range(length + 2, frames):
        a, b = out[n - length - 1], out[n - length - 2]
        whole = (1 - fraction) * out[n - length] + fraction * a
        before = (1 - fraction) * a + fraction * b
        out[n] = 0.9985 * 0.5 * (whole + before)
    return out / np.abs(out).max()


def main():
    random = np.random.default_rng(2026)
    total = int(RATE * SECONDS)
    mix = np.zeros(total)
    for start, frequency, peak in NOTES:
        at = int(start * RATE)
        frames = min(total - at, int(1.6 * RATE))
        note = peak * pluck(random, frequency, frames)
        fade = min(frames, RATE // 20)
        note[-fade:] *= np.linspace(1, 0, fade)
        mix[at : at + frames] += note
    mix *= 0.35 / np.abs(mix).max()
    soundfile.write(pathlib.Path(__file__).with_name("pluck_di.wav"), mix, RATE, subtype="PCM_16")


if __name__ == "__main__":
    main()
