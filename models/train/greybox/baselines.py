"""What others' networks make of the effects' references: ``models/train/run baselines NAME``.

The forms are those of ``train/baselines.py``; the networks get about half of their time there,
since more of it changes little here. They are fitted to synthetic playing through the reference
with all knobs at their defaults, and judged on the first seconds of the held-out files, once each.
Effects of two channels are heard as on a mono track: the mean of both channels that the reference
gives for the same input left and right. Networks are not told what an oscillator does: its phase is
0 where the training signal and each excerpt begin.

McCool's LSTM is trained where he meant it, on what lasts: chorus, delay and reverb.
"""

import json
from dataclasses import replace
from pathlib import Path

import torch

from ..baselines import MCCOOL, MCCOOL_LSTM, NANO, fit_all
from ..dataset import SYNTHETIC
from ..material import synthetic
from .card import write_card
from .effect import Effect
from .graph import RATE
from .judge import SILENCE_FRAMES, load

_NETWORKS = (replace(NANO, seconds=150.0), replace(MCCOOL, seconds=60.0))
_LASTING, _FOR_LASTING = ("chorus", "delay", "reverb"), replace(MCCOOL_LSTM, seconds=180.0)

_TEST_SECONDS = 2.5
"""Of each held-out file, since networks play slowly outside the engine."""


def compare(effect: Effect, audio: Path, out: Path) -> None:
    """Fits all to the effect's reference.

    Raises ``SystemExit`` with a sentence for an effect that has no bar for waveforms."""
    if effect.bar is None:
        raise SystemExit(
            f"{effect.name} is judged by pitch and spectra: the error of a waveform, by which the "
            "networks are trained and judged, says nothing of it."
        )
    torch.set_num_threads(1)
    at = effect.defaults()
    x = synthetic(*SYNTHETIC["train"])
    frames = SILENCE_FRAMES + int(_TEST_SECONDS * RATE)
    dry = [clip[:frames] for clip in load(audio)[0].values()]
    wet = [effect.reference(clip, at) for clip in dry]
    path = out / f"{effect.name}.json"
    figures = json.loads(path.read_text())
    figures["more_baselines_data"] = {
        "train_seconds": round(len(x) / RATE, 1), "test_seconds": _TEST_SECONDS
    }
    networks = (*_NETWORKS, _FOR_LASTING) if effect.name in _LASTING else _NETWORKS
    fit_all(
        networks, x, effect.reference(x, at), (dry, wet), figures, path,
        lambda card, figures: write_card(card, effect, figures),
    )
