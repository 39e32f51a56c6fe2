"""What ``process.py`` lets through and what it refuses: ``python -m train.check_process``.

Effects of our own, spoilt one way each; raises ``AssertionError`` with a sentence.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from . import hosts
from .circuits import RATE
from .material import plucked
from .process import BadReference, Play, process, reaper_list

_RANGES = {"Drive": (1.0, 20.0), "Level": (0.1, 1.0)}
_AT = {"Drive": 6.0, "Level": 0.5}


def _drive(x: np.ndarray, controls: Mapping[str, float]) -> np.ndarray:
    return controls.get("Level", 0.5) * np.tanh(controls.get("Drive", 6.0) * x)


def _swelling(x: np.ndarray, controls: Mapping[str, float]) -> np.ndarray:
    """Silent until it has warmed up, as a plugin that fades in."""
    return _drive(x, controls) * np.minimum(1.0, np.arange(len(x)) / (0.5 * RATE))


def _effects() -> dict[str, tuple[Play, str]]:
    """Effects, and a word of the refusal; none where it is let through."""
    rng = np.random.default_rng(3)

    def late(x: np.ndarray, controls: Mapping[str, float]) -> np.ndarray:
        return np.concatenate([np.zeros(500), _drive(x, controls)])[: len(x)]

    return {
        "a drive": (_drive, ""),
        "one that is late": (late, ""),
        "one that fades in": (_swelling, ""),
        "one that is random": (lambda x, c: _drive(x, c) + 1e-3 * rng.normal(size=len(x)), ""),
        "one without its Drive": (lambda x, c: _drive(x, dict(c) | {"Drive": 6.0}), "Drive"),
        "a bypassed one": (lambda x, c: x, "Drive, Level"),
        "a silent one": (lambda x, c: 1e-5 * _drive(x, c), "silent"),
        "a loud one": (lambda x, c: 8.0 * _drive(x, c), "peaks at"),
        "a clipping one": (lambda x, c: np.clip(4.0 * _drive(x, c), -1.0, 1.0), "flat tops"),
        "one of no numbers": (
            lambda x, c: np.where(np.arange(len(x)) == 90_000, np.nan, _drive(x, c)),
            "not numbers",
        ),
        "one that stops": (lambda x, c: _drive(x, c)[:-9], "came out"),
        "one from the future": (lambda x, c: np.roll(_drive(x, c), -400), "ahead"),
    }


def _ports() -> None:
    ranges, audio = hosts.lv2_ports(
        "\n\tPort 0:\n\t\tType: x#AudioPort\n\t\t      x#InputPort\n\t\tSymbol:      in\n"
        "\n\tPort 1:\n\t\tType: x#AudioPort\n\t\t      x#OutputPort\n\t\tSymbol:      out\n"
        "\n\tPort 2:\n\t\tType: x#ControlPort\n\t\t      x#InputPort\n\t\tSymbol:      gain\n"
        "\t\tMinimum:     -20.000000\n\t\tMaximum:     20.000000\n\t\tDefault:     0.0\n"
        "\n\tPort 3:\n\t\tType: x#ControlPort\n\t\t      x#OutputPort\n\t\tSymbol:      meter\n"
        "\t\tMinimum:     0.0\n\t\tMaximum:     1.0\n"
        "\n\tPort 4:\n\t\tType: x#ControlPort\n\t\t      x#InputPort\n\t\tSymbol:      endless\n"
    )
    assert (ranges, audio) == ({"gain": (-20.0, 20.0)}, 1), (ranges, audio)


def main() -> None:
    """Runs every case and prints what was said."""
    dry = 0.4 * plucked(5, 6.0)
    for name, (play, wanted) in _effects().items():
        try:
            wet, notes = process(dry, RATE, play, _AT, _RANGES)
            assert not wanted, f"{name}: let through"
            said = " ".join(notes)
        except BadReference as error:
            said = str(error)
            assert wanted, f"{name}: refused: {error}"
            assert wanted in said, f"{name}: not for the right reason: {error}"
        if not wanted and name != "one that is random":
            end = len(dry) - 600
            assert np.allclose(wet[:end], _drive(dry, _AT)[:end], atol=1e-9), f"{name}: another"
        assert (name == "one that is late") == ("500 samples late" in said), f"{name}: {said}"
        assert (name == "one that is random") == ("random" in said), f"{name}: {said}"
        print(f"{name}: {said}")
    _ports()
    text = reaper_list(Path("amp.RfxChain"), [Path("a.wav"), Path("b.wav")], Path("out"), RATE)
    lines = text.splitlines()
    assert lines[0].endswith("a.wav") and lines[1].endswith("b.wav"), text
    assert lines[2] == "<CONFIG" and lines[-1] == ">" and f"SRATE {RATE}" in text, text
    print("lists of ports, and for Reaper: as they should be")


if __name__ == "__main__":
    main()
