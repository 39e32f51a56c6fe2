"""What others' networks make of the effects' references: ``models/train/run baselines NAME``.

The networks are those of ``train/baselines.py``, with the same budgets. They are trained on
synthetic playing through the reference with all knobs at their defaults, and judged on the first
seconds of the held-out files, once each. Effects of two channels are heard as on a mono track: the
mean of both channels that the reference gives for the same input left and right. Networks are not
told what an oscillator does: its phase is 0 where the training signal and each excerpt begin.

McCool's LSTM is trained where he meant it, on what lasts: chorus, delay and reverb.
"""

import json
from pathlib import Path

import torch

from ..baselines import MCCOOL, MCCOOL_LSTM, NANO, add, judge, trained
from ..dataset import SYNTHETIC
from ..material import synthetic
from .card import write_card
from .effect import Effect
from .graph import RATE
from .judge import SILENCE_FRAMES, load

_LASTING = ("chorus", "delay", "reverb")

_TEST_SECONDS = 2.5
"""Of each held-out file, since networks play slowly outside the engine."""


def compare(effect: Effect, audio: Path, out: Path) -> None:
    """Trains all networks on the effect's reference; each joins its figures once it is judged.

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
    networks = (NANO, MCCOOL, MCCOOL_LSTM) if effect.name in _LASTING else (NANO, MCCOOL)
    for title, play in trained(networks, x, effect.reference(x, at)):
        add(figures, title, judge(play, dry, wet))
        path.write_text(json.dumps(figures, indent=1) + "\n")
        write_card(path.with_suffix(".md"), effect, figures)
