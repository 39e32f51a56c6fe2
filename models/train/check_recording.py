"""What ``recording.py`` lets through and what it refuses: ``python -m train.check_recording``.

Takes of our own synthesis, spoilt one way each; raises ``AssertionError`` with a sentence.
"""

import tempfile
from pathlib import Path

import numpy as np
import soundfile

from .circuits import RATE
from .material import plucked
from .recording import BadRecording, load


def main() -> None:
    """Runs every case and prints what was said."""
    dry = 0.4 * plucked(5, 14.0) + 1e-5 * np.random.default_rng(1).normal(size=14 * RATE)
    wet = 0.5 * np.tanh(6.0 * dry)
    at = np.arange(len(dry))
    other = 0.4 * plucked(6, 14.0)
    clip = np.clip(12.0 * dry, -1, 1)
    late = np.concatenate([np.zeros(500), wet])[: len(wet)]
    cases = {
        "a good take": (dry, RATE, wet, RATE, ""),
        "a late take": (dry, RATE, late, RATE, ""),
        "swapped files": (wet, RATE, dry, RATE, "swapped"),
        "wet cut at its beginning": (dry, RATE, wet[400:], RATE, "ahead"),
        "other lengths": (dry, RATE, wet[: 9 * RATE], RATE, "lasts"),
        "too short": (dry[: 3 * RATE], RATE, wet[: 3 * RATE], RATE, "at least"),
        "silence": (dry, RATE, 1e-5 * wet, RATE, "silent"),
        "another rate": (dry, RATE, wet, 44_100, "44100"),
        "clipped": (dry, RATE, clip, RATE, "clipped"),
        "the same file": (dry, RATE, dry, RATE, "same recording"),
        "a drifting clock": (dry, RATE, np.interp(at * (1 - 25e-6), at, wet), RATE, "drift"),
        "another take": (dry, RATE, other, RATE, "take"),
        "not a number": (dry, RATE, np.where(at == 99, np.nan, wet), RATE, "not numbers"),
    }
    with tempfile.TemporaryDirectory() as folder:
        for name, (a, rate_a, b, rate_b, wanted) in cases.items():
            paths = Path(folder) / "dry.wav", Path(folder) / "wet.wav"
            soundfile.write(paths[0], a, rate_a, subtype="FLOAT")
            soundfile.write(paths[1], b, rate_b, subtype="FLOAT")
            try:
                said = f"delay {load(*paths).delay}"
                assert not wanted, f"{name}: let through"
            except BadRecording as error:
                said = str(error)
                assert wanted, f"{name}: refused: {error}"
                assert wanted in said, f"{name}: not for the right reason: {error}"
            if name == "a late take":
                assert abs(int(said.split()[1]) - 500) <= 6, f"{name}: {said}"
            print(f"{name}: {said}")


if __name__ == "__main__":
    main()
